/* The manifest parser of init, also on the image that is built. */
#include "check.h"

#include "manifest.h"

enum { MUTATIONS = 20000 };

static struct manifest m;
static uint32_t line;
static const char *why;

static bool parse(const char *text)
{
    line = 0;
    why = NULL;
    return manifest_parse(&m, text, strlen(text), &line, &why);
}

static void MAN0001_reads_services_and_shell(void)
{
    CHECK(parse("# comment\nmodule x\n\nservice memory grant ram all\n"
                "service serial quota 4MiB grant device arm,pl011 grant irq arm,pl011 "
                "clients a,b arg -x arg y # end\r\nshell shell"));
    CHECK_EQ(m.service_count, 2);
    CHECK(strcmp(m.services[0].name, "memory") == 0);
    CHECK_EQ(m.services[0].quota, 0);
    CHECK_EQ(m.services[0].grants[0].kind, MANIFEST_GRANT_RAM);
    CHECK_EQ(m.services[1].quota, 4 << 20);
    CHECK_EQ(m.services[1].grant_count, 2);
    CHECK_EQ(m.services[1].grants[1].kind, MANIFEST_GRANT_IRQ);
    CHECK(strcmp(m.services[1].grants[1].what, "arm,pl011") == 0);
    CHECK(strcmp(m.services[1].clients, "a,b") == 0);
    CHECK_EQ(m.services[1].arg_count, 2);
    CHECK(strcmp(m.services[1].args[1], "y") == 0);
    CHECK(strcmp(m.shell, "shell") == 0);
    CHECK(parse("") && m.service_count == 0 && m.shell == NULL);
}

static void MAN0002_says_what_is_wrong_and_where(void)
{
    static const struct { uint32_t line; const char *text; } bad[] = {
        {1, "serivce x"}, {2, "module a\nmodule"}, {1, "module a b"}, {2, "shell a\nshell b"},
        {1, "service"}, {1, "service a quota"}, {1, "service a quota 4Mib"},
        {1, "service a quota MiB"}, {1, "service a quota 99999999999999999999"},
        {1, "service a quota 99999999999GiB"}, {1, "service a grant ram"},
        {1, "service a vault 4"}, {1, "service a vault 9 1KiB"},
        {1, "service a grant disk x"}, {1, "service a colour red"}, {2, "service a\nservice a"},
        {1, "service an-over-long-name-of-a-service-32"},
        {1, "service a arg 1 arg 2 arg 3 arg 4 arg 5 arg 6 arg 7 arg 8 arg 9"},
    };
    char large[MANIFEST_BYTES_MAX + 2];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!parse(bad[i].text));
        CHECK_EQ(line, bad[i].line);
        CHECK(why != NULL);
    }
    memset(large, '#', sizeof(large));
    CHECK(!manifest_parse(&m, large, sizeof(large) - 1, &line, &why));
    CHECK(manifest_parse(&m, large, MANIFEST_BYTES_MAX, &line, &why));
    CHECK(!manifest_parse(&m, "a\0b", 3, &line, &why));
}

static char image[MANIFEST_BYTES_MAX];

static void MAN0003_the_default_image_starts_the_services(void)
{
    FILE *f = fopen(IMAGE, "r");
    size_t n;

    CHECK(f != NULL);
    n = fread(image, 1, sizeof(image) - 1, f);
    fclose(f);
    image[n] = '\0';
    CHECK(parse(image));
    CHECK(m.service_count >= 4);
    CHECK(strcmp(m.services[0].name, "memory") == 0);
    CHECK(strcmp(m.services[1].name, "nameserver") == 0);
}

static void MAN0004_survives_mutations(void)
{
    uint64_t seed = 9;
    size_t bytes = strlen(image);

    for (int i = 0; i < MUTATIONS; i++) {
        char text[MANIFEST_BYTES_MAX];

        memcpy(text, image, bytes + 1);
        for (int k = 0; k < 4; k++) {
            text[check_random(&seed) % bytes] = (char)(1 + check_random(&seed) % 127);
        }
        if (parse(text)) {
            CHECK(m.service_count <= MANIFEST_SERVICES_MAX);
        } else {
            CHECK(why != NULL && line >= 1);
        }
    }
}

int main(void)
{
    RUN(MAN0001_reads_services_and_shell);
    RUN(MAN0002_says_what_is_wrong_and_where);
    RUN(MAN0003_the_default_image_starts_the_services);
    RUN(MAN0004_survives_mutations);
    return 0;
}
