/* stay [STATUS]: runs until it is asked to end (event `asked` of process.if), then ends by itself
 * with STATUS. */
#include <stdio.h>
#include <stdlib.h>

#include <aos/services.h>
#include <aos/waitset.h>
#include <if/process.h>

static bool asked;

static void stay_asked(void *arg)
{
    asked = true;
}

int main(int argc, char **argv)
{
    static const struct process_event_ops ops = {.on_asked = stay_asked};
    static struct waitset ws;
    struct process_binding *process;

    waitset_init(&ws);
    errval_t err = aos_process(&process);
    if (err_is_ok(err)) {
        process_set_events(process, &ws, &ops, NULL);
        err = process_subscribe_asked(process, true);
    }
    if (err_is_fail(err)) {
        char text[160];

        (void)err_format(err, text, sizeof(text));
        fprintf(stderr, "stay: nobody will ask it to leave: %s\n", text);
        return EXIT_FAILURE;
    }
    while (!asked && err_is_ok(err)) {
        err = waitset_dispatch(&ws, AOS_FOREVER);
    }
    return argc > 1 ? atoi(argv[1]) : EXIT_SUCCESS;
}
