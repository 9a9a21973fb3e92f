/* Building domains. All objects of a new domain are made of one RAM capability that the spawner
 * keeps. Used by init
 * and the process service; other programs ask the process service (aos/process.h).
 *
 * A list of strings is NUL-terminated strings back to back. */
#pragma once

#include <aos/types.h>
#include <kpi/startup.h>

#define PROC_ARGS_BYTES_MAX  65536u      /* arguments and environment together */
/* default: what a domain lives on before it asks for more */
#define PROC_EARLY_RAM_BYTES 0x100000ull
#define PROC_RAM_ALIGN       AOS_LARGE_BYTES

struct proc_grant {
    char name[32];                       /* NUL-terminated; what the domain finds it by */
    caddr_t cap;
};

/* A program file in memory that has been looked at; opaque. */
struct proc_image;

struct proc_spec {
    const struct proc_image *image;
    const char *args;                    /* list; the first one is the name of the program */
    size_t args_bytes;
    const char *env;                     /* list of NAME=value */
    size_t env_bytes;
    uint32_t pid;
    uint32_t grant_count;
    uint64_t quota;                      /* told to the domain; 0: no limit known */
    struct kpi_limits limits;            /* told to the domain */
    uint64_t early_ram_bytes;            /* a multiple of the page */
    uint64_t random[4];                  /* seed, never used twice */
    caddr_t nameserver;                  /* unused client end, 0: none */
    caddr_t parent;                      /* any unused end, 0: none */
    uint32_t parent_iface;               /* `parent` is a client end of it (NAME_ID); 0: of none */
    const struct proc_grant *grants;     /* at most 32 */
};

struct proc {
    caddr_t l1;                          /* the root of its capability space */
    caddr_t ram;                         /* as given to proc_build */
    caddr_t dispatcher;
    /* frame of its ring of traced messages (aos/trace.h); 0: not made yet */
    caddr_t trace;
    uint64_t entry;
};

/* Looks at a program file, and makes its code fit to be executed where it lies. `frame` (r, x)
 * starts with the file: what the program cannot write to is mapped from it. File and frame must
 * stay, and the file never change, until proc_unshare. LIB_ERR_NO_MEMORY; a file that is no program
 * is told of by proc_plan. */
errval_t proc_share(const void *file, size_t bytes, caddr_t frame, struct proc_image **ret_image);
void proc_unshare(struct proc_image *image);

/* Lays out the domain of `spec`, which stays as it is meanwhile, and tells how much RAM it takes,
 * a multiple of the page. proc_build or proc_forget ends it. LIB_ERR_ELF_* (on top of nothing),
 * LIB_ERR_ARGS_SIZE, LIB_ERR_QUOTA (too many page tables), LIB_ERR_NO_MEMORY. */
struct proc_build;
errval_t proc_plan(const struct proc_spec *spec, struct proc_build **ret_build,
                   uint64_t *ret_bytes);
void proc_forget(struct proc_build *build);

/* Builds the domain in `ram` (at least the bytes of the plan, aligned to PROC_RAM_ALIGN, without
 * descendants); it does not run yet. Takes the plan, and the capabilities named in its spec (slots
 * of slot_alloc), whatever it returns: on failure they are deleted and `ram` has no descendants,
 * but stays the caller's. LIB_ERR_SPAWN_CSPACE, _VSPACE, _START on top of the cause. One build at a
 * time: they use the same L1 slots of the caller's. */
errval_t proc_build(struct proc_build *build, caddr_t ram, struct proc *ret_proc);
errval_t proc_start(const struct proc *p);

/* Ends the domain if it still runs and deletes all its capabilities. `p->ram` stays the caller's.
 * What others hold of it stays too, so that they see the domain's channels end instead of vanish:
 * the RAM is free when they have let go. */
void proc_destroy(struct proc *p);

/* How a domain ended, or does (kpi/dispatcher.h states). */
enum proc_state { PROC_RUNNABLE, PROC_WAITING, PROC_STOPPED, PROC_ENDED };
struct proc_info {
    enum proc_state state;
    uint64_t status;                     /* as given to exit or kill */
    uint64_t cause;                      /* 0, or the ESR of the fault that ended it */
    uint64_t pc, address;
    uint64_t cpu_ns, messages, preemptions;
};
errval_t proc_query(caddr_t dispatcher, struct proc_info *ret_info);
/* Ends it: `status` is what proc_query tells from then on. */
errval_t proc_kill(caddr_t dispatcher, uint64_t status);
/* It executes nothing until proc_resume. SYS_ERR_DISP_STATE: it is stopped already, or has ended;
 * or it is not stopped. */
errval_t proc_stop(caddr_t dispatcher);
errval_t proc_resume(caddr_t dispatcher);
/* Makes the ring in which the domain records its messages when it is asked to, if there is none.
 * The domain finds it when it is asked; one that has taken another L1 CNode meanwhile
 * (design/0016) does not. */
errval_t proc_make_ring(struct proc *p);
/* Lets it record its messages in the frame `trace`, or no more (aos/trace.h). */
errval_t proc_trace(caddr_t dispatcher, caddr_t trace, bool on);
/* `end` is the trigger of an event source (aos/waitset.h) that is raised when the domain ends. */
errval_t proc_watch(caddr_t dispatcher, caddr_t end);
