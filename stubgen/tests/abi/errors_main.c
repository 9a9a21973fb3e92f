/* ERR0001: error stacks and their names. */
#include <abi/errors.h>
#include <stdio.h>
#include <string.h>

#define EVERYTHING_GONE ((errval_t)(0x301u << ERR_NUMBER_BITS | 1u))

static int failures;

static void check(bool ok, const char *what)
{
    if (!ok) {
        failures++;
        printf("failed: %s\n", what);
    }
}

static void check_text(errval_t err, const char *wanted)
{
    char buf[256];
    const size_t length = err_format(err, buf, sizeof(buf));
    check(strcmp(buf, wanted) == 0 && length == strlen(wanted), wanted);
    char small[8];
    memset(small, 'x', sizeof(small));
    check(err_format(err, small, sizeof(small)) == length, "the length does not depend on room");
    check(strncmp(small, wanted, 7) == 0 && strlen(small) < sizeof(small), "cut off with a NUL");
    check(err_format(err, NULL, 0) == length, "no room at all");
}

int main(void)
{
    const errval_t one = SYS_ERR_CAP_NOT_FOUND;
    const errval_t two = err_push(one, SYS_ERR_CAP_TYPE);
    const errval_t three = err_push(two, EVERYTHING_GONE);
    const errval_t four = err_push(three, SYS_ERR_BAD_METHOD);
    const errval_t five = err_push(four, SYS_ERR_BAD_ARGUMENT);
    check(one == (1u << ERR_NUMBER_BITS | 1u), "id << 6 | number");
    check(err_is_ok(ERR_OK) && err_is_fail(one), "success and failure");
    check(err_no(three) == EVERYTHING_GONE && err_pop(three) == two, "newest lowest");
    check(err_push(one, ERR_OK) == one && err_push(ERR_OK, one) == one, "success pushes nothing");
    check(err_has(five, one) && !err_has(five, SYS_ERR_CAP_TYPE), "a full stack keeps the root");
    check(err_has(five, SYS_ERR_BAD_METHOD) && err_no(five) == SYS_ERR_BAD_ARGUMENT, "and newest");
    check(!err_has(ERR_OK, one), "nothing in success");
    check(strcmp(err_name(two), "sys: cap_type") == 0, "err_name");
    check(strcmp(err_message(EVERYTHING_GONE), "it is gone") == 0, "err_message");
    check(strcmp(err_name(0xfff), "unknown error") == 0, "unknown name");
    check_text(ERR_OK, "success");
    check_text(one, "sys: cap_not_found");
    check_text(three, "everything: gone <- sys: cap_type <- sys: cap_not_found");
    check_text(err_push(one, 1000u << ERR_NUMBER_BITS | 63u),
               "interface 1000: error 63 <- sys: cap_not_found");
    check_text(err_push(five, 0), "sys: bad_argument <- sys: bad_method <- everything: gone <- "
               "sys: cap_not_found");
    puts(failures == 0 ? "all passed" : "failed");
    return failures != 0;
}
