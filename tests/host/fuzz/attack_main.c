/* Records from a file: u32 the length of the input, u8 what is expected (EXPECT_*), the input.
 *
 *     attack FILE
 *     attack FILE NUMBER:FIRST:COUNT[:FIRST:COUNT...]...
 *
 * The first form writes a line for each record of which something else came,
 * `INDEX CALLED RETURNED ANSWER` as in struct fuzz_outcome, then `end COUNT`. The second leaves out
 * checks (`stubgen gen --omit-check switch`): for each it runs COUNT records from FIRST on in a
 * process of its own until something else than expected comes of one, and writes
 * `NUMBER INDEX`, `NUMBER fault` if that ended the process, or `NUMBER missed`. */
#include <check.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

enum {
    EXPECT_GOOD = 1,     /* the message is taken */
    EXPECT_RETURNED = 2, /* as the generated client says; else: as handlers run */
    EXPECT_GROWN = 4,    /* if a length has grown, it is refused, as enum fuzz_grown says */
    BOUNDS = 1 << 20,    /* from here on the numbers are BOUNDS + fuzz_unbounded */
};

extern uint32_t checks_omitted;
uint32_t checks_omitted;

static const uint8_t *records;
static const uint8_t **index_of; /* of each record, and of the end */
static size_t count_of;

static void read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size_t bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *made = malloc(bytes + 1);
    index_of = calloc(bytes / 5 + 2, sizeof(*index_of));
    CHECK(made != NULL && index_of != NULL && fread(made, 1, bytes, file) == bytes);
    (void)fclose(file);
    records = made;
    for (const uint8_t *at = records; at < records + bytes;) {
        index_of[count_of++] = at;
        at += 5 + (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        index_of[count_of] = at;
    }
}

static bool is_refused(const struct fuzz_outcome *o)
{
    switch (o->grown) {
    case FUZZ_GROWN_REQUEST:
        return o->returned == RPC_ERR_TOO_LARGE;
    case FUZZ_GROWN_EVENT:
        return o->events == 0;
    case FUZZ_GROWN_RESULT:
        return o->answer == RPC_ERR_TOO_LARGE;
    case FUZZ_GROWN_COUNT:
        return o->answer == RPC_ERR_BAD_REPLY;
    case FUZZ_GROWN_ITEM:
        return o->put == RPC_ERR_TOO_LARGE;
    default:
        return true;
    }
}

/* Did something else than expected come of the record? */
static bool differs(size_t index, struct fuzz_outcome *ret_outcome)
{
    const uint8_t *at = index_of[index];
    struct fuzz_input input = {at + 5, index_of[index + 1]};
    *ret_outcome = fuzz_one(&input);
    if ((at[4] & EXPECT_GROWN) != 0) {
        return !is_refused(ret_outcome);
    }
    bool good = (at[4] & EXPECT_RETURNED) != 0 ? err_is_ok(ret_outcome->returned)
                                               : ret_outcome->called != 0;
    return good != ((at[4] & EXPECT_GOOD) != 0);
}

static void play_all(void)
{
    for (size_t i = 0; i < count_of; i++) {
        struct fuzz_outcome out;
        if (differs(i, &out)) {
            printf("%zu %u %llx %llx\n", i, out.called, (unsigned long long)out.returned,
                   (unsigned long long)out.answer);
        }
    }
    printf("end %zu\n", count_of);
}

static void play_ranges(unsigned long number, char *at)
{
    while (*at != '\0') {
        unsigned long first = strtoul(at + 1, &at, 10);
        unsigned long count = strtoul(at + 1, &at, 10);
        for (unsigned long i = first; i < first + count && i < count_of; i++) {
            struct fuzz_outcome out;
            if (differs(i, &out)) {
                printf("%lu %lu\n", number, i);
                return;
            }
        }
    }
    printf("%lu missed\n", number);
}

static void without(const char *text)
{
    char *at;
    unsigned long number = strtoul(text, &at, 10);
    (void)fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)fclose(stderr); /* what a sanitizer says is expected */
        checks_omitted = (uint32_t)number;
        fuzz_unbounded = number >= BOUNDS ? (uint32_t)number - BOUNDS : 0;
        (void)alarm(60); /* an endless loop is a fault, too */
        play_ranges(number, at);
        (void)fflush(stdout);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("%lu fault\n", number);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    read_all(argv[1]);
    if (argc == 2) {
        play_all();
    }
    for (int i = 2; i < argc; i++) {
        without(argv[i]);
    }
    return 0;
}
