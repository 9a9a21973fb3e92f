/* The first program: says who it is and what it was given. */
#include <stdio.h>

#include <aos/domain.h>

int main(int argc, char **argv)
{
    printf("Hello from %s, process %u.\n", argv[0], (unsigned)domain_pid());
    for (int i = 1; i < argc; i++) {
        printf("argument %d: %s\n", i, argv[i]);
    }
    return 0;
}
