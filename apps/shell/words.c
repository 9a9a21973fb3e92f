#include "words.h"

#include <string.h>

/* Reads one word at *in, writes it NUL-terminated at *out (never ahead of *in). */
static const char *words_read(char **in, char **out)
{
    char *from = *in;
    char *to = *out;
    char quote = '\0';

    for (; *from != '\0'; from++) {
        char c = *from;

        if (quote == '\0' && (c == ' ' || c == '\t' || c == '&')) {
            break;
        }
        if (c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            bool escapes = quote == '\0' || from[1] == '"' || from[1] == '\\';
            if (from[1] == '\0') {
                return "nothing follows the backslash";
            }
            if (escapes) {
                from++;
            }
            *to++ = *from;
        } else {
            *to++ = c;
        }
    }
    if (quote != '\0') {
        return quote == '"' ? "the quote \" is not closed" : "the quote ' is not closed";
    }
    *in = from;
    *out = to;
    return NULL;
}

/* What follows an `&` may only be blanks or a comment. */
static const char *words_background(const char *rest, struct words *words)
{
    rest += strspn(rest, " \t");
    if (words->argc == 0 || (*rest != '\0' && *rest != '#')) {
        return "& belongs at the end of a command";
    }
    words->background = true;
    return NULL;
}

const char *words_split(char *line, struct words *ret_words)
{
    struct words words = {0};
    char *in = line;
    char *out = line;
    char next = *in;
    const char *wrong = NULL;

    while (wrong == NULL) {
        if (next == ' ' || next == '\t') {
            next = *++in;
        } else if (next == '\0' || next == '#') {
            words.argv[words.argc] = NULL;
            *ret_words = words;
            return NULL;
        } else if (next == '&') {
            wrong = words_background(in + 1, &words);
            next = '\0';
        } else if (words.argc == (int)WORDS_MAX) {
            wrong = "the command has too many words";
        } else {
            words.argv[words.argc++] = out;
            wrong = words_read(&in, &out);
            next = *in;              /* before the terminator, which may take its place */
            *out++ = '\0';
        }
    }
    return wrong;
}
