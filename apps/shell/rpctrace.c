/* rpctrace: shows the messages of a running domain, by the descriptions of the boot image. */
#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/ifdesc.h>
#include <aos/paging.h>
#include <aos/time.h>
#include <aos/trace.h>
#include <if/init.h>
#include <if/process.h>

#include "shell_priv.h"
#include "words.h"

#define POLL_NS     20000000ull
#define NS_PER_S    1000000000ull
#define VALUES_MAX  1024u
#define CALLS_MAX   32u                  /* calls whose answers are to come */

struct rpctrace_call {
    uint32_t chan, tx;
    uint64_t time_ns;                    /* 0: free */
};

static struct {
    const void *interfaces;              /* mapped when first needed */
    size_t interfaces_bytes;
    const struct trace_ring *ring;
    size_t ring_bytes;
    caddr_t ring_frame;
    uint64_t seen;                       /* number of the record that was shown last */
    bool raw;
    uint32_t next;
    struct rpctrace_call calls[CALLS_MAX];
    struct ifdesc_value values[VALUES_MAX];
    struct ifdesc_room room;
} trace;

static void rpctrace_put(void *arg, const char *text, size_t bytes)
{
    (void)fwrite(text, 1, bytes, arg);
}

/* Without descriptions numbers are shown. */
static void rpctrace_interfaces(struct shell *sh)
{
    caddr_t frame;
    uint64_t bytes;
    void *at;

    if (trace.interfaces == NULL &&
        err_is_ok(init_module(sh->init, IFDESC_MODULE, strlen(IFDESC_MODULE), &frame, &bytes)) &&
        err_is_ok(paging_map_frame(paging_self(), frame, 0, aos_round_up(bytes, AOS_PAGE_BYTES),
                                   AOS_VM_READ, &at))) {
        trace.interfaces = at;
        trace.interfaces_bytes = bytes;
    }
}

/* The time since the call that this message answers; 0: it is not known, or no answer. */
static uint64_t rpctrace_took(const struct trace_record *r)
{
    uint32_t tx = (uint32_t)(r->header & MSG_TXID_MASK);
    enum msg_kind kind = msg_kind(r->header);

    if (kind == MSG_CALL && r->err == ERR_OK) {
        trace.calls[trace.next++ % CALLS_MAX] = (struct rpctrace_call){r->chan, tx, r->time_ns};
        return 0;
    }
    const bool answer = r->err != ERR_OK || kind == MSG_REPLY || kind == MSG_ERROR;
    for (size_t i = 0; answer && i < CALLS_MAX; i++) {
        struct rpctrace_call *call = &trace.calls[i];
        if (call->time_ns != 0 && call->chan == r->chan && call->tx == tx) {
            uint64_t ns = r->time_ns - call->time_ns;
            call->time_ns = 0;
            return ns;
        }
    }
    return 0;
}

static void rpctrace_words(const struct trace_record *r)
{
    for (uint32_t i = 0; i < r->words; i++) {
        printf(" 0x%llx", (unsigned long long)r->word[i]);
    }
    printf("%s", r->words < msg_words(r->header) ? " ..." : "");
}

static void rpctrace_values(const struct ifdesc *d, const struct ifdesc_method *m,
                            const struct trace_record *r)
{
    const struct ifdesc_out out = {rpctrace_put, stdout};
    const bool reply = msg_kind(r->header) == MSG_REPLY, item = msg_kind(r->header) == MSG_STREAM;
    const bool cut = r->words < msg_words(r->header);
    const uint32_t images[] = {
        reply ? m->reply_image : item ? m->item_image : m->request_image,
        reply ? m->bulk_image : item ? m->item_image : m->request_image};
    const uint32_t type = reply ? m->reply_type : item ? m->item_type : m->request_type;

    for (size_t i = 0; i < 2; i++) {
        struct ifdesc_value *values;
        trace.room = (struct ifdesc_room){.values = trace.values, .values_max = VALUES_MAX};
        if (ifdesc_decode(d, type, images[i], r->word, r->words, cut, &trace.room, &values)) {
            printf("%s", values->count != 0 ? " " : "");
            ifdesc_print(d, values, " ", &out);
            return;
        }
    }
    rpctrace_words(r);
}

static void rpctrace_error(errval_t err)
{
    char text[128];

    (void)err_format(err, text, sizeof(text));
    printf(" %s", text);
}

static void rpctrace_line(const struct trace_record *r)
{
    static const char *const kinds[] = {
        [MSG_CALL] = "call", [MSG_REPLY] = "reply", [MSG_ERROR] = "error",
        [MSG_ONEWAY] = "oneway", [MSG_EVENT] = "event", [MSG_STREAM] = "item",
        [MSG_CONTROL] = "control", [MSG_MALFORMED] = "malformed",
    };
    enum msg_kind kind = r->err != ERR_OK ? MSG_ERROR : msg_kind(r->header);
    uint64_t took = rpctrace_took(r);
    struct ifdesc d;
    struct ifdesc_method m;
    char peer[16] = "-";

    if (r->peer != TRACE_NOBODY) {
        (void)snprintf(peer, sizeof(peer), "%u", (unsigned)r->peer);
    }
    printf("%llu.%09llu %s %-3s %-6s ", (unsigned long long)(r->time_ns / NS_PER_S),
           (unsigned long long)(r->time_ns % NS_PER_S), (r->how & TRACE_SENT) != 0 ? "->" : "<-",
           peer, kinds[kind]);
    bool known = trace.interfaces != NULL &&
                 ifdesc_find(trace.interfaces, trace.interfaces_bytes, r->iface, &d);
    bool named = known && ifdesc_method_at(&d, msg_ordinal(r->header), &m);
    if (known) {
        printf("%s.", ifdesc_name(&d));
    } else {
        printf("%#x.", (unsigned)r->iface);
    }
    if (named) {
        printf("%s", m.name);
    } else {
        printf("%u", (unsigned)msg_ordinal(r->header));
    }
    if (kind == MSG_ERROR) {
        rpctrace_error(r->err != ERR_OK || r->words == 0 ? r->err : r->word[0]);
    } else if (named && kind != MSG_CONTROL && kind != MSG_MALFORMED) {
        rpctrace_values(&d, &m, r);
    } else {
        rpctrace_words(r);
    }
    if (took != 0) {
        printf(" (%llu ns)", (unsigned long long)took);
    }
    printf("\n");
}

/* For `stubgen ifcat`. */
static void rpctrace_raw(const struct trace_record *r)
{
    const uint8_t *bytes = (const uint8_t *)r;

    printf("trace: ");
    for (size_t i = 0; i < sizeof(*r); i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

/* Shows what is new. */
static void rpctrace_show(void)
{
    uint64_t last = trace_last(trace.ring), lost = 0;
    const uint64_t places =
        (trace.ring_bytes - sizeof(struct trace_ring)) / sizeof(struct trace_record);

    if (last > trace.seen + places) {
        lost = last - places - trace.seen;
        trace.seen += lost;
    }
    while (trace.seen < last) {
        struct trace_record r;
        if (!trace_read(trace.ring, trace.ring_bytes, ++trace.seen, &r)) {
            lost++;
            continue;
        }
        if (lost != 0) {
            printf("... %llu messages were not seen\n", (unsigned long long)lost);
            lost = 0;
        }
        if (trace.raw) {
            rpctrace_raw(&r);
        } else {
            rpctrace_line(&r);
        }
    }
    (void)fflush(stdout);
}

static void rpctrace_stop(struct shell *sh, uint32_t pid)
{
    caddr_t again;

    if (err_is_ok(process_trace(shell_process_of(sh, pid), pid, PROCESS_TRACING_OFF, &again))) {
        (void)cap_destroy(again);
    }
    if (trace.ring != NULL) {
        (void)paging_unmap(paging_self(), (void *)(uintptr_t)trace.ring);
    }
    (void)cap_destroy(trace.ring_frame);
    trace.ring = NULL;
}

static errval_t rpctrace_start(struct shell *sh, uint32_t pid)
{
    errval_t err = process_trace(shell_process_of(sh, pid), pid, PROCESS_TRACING_ON,
                                 &trace.ring_frame);

    if (err_is_fail(err)) {
        return err;
    }
    err = trace_map(trace.ring_frame, &trace.ring, &trace.ring_bytes);
    if (err_is_fail(err)) {
        rpctrace_stop(sh, pid);
        return err;
    }
    trace.seen = trace_last(trace.ring);
    memset(trace.calls, 0, sizeof(trace.calls));
    return ERR_OK;
}

/* Until Ctrl-C, or the end of the process. */
static int rpctrace_live(struct shell *sh, uint32_t pid)
{
    struct process_info info;
    bool going;

    do {
        rpctrace_show();
        going = shell_sleep_until(sh, time_deadline_ns(POLL_NS));
    } while (going && err_is_ok(process_describe(shell_process_of(sh, pid), pid, &info)) &&
             info.state != PROCESS_STATE_ENDED);
    rpctrace_show();
    return going ? 0 : STATUS_INTERRUPTED;
}

int builtin_rpctrace(struct shell *sh, int argc, char **argv)
{
    int first = 1, status = 0;
    uint64_t pid;

    trace.raw = argc > 1 && strcmp(argv[1], "-x") == 0;
    first += trace.raw;
    if (first >= argc || !shell_number(argv[first], UINT32_MAX, &pid)) {
        return BUILTIN_MISUSED;
    }
    if (trace.ring != NULL) {
        fprintf(stderr, "rpctrace: it runs already\n");
        return STATUS_FAILED;
    }
    rpctrace_interfaces(sh);
    errval_t err = rpctrace_start(sh, (uint32_t)pid);
    if (err_is_fail(err)) {
        return shell_error("rpctrace", err);
    }
    if (++first == argc) {
        status = rpctrace_live(sh, (uint32_t)pid);
    } else {
        struct words words = {.argc = argc - first};
        memcpy(words.argv, argv + first, (size_t)(argc - first + 1) * sizeof(argv[0]));
        status = shell_run_words(sh, &words);
        rpctrace_show();
    }
    rpctrace_stop(sh, (uint32_t)pid);
    return status;
}
