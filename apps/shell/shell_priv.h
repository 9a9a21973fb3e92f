/* The shell's parts. A command is a list of words; it ends with a status: 0 well, 1 failed, 2
 * misused, 126 could not be started, 127 no such command, 128 + 2 interrupted, 128 + 9 killed, 139
 * faulted, 128 + 20 stopped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aos/thread.h>

#define STATUS_FAILED    1
#define STATUS_USAGE     2
#define STATUS_NO_START  126
#define STATUS_NO_SUCH   127
#define STATUS_INTERRUPTED 130
#define STATUS_KILLED    137
#define STATUS_FAULTED   139
#define STATUS_STOPPED   148

#define JOBS_MAX 32u                     /* programs not in the foreground that it remembers */

struct init_binding;
struct memory_binding;
struct nameserver_binding;
struct process_binding;
struct serial_binding;
struct builtin;
struct words;

struct job {
    uint32_t pid;                        /* of its first process, and its group; 0: free */
    uint32_t recent;                     /* the larger, the later it became a job or was stopped */
    bool stopped;
    char name[64];
};

struct shell {
    struct init_binding *init;
    struct memory_binding *memory;
    struct nameserver_binding *names;
    struct process_binding *process;
    uint32_t on_core;                    /* 1 + core for the next program; 0: that of the shell */
    bool lends_cores;                    /* the next program may switch cores */
    bool background;                     /* the command line ended with & */
    struct serial_binding *serial;
    const struct builtin *builtins;      /* as main.c says; run.c knows no other */
    bool unattended;                     /* commands come from the boot image */
    int status;                          /* of the last command */
    struct job jobs[JOBS_MAX];           /* job number N at N - 1 */
    uint32_t recent;
    struct mutex lock;                   /* of what follows; the signals thread writes it */
    struct cond changed;
    bool interrupted;                    /* Ctrl-C was typed since the command began */
    bool suspended;                      /* the same for Ctrl-Z */
    uint32_t foreground;                 /* group that Ctrl-C ends and Ctrl-Z stops, 0: none */
    uint32_t news;                       /* counts children that ended or were stopped */
};

/* A command of the shell itself. `run` returns its status, or BUILTIN_MISUSED: its caller then
 * tells how it is used. */
struct builtin {
    const char *name;
    const char *usage;                   /* what follows the name */
    const char *help;                    /* one line */
    int (*run)(struct shell *sh, int argc, char **argv);
    bool starts;                         /* a program, which may run in the background */
};

#define BUILTIN_MISUSED (-1)             /* no status of a command */

extern const struct builtin builtins[];  /* ends with a NULL name */

/* Finds the services; ends the shell with a message if one is missing. */
void shell_connect(struct shell *sh);
/* Tells on stderr that `what` failed and why; returns STATUS_FAILED. */
int shell_error(const char *what, errval_t err);
/* Reads a decimal number from 0 to `max`; false: it is none. */
bool shell_number(const char *text, uint64_t max, uint64_t *ret_value);

/* Runs one command line, which is spoilt. Sets and returns sh->status. */
int shell_run_line(struct shell *sh, char *line);
/* Runs a command that is split already. */
int shell_run_words(struct shell *sh, struct words *words);
/* Starts the program argv[0] with `quota` bytes of memory (0: no limit of its own) and waits for
 * its end; or makes it a job; or lets it outlive the shell, which forgets it. */
enum run_how { RUN_FOREGROUND, RUN_BACKGROUND, RUN_DETACHED };
/* The process service of the core of `pid`. That of the shell's own core answers for all jobs: how
 * they ended, and groups. */
struct process_binding *shell_process_of(struct shell *sh, uint32_t pid);
int shell_run_program(struct shell *sh, int argc, char **argv, uint64_t quota, enum run_how how);
/* Waits for a child and tells how it ended, if not by itself. */
int shell_wait(struct shell *sh, uint32_t pid, const char *name);
/* Remembers a program that is not in the foreground; NULL: there is no room. */
struct job *jobs_add(struct shell *sh, uint32_t pid, const char *name);
/* The job `pid` (0: room for one), or NULL. */
struct job *jobs_of(struct shell *sh, uint32_t pid);
/* The pid that `text` names: %N is job N, else it is a number from 1 on. */
bool jobs_named(struct shell *sh, const char *text, uint32_t *ret_pid);
/* Puts `pid` into the foreground and waits until it ends or is stopped; returns its status. */
int jobs_foreground(struct shell *sh, uint32_t pid, const char *name, bool resume);
/* Waits until the end of `pid`, a child, can be waited for without much delay (END); or, as `until`
 * says, it is stopped (STOP) or somebody types Ctrl-C (INTERRUPT). Unattended not at all: END. */
enum await { AWAIT_NOTHING, AWAIT_END, AWAIT_STOP, AWAIT_INTERRUPT };
enum await shell_await(struct shell *sh, uint32_t pid, enum await until);
/* False: Ctrl-C. */
bool shell_sleep_until(struct shell *sh, uint64_t deadline_ns);
/* Tells which programs in the background have ended. */
void shell_reap(struct shell *sh);

/* Reads commands from the terminal until the end of input. */
void terminal_run(struct shell *sh);
/* Runs the commands of the boot module `exec`, reports, and powers the machine off. */
void unattended_run(struct shell *sh, const char *commands, size_t bytes) __attribute__((noreturn));

/* What a process does, as a word (enum State of process.if). */
const char *shell_state(uint8_t state);

int builtin_core(struct shell *sh, int argc, char **argv);
int builtin_oncore(struct shell *sh, int argc, char **argv);
int builtin_top(struct shell *sh, int argc, char **argv);
int builtin_ps(struct shell *sh, int argc, char **argv);
int builtin_jobs(struct shell *sh, int argc, char **argv);
int builtin_fg(struct shell *sh, int argc, char **argv);
int builtin_bg(struct shell *sh, int argc, char **argv);
int builtin_kill(struct shell *sh, int argc, char **argv);
int builtin_wait(struct shell *sh, int argc, char **argv);
int builtin_nslist(struct shell *sh, int argc, char **argv);
int builtin_nslookup(struct shell *sh, int argc, char **argv);
int builtin_meminfo(struct shell *sh, int argc, char **argv);
int builtin_caps(struct shell *sh, int argc, char **argv);
/* `caps --graph` with these words behind it (graph.c). */
int shell_graph(struct shell *sh, int argc, char **argv);
int builtin_dmesg(struct shell *sh, int argc, char **argv);
int builtin_date(struct shell *sh, int argc, char **argv);
int builtin_uptime(struct shell *sh, int argc, char **argv);
int builtin_rpctrace(struct shell *sh, int argc, char **argv);
int builtin_power(struct shell *sh, int argc, char **argv);
