/* The rest of what the C library asks an operating system for. There are no files yet, no users
 * and no signals. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/io.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "libc_priv.h"

#define NS_PER_S  1000000000ull
#define NS_PER_US 1000ull

void _exit(int status)
{
    domain_exit(status & 0xff);
}

void abort(void)
{
    debug_printf("%s: aborted\n", domain_name());
    domain_exit(AOS_STATUS_ABORT);
}

int kill(pid_t pid, int signal_number)
{
    if (pid == getpid()) {
        domain_exit(128 + signal_number);
    }
    errno = EPERM;                       /* others are killed through the process service */
    return -1;
}

pid_t getpid(void)
{
    return (pid_t)domain_pid();
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    uint64_t ns = time_now_ns();
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    ret_time->tv_sec = (time_t)(ns / NS_PER_S);
    ret_time->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    uint64_t ns = time_now_ns();
    ret_time->tv_sec = (time_t)(ns / NS_PER_S);
    ret_time->tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US);
    return 0;
}

clock_t times(struct tms *ret_times)
{
    clock_t ticks = (clock_t)(time_now_ns() * CLOCKS_PER_SEC / NS_PER_S);
    *ret_times = (struct tms){ .tms_utime = ticks };
    return ticks;
}

int nanosleep(const struct timespec *duration, struct timespec *ret_left)
{
    if (duration->tv_sec < 0 || duration->tv_nsec < 0 || duration->tv_nsec >= (long)NS_PER_S) {
        errno = EINVAL;
        return -1;
    }
    uint64_t seconds = (uint64_t)duration->tv_sec;
    uint64_t ns = seconds > UINT64_MAX / NS_PER_S / 2
                      ? UINT64_MAX / 2 : seconds * NS_PER_S + (uint64_t)duration->tv_nsec;
    thread_sleep_ns(ns);
    if (ret_left != NULL) {
        *ret_left = (struct timespec){ 0 };
    }
    return 0;
}

unsigned sleep(unsigned seconds)
{
    thread_sleep_ns((uint64_t)seconds * NS_PER_S);
    return 0;
}

int usleep(useconds_t us)
{
    thread_sleep_ns((uint64_t)us * NS_PER_US);
    return 0;
}

int isatty(int fd)
{
    if (fd >= IO_STDIN && fd <= IO_STDERR) {
        return 1;
    }
    errno = EBADF;
    return 0;
}

int open(const char *path, int flags, ...)
{
    errno = ENOENT;
    return -1;
}

int close(int fd)
{
    errno = EBADF;
    return -1;
}

off_t lseek(int fd, off_t offset, int whence)
{
    errno = ESPIPE;
    return -1;
}

void __assert_func(const char *file, int line, const char *function, const char *condition)
{
    aos_panic("%s:%d: %s: assertion failed: %s", file, line, function, condition);
}
