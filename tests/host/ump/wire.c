#include "wire.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../if/fake.h"

/* One served channel. */
struct wire_side {
    struct wire_side *next;
    struct server *server;
    struct chan *chan;
    struct wire_record *out, *in; /* capabilities */
};

static uint8_t *memory; /* the file */
static uint64_t memory_bytes;
static struct wire_side *sides;

/* A connection that was closed is rung no more. */
static bool side_is_there(const struct wire_side *side)
{
    struct server_conn *conn = NULL;
    do {
        conn = server_conn_next(side->server, conn);
    } while (conn != NULL && ump_conn_chan(conn) != side->chan);
    return conn != NULL;
}

/* --- capabilities --------------------------------------------------------------------------- */

/* The other way round than wire_at. */
static uint64_t wire_offset(const volatile void *at)
{
    return at != NULL ? 1 + (uint64_t)((const volatile uint8_t *)at - memory) : 0;
}

static void *wire_at(uint64_t offset)
{
    CHECK(offset <= memory_bytes);
    return offset != 0 ? memory + offset - 1 : NULL;
}

/* The record is there before the message is: the ring's store follows. */
static errval_t side_cap_send(void *ctx, uint64_t index, struct msg_cap cap)
{
    struct wire_side *side = ctx;
    struct fake_export e;
    errval_t err = fake_cap_export(cap.cap, &e);
    if (err_is_fail(err)) {
        return err;
    }
    e.rights &= cap.rights;
    if (cap.move == MSG_CAP_MOVE) {
        (void)cap_delete(cap.cap);
    } else {
        e.rights &= (uint8_t)~CAP_RIGHT_D;
    }
    side->out[index % WIRE_RECORDS] = (struct wire_record){
        e.type | (uint64_t)e.rights << 8, e.tag, wire_offset(e.memory), wire_offset(e.alive)};
    return ERR_OK;
}

static errval_t side_cap_recv(void *ctx, uint64_t index, caddr_t *ret_cap, uint32_t *ret_info)
{
    const struct wire_record r = ((struct wire_side *)ctx)->in[index % WIRE_RECORDS];
    const struct fake_export e = {(uint8_t)r.info, (uint8_t)(r.info >> 8), r.tag, wire_at(r.memory),
                                  wire_at(r.alive)};
    errval_t err = fake_cap_import(&e, ret_cap);
    if (err_is_ok(err)) {
        *ret_info = (uint32_t)r.info;
    }
    return err;
}

static const struct ump_caps_ops caps_ops = {side_cap_send, side_cap_recv};

/* --- doorbells ------------------------------------------------------------------------------ */

/* A full pipe holds enough rings; a broken one is noticed by who reads. */
static void side_bell(void *ctx)
{
    (void)ctx;
    ssize_t done = write(STDOUT_FILENO, "!", 1);
    CHECK(done == 1 || errno == EAGAIN || errno == EPIPE);
}

static const struct ump_bell_ops bell_ops = {side_bell};

static void wire_tell_all(bool rung)
{
    struct wire_side **at = &sides;
    while (*at != NULL) {
        struct wire_side *side = *at;
        if (!side_is_there(side)) {
            *at = side->next;
            free(side);
            continue;
        }
        disp_disable();
        (rung ? ump_rung_disabled : ump_peer_died_disabled)(side->chan);
        disp_enable();
        at = &side->next;
    }
}

bool wire_wait(void)
{
    char bytes[64];
    ssize_t got;
    do {
        got = read(STDIN_FILENO, bytes, sizeof(bytes));
    } while (got < 0 && errno == EINTR);
    wire_tell_all(got > 0);
    return got > 0;
}

/* --- channels ------------------------------------------------------------------------------- */

void wire_open(const char *path)
{
    struct stat st;
    int file = open(path, O_RDWR);
    CHECK(file >= 0 && fstat(file, &st) == 0);
    memory_bytes = (uint64_t)st.st_size;
    memory = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(close(file), 0);
}

errval_t wire_serve(struct server *s, uint64_t offset, uint64_t pid, uint32_t flags,
                    struct server_conn **ret_conn)
{
    bool has_caps = memory_bytes >= offset + WIRE_CHANNEL_BYTES;
    CHECK(memory_bytes >= offset + REMOTE_BYTES);
    uint8_t *channel = memory + offset, *caps = channel + REMOTE_BYTES;
    struct wire_side *side = calloc(1, sizeof(*side));
    CHECK(side != NULL);
    side->server = s;
    side->in = (struct wire_record *)(void *)caps;
    side->out = (struct wire_record *)(void *)(caps + WIRE_CAPS_BYTES);
    const struct ump_config config = {.out = channel + REMOTE_FRAME_BYTES,
                                      .in = channel,
                                      .out_bytes = REMOTE_FRAME_BYTES,
                                      .in_bytes = REMOTE_FRAME_BYTES,
                                      .caps = has_caps ? &caps_ops : NULL,
                                      .bell = &bell_ops,
                                      .ctx = side};
    errval_t err = server_add_ump(s, &config, pid, flags, ret_conn);
    if (err_is_fail(err)) {
        free(side);
        return err;
    }
    side->chan = ump_conn_chan(*ret_conn);
    side->next = sides;
    sides = side;
    return ERR_OK;
}

/* Instead of that of libaos (--wrap): here an end is a channel in the file. */
errval_t __wrap_server_add_end(struct server *s, caddr_t end, uint64_t pid, uint32_t flags,
                               struct server_conn **ret_conn);
errval_t __wrap_server_add_end(struct server *s, caddr_t end, uint64_t pid, uint32_t flags,
                               struct server_conn **ret_conn)
{
    struct fake_export e = {0};
    errval_t err = fake_cap_export(end, &e);
    (void)cap_destroy(end);
    if (err_is_ok(err) && e.memory == NULL) {
        err = RPC_ERR_CAPABILITY;
    }
    return err_is_ok(err) ? wire_serve(s, (uint64_t)(e.memory - memory), pid, flags, ret_conn)
                          : err;
}
