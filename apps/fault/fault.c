/* Does what programs must not do, one thing per run, so that one sees how it is reported: fault
 * KIND. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/thread.h>

/* Volatile, so that the compiler cannot know what is about to happen. */
static volatile uintptr_t target;
static volatile bool deep = true;

static void fault_null(void)
{
    target = 0;
    *(volatile uint32_t *)target = 1;
}

static void fault_null_read(void)
{
    target = 16;
    (void)*(volatile uint32_t *)target;
}

/* Never reaches its end; `deep` only keeps the compiler from knowing. */
static int fault_recurse(volatile char *above)
{
    volatile char frame[512];

    frame[0] = *above;
    return deep ? fault_recurse(frame) + frame[0] : frame[0];
}

static void fault_stack(void)
{
    volatile char bottom = 1;

    (void)fault_recurse(&bottom);
}

static void fault_execute(void)
{
    static uint32_t ret = 0xd65f03c0;    /* the instruction `ret`, as data */
    void (*data)(void);

    target = (uintptr_t)&ret;
    memcpy(&data, (const void *)&target, sizeof(data));
    data();
}

static void fault_text(void)
{
    target = (uintptr_t)&fault_text;
    *(volatile uint32_t *)target = 0;
}

static void fault_unmapped(void)
{
    target = 0x123456789000;
    *(volatile uint32_t *)target = 1;
}

static void fault_kernel(void)
{
    target = 0xffff000040000000;
    (void)*(volatile uint32_t *)target;
}

static void fault_jump(void)
{
    void (*nowhere)(void);

    target = 0x123456789000;
    memcpy(&nowhere, (const void *)&target, sizeof(nowhere));
    nowhere();
}

/* A field of a structure behind the end of a block that is mapped by itself. */
static void fault_behind(void)
{
    void *block;

    if (err_is_ok(paging_alloc_guarded(AOS_PAGE_BYTES, AOS_PAGE_BYTES, "block", &block))) {
        target = (uintptr_t)block + AOS_PAGE_BYTES + 8;
        *(volatile uint64_t *)target = 1;
    }
}

static void fault_guard(void)
{
    void *block;

    if (err_is_ok(paging_alloc_guarded(AOS_PAGE_BYTES, AOS_PAGE_BYTES, "block", &block))) {
        target = (uintptr_t)block - 8;
        (void)*(volatile uint64_t *)target;
    }
}

static void fault_constant(void)
{
    static const uint32_t constant[4] = {1, 2, 3, 4};

    target = (uintptr_t)constant;
    *(volatile uint32_t *)target = 5;
}

static int fault_thread_main(void *arg)
{
    volatile char bottom = 1;

    return fault_recurse(&bottom);
}

static void fault_thread(void)
{
    struct thread *t;
    const struct thread_attr attr = {.name = "worker"};

    if (err_is_ok(thread_create(fault_thread_main, NULL, &attr, &t))) {
        (void)thread_join(t, NULL);
    }
}

/* Each fault of it is another one. */
static enum fault_action fault_again(const struct fault *f, void *arg)
{
    (void)*(volatile uint32_t *)target;
    return FAULT_RESUME;
}

static void fault_handler_faults(void)
{
    target = 64;
    (void)fault_set_thread_handler(fault_again, NULL);
    (void)*(volatile uint32_t *)target;
}

static void fault_protected(void)
{
    void *va;

    if (err_is_ok(paging_alloc_lazy(&(struct paging_lazy){
            .bytes = 16 * AOS_PAGE_BYTES, .flags = AOS_VM_RW, .name = "old generation"}, &va))
        && err_is_ok(paging_protect_part(paging_self(), (char *)va + 4 * AOS_PAGE_BYTES,
                                         AOS_PAGE_BYTES, AOS_VM_READ))) {
        target = (uintptr_t)va + 4 * AOS_PAGE_BYTES;
        *(volatile uint32_t *)(target - 4) = 1;
        *(volatile uint32_t *)target = 1;
    }
}

static void fault_trap(void)
{
    __builtin_trap();
}

static void fault_abort(void)
{
    abort();
}

static void fault_hang(void)
{
    for (;;) {
        target++;
    }
}

static const struct {
    const char *name;
    void (*run)(void);
    const char *what;
} kinds[] = {
    {"null", fault_null, "write through a NULL pointer"},
    {"nullread", fault_null_read, "read a field of a NULL structure"},
    {"stack", fault_stack, "overflow the stack"},
    {"exec", fault_execute, "execute data"},
    {"text", fault_text, "write to program text"},
    {"unmapped", fault_unmapped, "write where nothing is mapped"},
    {"kernel", fault_kernel, "read kernel memory"},
    {"jump", fault_jump, "jump to where nothing is mapped"},
    {"behind", fault_behind, "write behind the end of a block of memory"},
    {"guard", fault_guard, "read the guard in front of a block of memory"},
    {"constant", fault_constant, "write to a constant"},
    {"protected", fault_protected, "write to a page that is read-only for now"},
    {"thread", fault_thread, "overflow the stack of a second thread"},
    {"handler", fault_handler_faults, "fault in the handler of each fault"},
    {"trap", fault_trap, "execute a breakpoint instruction"},
    {"abort", fault_abort, "call abort()"},
    {"hang", fault_hang, "never end"},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            fprintf(stderr, "fault: %s had no effect\n", argv[1]);
            return 1;
        }
    }
    fprintf(stderr, "usage: fault KIND\n");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        fprintf(stderr, "  %-9s %s\n", kinds[i].name, kinds[i].what);
    }
    return 2;
}
