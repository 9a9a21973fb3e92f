/* ifdesc_main BUNDLE ID: for check_ifdesc.py. Each line of the input is one question, its parts
 * apart by 0x1f:
 *   encode METHOD request|reply|item NAME=VALUE...   answer: `ok`, the words, `caps`, their numbers
 *   decode METHOD request|reply|item WORD...         answer: `ok` and the values as text
 *   cut METHOD request|reply|item WORD...            the same for a message that was cut
 * or `wrong` and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/ifdesc.h>

#define PARTS_MAX  300u
#define VALUES_MAX 4096u
#define LINE_MAX_  65536u

static uint64_t bundle[1u << 15];
static struct ifdesc_value values[VALUES_MAX];
static uint8_t bytes[LINE_MAX_];
static struct ifdesc_room room;
static struct ifdesc_message msg;

static void put(void *arg, const char *text, size_t count)
{
    (void)fwrite(text, 1, count, arg);
}

static bool encode(const struct ifdesc *d, const struct ifdesc_method *m, int argc, char **argv)
{
    struct ifdesc_value *found;
    if (!ifdesc_parse(d, m, argc, argv, &room, &found) ||
        !ifdesc_encode(d, m, found, &room, &msg)) {
        return false;
    }
    if (msg.lends.count != 0) {
        msg.count = lend_words(&msg.lends, msg.lent, msg.words, msg.count);
    }
    printf("ok");
    for (uint32_t i = 0; i < msg.count; i++) {
        printf(" %llx", (unsigned long long)msg.words[i]);
    }
    printf(" caps");
    for (uint32_t i = 0; i < msg.caps_count; i++) {
        printf(" %llu", (unsigned long long)msg.caps[i]);
    }
    printf("\n");
    return true;
}

static bool decode(const struct ifdesc *d, const struct ifdesc_method *m, int argc, char **argv,
                   bool cut)
{
    static uint64_t words[PARTS_MAX];
    const struct ifdesc_out out = {put, stdout};
    struct ifdesc_value *found;
    for (int i = 0; i < argc; i++) {
        words[i] = strtoull(argv[i], NULL, 16);
    }
    if (!ifdesc_decode(d, m->request_type, m->request_image, words, (uint32_t)argc, cut, &room,
                       &found)) {
        return false;
    }
    printf("ok ");
    ifdesc_print(d, found, " ", &out);
    printf("\n");
    return true;
}

static bool answer(const struct ifdesc *d, int argc, char **argv)
{
    struct ifdesc_method m;
    memset(&room, 0, sizeof(room));
    room.values = values;
    room.values_max = VALUES_MAX;
    room.bytes = bytes;
    room.bytes_max = sizeof(bytes);
    if (argc < 3 || !ifdesc_method(d, argv[1], strlen(argv[1]), &m)) {
        (void)snprintf(room.wrong, sizeof(room.wrong), "no such question");
        return false;
    }
    if (strcmp(argv[2], "item") == 0) {
        m.request_type = m.item_type;
        m.request_image = m.item_image;
    } else if (strcmp(argv[2], "reply") == 0) {
        m.request_type = m.reply_type;
        m.request_image = m.reply_image;
    }
    if (strcmp(argv[0], "encode") == 0) {
        return encode(d, &m, argc - 3, argv + 3);
    }
    return decode(d, &m, argc - 3, argv + 3, strcmp(argv[0], "cut") == 0);
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_];
    static char *parts[PARTS_MAX];
    struct ifdesc d;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    size_t size = file != NULL ? fread(bundle, 1, sizeof(bundle), file) : 0;
    if (size == 0 || size == sizeof(bundle) ||
        !ifdesc_find(bundle, size, (uint32_t)strtoul(argv[2], NULL, 0), &d)) {
        fprintf(stderr, "usage: ifdesc_main BUNDLE ID\n");
        return 1;
    }
    (void)fclose(file);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        int count = 0;
        line[strcspn(line, "\n")] = '\0';
        for (char *p = line; p != NULL && count < (int)PARTS_MAX; count++) {
            parts[count] = p;
            p = strchr(p, 0x1f);
            if (p != NULL) {
                *p++ = '\0';
            }
        }
        if (!answer(&d, count, parts)) {
            printf("wrong %s\n", room.wrong);
        }
    }
    return 0;
}
