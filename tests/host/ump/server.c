/* server FILE: serves kitchen_sink over the two frames in FILE; rings come in as bytes on standard
 * input and go out on standard output. Ends when the client has gone. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "remote.h"

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    signal(SIGPIPE, SIG_IGN);
    int file = open(argv[1], O_RDWR);
    CHECK(file >= 0);
    void *frames = mmap(NULL, REMOTE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(frames != MAP_FAILED);
    struct remote r = {.frames = frames, .bell_in = STDIN_FILENO, .bell_out = STDOUT_FILENO};
    remote_serve(&r, 0);
    return 0;
}
