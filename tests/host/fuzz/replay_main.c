/* Gives the files of a folder to LLVMFuzzerTestOneInput, to see what they reach. */
#include <check.h>
#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BYTES_MAX 65536u

static uint8_t bytes[BYTES_MAX];

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    DIR *folder = opendir(argv[1]);
    CHECK(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        if (file != NULL) {
            size_t count = fread(bytes, 1, BYTES_MAX, file);
            (void)fclose(file);
            (void)LLVMFuzzerTestOneInput(bytes, count);
        }
    }
    (void)closedir(folder);
    return 0;
}
