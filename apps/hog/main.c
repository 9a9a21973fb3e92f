/* Takes all it can get of one kind: see README.md. */
#include "hog_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/thread.h>

#define HOG_FOREVER_NS 1000000000000ull
#define HOG_TEXT_BYTES 256u

static const struct {
    const char *name;
    const char *unit;
    errval_t (*take)(uint64_t *ret_count);
} kinds[] = {
    {"memory", "KiB", hog_memory},
    {"slots", "slots", hog_slots},
    {"spawn", "children", hog_spawn},
    {"names", "names", hog_names},
    {"messages", "calls", hog_messages},
    {"threads", "threads", hog_threads},
    {"endpoints", "ends", hog_endpoints},
};

#define HOG_KINDS (sizeof(kinds) / sizeof(kinds[0]))

void hog_sleep(void)
{
    for (;;) {
        thread_sleep_ns(HOG_FOREVER_NS);
    }
}

static int hog_usage(void)
{
    fprintf(stderr, "usage: hog KIND [hold]; KIND is one of");
    for (size_t i = 0; i < HOG_KINDS; i++) {
        fprintf(stderr, " %s", kinds[i].name);
    }
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    char text[HOG_TEXT_BYTES];
    uint64_t count = 0;
    size_t kind = 0;
    errval_t err;

    if (argc == 2 && strcmp(argv[1], "sleep") == 0) {
        hog_sleep();
    }
    while (argc > 1 && kind < HOG_KINDS && strcmp(argv[1], kinds[kind].name) != 0) {
        kind++;
    }
    if (argc < 2 || argc > 3 || kind == HOG_KINDS
        || (argc == 3 && strcmp(argv[2], "hold") != 0)) {
        return hog_usage();
    }
    /* Before there is nothing left to print with. */
    printf("hog %s: ", kinds[kind].name);
    fflush(stdout);
    err = kinds[kind].take(&count);
    (void)err_format(err, text, sizeof(text));
    printf("%llu %s, then %s\n", (unsigned long long)count, kinds[kind].unit, text);
    fflush(stdout);
    if (argc == 3) {
        hog_sleep();
    }
    return err_is_fail(err) ? 0 : 1;
}
