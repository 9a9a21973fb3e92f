/* The three streams over aos/io.h. stdout and stderr are line-buffered. */
#include <errno.h>
#include <stdio-bufio.h>
#include <stdio.h>
#include <unistd.h>

#include <aos/io.h>
#include <aos/thread.h>

#include "libc_priv.h"

#define STDIO_BUFFER_BYTES 1024

ssize_t read(int fd, void *buf, size_t bytes)
{
    size_t n = 0;
    if (err_is_fail(io_read(fd, buf, bytes, &n))) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)n;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    if (err_is_fail(io_write(fd, data, bytes))) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)bytes;
}

static char stdin_buffer[STDIO_BUFFER_BYTES];
static char stdout_buffer[STDIO_BUFFER_BYTES];
static char stderr_buffer[STDIO_BUFFER_BYTES];

static off_t stdio_seek(int fd, off_t offset, int whence)
{
    errno = ESPIPE;
    return -1;
}

static struct __file_bufio stdin_file =
    FDEV_SETUP_BUFIO(IO_STDIN, stdin_buffer, STDIO_BUFFER_BYTES, read, write, stdio_seek, NULL,
                     __SRD, 0);
static struct __file_bufio stdout_file =
    FDEV_SETUP_BUFIO(IO_STDOUT, stdout_buffer, STDIO_BUFFER_BYTES, read, write, stdio_seek, NULL,
                     __SWR, __BLBF);
static struct __file_bufio stderr_file =
    FDEV_SETUP_BUFIO(IO_STDERR, stderr_buffer, STDIO_BUFFER_BYTES, read, write, stdio_seek, NULL,
                     __SWR, __BLBF);

FILE *const stdin = &stdin_file.xfile.cfile.file;
FILE *const stdout = &stdout_file.xfile.cfile.file;
FILE *const stderr = &stderr_file.xfile.cfile.file;

void stdio_init(void)
{
    stdin_file.lock = &stdio_locks[IO_STDIN];
    stdout_file.lock = &stdio_locks[IO_STDOUT];
    stderr_file.lock = &stdio_locks[IO_STDERR];
}
