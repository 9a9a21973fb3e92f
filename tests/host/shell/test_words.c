/* Word splitting of the shell: SHW0001.. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

struct case_ok {
    const char *line;
    const char *expect;                  /* words joined by '|' */
    bool background;
};

static const struct case_ok good[] = {
    {"", "", false},
    {"   \t ", "", false},
    {"# only a comment", "", false},
    {"echo", "echo", false},
    {"  echo  hi\tthere ", "echo|hi|there", false},
    {"hello a \"b c\"", "hello|a|b c", false},
    {"a'b c'd", "ab cd", false},
    {"''", "", false},
    {"x '' y", "x||y", false},
    {"echo \"a \\\"q\\\" \\\\ \\n\"", "echo|a \"q\" \\ \\n", false},
    {"echo 'no \\ escape'", "echo|no \\ escape", false},
    {"a\\ b", "a b", false},
    {"a\\&b", "a&b", false},
    {"sleep 5&", "sleep|5", true},
    {"sleep 5 &  ", "sleep|5", true},
    {"sleep & # later", "sleep", true},
    {"a#b #c", "a#b", false},
    {"'&'", "&", false},
};

static const char *const bad[] = {"&", " & x", "a & b", "a&b", "'open", "\"open", "\"open\\\"",
                                  "end\\"};

static void test_good(void)              /* SHW0001 */
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        char joined[256] = "";
        struct words words;
        char *line = strdup(good[i].line);

        const char *wrong = words_split(line, &words);
        if (wrong != NULL) {
            printf("<%s>: %s\n", good[i].line, wrong);
            abort();
        }
        for (int k = 0; k < words.argc; k++) {
            strcat(joined, k > 0 ? "|" : "");
            strcat(joined, words.argv[k]);
        }
        if (strcmp(joined, good[i].expect) != 0 || words.background != good[i].background) {
            printf("<%s>: got <%s>\n", good[i].line, joined);
            abort();
        }
        assert(words.argv[words.argc] == NULL);
        free(line);
    }
}

static void test_bad(void)               /* SHW0002 */
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *line = strdup(bad[i]);
        struct words words = {.argc = 77};

        assert(words_split(line, &words) != NULL);
        assert(words.argc == 77);        /* untouched on failure */
        free(line);
    }
}

static void test_many(void)              /* SHW0003: the limit itself, and one more */
{
    struct words words;
    char line[2 * (WORDS_MAX + 1) + 1];

    for (size_t i = 0; i <= WORDS_MAX; i++) {
        memcpy(line + 2 * i, "w ", 2);
    }
    line[2 * WORDS_MAX] = '\0';
    assert(words_split(line, &words) == NULL && words.argc == (int)WORDS_MAX);
    for (size_t i = 0; i <= WORDS_MAX; i++) {
        memcpy(line + 2 * i, "w ", 2);
    }
    line[2 * (WORDS_MAX + 1)] = '\0';
    assert(words_split(line, &words) != NULL);
}

/* SHW0004: no access outside the line, whatever it holds */
static void test_random(void)
{
    static const char alphabet[] = "ab '\"\\&# \t";

    srand(1);
    for (int round = 0; round < 200000; round++) {
        size_t bytes = (size_t)(rand() % 24);
        char *line = malloc(bytes + 1);
        struct words words;

        for (size_t i = 0; i < bytes; i++) {
            line[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        }
        line[bytes] = '\0';
        if (words_split(line, &words) == NULL) {
            for (int k = 0; k < words.argc; k++) {
                assert(words.argv[k] >= line &&
                       words.argv[k] + strlen(words.argv[k]) <= line + bytes);
            }
        }
        free(line);
    }
}

int main(void)
{
    test_good();
    test_bad();
    test_many();
    test_random();
    return 0;
}
