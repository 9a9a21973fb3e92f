/* Prints its arguments and its environment exactly, and ends with the status given after
 * --status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

int main(int argc, char **argv)
{
    int status = 0;

    for (int i = 0; i < argc; i++) {
        printf("argv[%d]=<%s>\n", i, argv[i]);
        if (strcmp(argv[i], "--status") == 0 && i + 1 < argc) {
            status = atoi(argv[i + 1]);
        }
    }
    for (char **e = environ; *e != NULL; e++) {
        printf("env <%s>\n", *e);
    }
    return status;
}
