/* What a kernel says, on the host: on standard error. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <kernel/cap.h>
#include <kernel/log.h>
#include <kernel/panic.h>

void panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void klog(enum log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "core %u: ", (unsigned)core_self);
    vfprintf(stderr, fmt, args);
    va_end(args);
    (void)level;
}
