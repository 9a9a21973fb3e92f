/* Splits a command line into words.
 *
 *   'text'   as it stands           "text"   \" and \\ are escapes
 *   \c       the character c        #        at the start of a word: comment to the end of the line
 *   &        at the end of the line: in the background
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WORDS_MAX 128u                   /* words of one command */

struct words {
    int argc;
    char *argv[WORDS_MAX + 1];           /* into the line, NULL after the last */
    bool background;
};

/* Splits `line` in place. Returns NULL, or what is wrong, as a sentence without a full stop; then
 * `ret_words` is untouched and the line is spoilt. A line without words gives argc 0. */
const char *words_split(char *line, struct words *ret_words);
