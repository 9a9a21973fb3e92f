/* The nameserver's directory. */
#include "check.h"

#include "nameserver_priv.h"

enum { STEPS = 20000, RANDOM_NAMES = 200, PIDS = 12 };

static struct directory dir;

/* Names are of malloc, and those of the test before go first. */
static void start(void)
{
    while (dir.count > 0) {
        directory_remove(&dir, dir.names[0]);
    }
    directory_init(&dir);
}

static struct text t(const char *s)
{
    return (struct text){s, strlen(s)};
}

/* A literal list of NUL-terminated strings. */
#define LIST(s) ((struct text){s, sizeof(s)})

static errval_t reg(uint32_t pid, const char *name)
{
    return directory_register(&dir, pid, t(name), 7, t(""), NULL);
}

static void NAM0001_registers_finds_and_removes(void)
{
    const struct directory_name *n;
    int service;

    start();
    CHECK_EQ(directory_register(&dir, 3, t("serial"), 0x13, LIST("kind=uart\0core=0"), &service),
             ERR_OK);
    CHECK_EQ(reg(4, "serial"), NAMESERVER_ERR_TAKEN);
    CHECK_EQ(reg(4, "serial2"), ERR_OK);
    CHECK_EQ(directory_lookup(&dir, t("serial"), 0x13, &n), ERR_OK);
    CHECK(strcmp(n->name, "serial") == 0 && n->pid == 3 && n->service == &service);
    CHECK_EQ(directory_lookup(&dir, t("serial"), 0, &n), ERR_OK);
    CHECK_EQ(directory_lookup(&dir, t("serial"), 0x12, &n), NAMESERVER_ERR_WRONG_INTERFACE);
    CHECK_EQ(directory_lookup(&dir, t("seria"), 0, &n), NAMESERVER_ERR_NOT_FOUND);
    CHECK_EQ(directory_may_remove(&dir, 4, t("serial")), NAMESERVER_ERR_DENIED);
    CHECK_EQ(directory_may_remove(&dir, 4, t("nobody")), NAMESERVER_ERR_NOT_FOUND);
    CHECK_EQ(directory_may_remove(&dir, 3, t("serial")), ERR_OK);
    CHECK(directory_of_service(&dir, &service) == directory_find(&dir, t("serial")));
    directory_remove(&dir, directory_of_pid(&dir, 3));
    CHECK(directory_of_pid(&dir, 3) == NULL && directory_find(&dir, t("serial")) == NULL);
    CHECK(directory_find(&dir, t("serial2")) != NULL);
}

static void NAM0002_refuses_bad_names_and_properties(void)
{
    static const char *const names[] = {"", "a b", "a\n", "\xc3\xa9", "a=b", "*"};
    char longest[DIRECTORY_NAME_BYTES + 2];

    start();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CHECK_EQ(reg(1, names[i]), NAMESERVER_ERR_BAD_NAME);
    }
    memset(longest, 'x', sizeof(longest));
    longest[DIRECTORY_NAME_BYTES + 1] = '\0';
    CHECK_EQ(reg(1, longest), NAMESERVER_ERR_BAD_NAME);
    longest[DIRECTORY_NAME_BYTES] = '\0';
    CHECK_EQ(reg(1, longest), ERR_OK);
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, LIST("novalue"), NULL),
             NAMESERVER_ERR_BAD_PROPS);
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, LIST("=v"), NULL), NAMESERVER_ERR_BAD_PROPS);
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, t("k=v"), NULL), NAMESERVER_ERR_BAD_PROPS);
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, LIST("k=v\0"), NULL),
             NAMESERVER_ERR_BAD_PROPS);
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, LIST("k="), NULL), ERR_OK);
    CHECK_EQ(dir.count, 2);
}

static void NAM0003_bounds_names_of_one_domain(void)
{
    char name[8];

    start();
    for (uint32_t i = 0; i < DIRECTORY_PER_PID_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        CHECK_EQ(reg(1, name), ERR_OK);
    }
    CHECK_EQ(reg(1, "more"), NAMESERVER_ERR_LIMIT);
    CHECK_EQ(reg(2, "more"), ERR_OK);
}

static void NAM0004_enumerates_in_pages(void)
{
    char buf[16];
    size_t bytes = 0;
    char after[64] = "";
    char all[128] = "";

    start();
    CHECK_EQ(reg(1, "block/sd1"), ERR_OK);
    CHECK_EQ(reg(1, "block/sd0"), ERR_OK);
    CHECK_EQ(reg(1, "serial"), ERR_OK);
    CHECK_EQ(reg(1, "block"), ERR_OK);
    do {
        CHECK_EQ(directory_enumerate(&dir, t(""), t(""), t(after), buf, sizeof(buf), &bytes),
                 ERR_OK);
        for (size_t at = 0; at < bytes; at += strlen(buf + at) + 1) {
            strcpy(after, buf + at);
            strcat(strcat(all, after), ",");
        }
    } while (bytes != 0);
    CHECK(strcmp(all, "block,block/sd0,block/sd1,serial,") == 0);
    CHECK_EQ(directory_enumerate(&dir, t("block/"), t(""), t(""), buf, sizeof(buf), &bytes),
             ERR_OK);
    CHECK(bytes == 10 && strcmp(buf, "block/sd0") == 0);
}

static size_t matches(struct text where)
{
    char buf[64];
    size_t bytes;

    CHECK_EQ(directory_enumerate(&dir, t(""), where, t(""), buf, sizeof(buf), &bytes), ERR_OK);
    return bytes / 2;
}

static void NAM0005_filters_by_properties(void)
{
    size_t bytes;

    start();
    CHECK_EQ(directory_register(&dir, 1, t("a"), 1, LIST("kind=disk\0size=10"), NULL), ERR_OK);
    CHECK_EQ(directory_register(&dir, 1, t("b"), 1, LIST("kind=disk\0size=100"), NULL), ERR_OK);
    CHECK_EQ(directory_register(&dir, 1, t("c"), 1, LIST("kinds=disk"), NULL), ERR_OK);
    CHECK_EQ(matches(LIST("kind=disk")), 2);
    CHECK_EQ(matches(LIST("size=10")), 1);
    CHECK_EQ(matches(LIST("kind=disk\0size=100")), 1);
    CHECK_EQ(matches(LIST("kind")), 2);
    CHECK_EQ(matches(LIST("kind=")), 0);
    CHECK_EQ(matches(t("")), 3);
    CHECK_EQ(directory_enumerate(&dir, t(""), t("kind"), t(""), NULL, 0, &bytes),
             NAMESERVER_ERR_BAD_PROPS);
}

static void NAM0006_random_against_a_list(void)
{
    static uint32_t owner[RANDOM_NAMES];
    uint64_t seed = 77;
    uint32_t count = 0;

    start();
    for (int i = 0; i < STEPS; i++) {
        uint32_t k = (uint32_t)(check_random(&seed) % RANDOM_NAMES);
        uint32_t pid = 1 + (uint32_t)(check_random(&seed) % PIDS);
        char name[16];

        snprintf(name, sizeof(name), "n%u", k);
        if (check_random(&seed) % 2 == 0) {
            errval_t err = reg(pid, name);

            CHECK(err == (owner[k] != 0 ? NAMESERVER_ERR_TAKEN : ERR_OK)
                  || (owner[k] == 0 && err == NAMESERVER_ERR_LIMIT));
            count += err == ERR_OK;
            owner[k] = err == ERR_OK ? pid : owner[k];
        } else if (directory_may_remove(&dir, pid, t(name)) == ERR_OK) {
            CHECK_EQ(owner[k], pid);
            directory_remove(&dir, directory_find(&dir, t(name)));
            owner[k] = 0;
            count--;
        } else {
            CHECK(owner[k] != pid);
        }
        CHECK_EQ(dir.count, count);
        for (uint32_t n = 1; n < dir.count; n++) {
            CHECK(strcmp(dir.names[n - 1]->name, dir.names[n]->name) < 0);
        }
    }
}

/* Names of services that init starts again, and any name while a new nameserver learns them. */
static void NAM0007_names_are_expected_back(void)
{
    char name[16];

    start();
    CHECK_EQ(directory_expects(&dir, t("memory"), 10), 0);
    directory_expect(&dir, t("memory"), 100);
    directory_expect(&dir, t("serial"), 200);
    CHECK_EQ(directory_expects(&dir, t("memory"), 10), 100);
    CHECK_EQ(directory_expects(&dir, t("memory"), 100), 0);
    CHECK_EQ(directory_expects(&dir, t("serial"), 100), 200);
    CHECK_EQ(directory_expects(&dir, t("memor"), 10), 0);
    directory_expect(&dir, t("memory"), 300);
    CHECK_EQ(directory_expects(&dir, t("memory"), 100), 300);
    for (uint32_t i = 0; i + 1 < DIRECTORY_EXPECTED_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        directory_expect(&dir, t(name), 400 + i);
    }
    CHECK_EQ(directory_expects(&dir, t("serial"), 10), 0); /* the first that would have ended */
    CHECK_EQ(directory_expects(&dir, t("memory"), 10), 300);
    CHECK_EQ(directory_expects(&dir, t("n0"), 10), 400);
    dir.settled_ns = 50;
    CHECK_EQ(directory_expects(&dir, t("any"), 10), 50);
    CHECK_EQ(directory_expects(&dir, t("n0"), 10), 400);
    CHECK_EQ(directory_expects(&dir, t("any"), 50), 0);
}

int main(void)
{
    RUN(NAM0001_registers_finds_and_removes);
    RUN(NAM0002_refuses_bad_names_and_properties);
    RUN(NAM0003_bounds_names_of_one_domain);
    RUN(NAM0004_enumerates_in_pages);
    RUN(NAM0005_filters_by_properties);
    RUN(NAM0006_random_against_a_list);
    RUN(NAM0007_names_are_expected_back);
    start();
    return 0;
}
