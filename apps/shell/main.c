/* The shell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/paging.h>
#include <aos/time.h>
#include <if/init.h>

#include "shell_priv.h"

#define COMMANDS_MODULE "exec"           /* the boot module with commands to run unattended */

/* Programs can tell from READY_NS how long the system took to get here. */
static void shell_tell_ready(void)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)time_now_ns());
    (void)setenv("READY_NS", text, 1);
}

/* The commands of the boot image, mapped; false: there are none, so a person is at the terminal. */
static bool shell_commands(struct shell *sh, const char **ret_commands, size_t *ret_bytes)
{
    caddr_t frame;
    uint64_t bytes;
    void *at;

    if (err_is_fail(init_module(sh->init, COMMANDS_MODULE, strlen(COMMANDS_MODULE), &frame,
                                &bytes))) {
        return false;
    }
    errval_t err = paging_map_frame(paging_self(), frame, 0, aos_round_up(bytes, AOS_PAGE_BYTES),
                                    AOS_VM_READ, &at);
    if (err_is_fail(err)) {
        (void)shell_error("cannot read the commands of the boot image", err);
        return false;
    }
    *ret_commands = at;
    *ret_bytes = bytes;
    return true;
}

int main(int argc, char **argv)
{
    static struct shell shell;
    const char *commands;
    size_t bytes;

    shell.builtins = builtins;
    shell_connect(&shell);
    shell_tell_ready();
    shell.unattended = shell_commands(&shell, &commands, &bytes);
    if (shell.unattended) {
        unattended_run(&shell, commands, bytes);
    }
    printf("AOS. `help` lists what there is.\n");
    terminal_run(&shell);
    printf("the shell ends; the machine powers off\n");
    (void)fflush(stdout);
    (void)init_shutdown(shell.init, INIT_POWER_OFF);
    return STATUS_FAILED;
}
