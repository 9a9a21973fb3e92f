/* The rules that monitor.check looks up (services/monitor/rules.h): each is violated on purpose. A
 * kernel that is a list of objects; this core is HERE. */
#include <aos/kernel.h>
#include "check.h"
#include "rules.h"

enum {
    HERE = 1,
    THERE = 2,
    FAR = 3,
    PAGE = 0x40000,
    ANCHOR = KPI_CAP_ANCHOR | KPI_CAP_KNOWN,
};

static struct kernel_object objects[8];
static uint32_t object_count;
static struct caps caps;
static struct caps_description anchor;
static struct audit_records records, told;

errval_t kernel_caps_next(const struct kernel_object *after, struct kernel_object *ret)
{
    uint32_t i = 0;
    while (after->cap.type != CAPTYPE_NULL && objects[i++].place != after->place) {
    }
    *ret = i < object_count ? objects[i] : (struct kernel_object){0};
    return ERR_OK;
}

errval_t kernel_print(const char *text, size_t bytes)
{
    printf("# %.*s", (int)bytes, text);
    return ERR_OK;
}

static errval_t describe(void *arg, caddr_t root, caddr_t cap, struct caps_description *ret)
{
    CHECK(arg == NULL && root == 0 && cap == 7);
    *ret = anchor;
    return ERR_OK;
}

static void fresh(void)
{
    caps = (struct caps){.host = {.describe = describe}, .self = HERE};
    object_count = 0;
    free(records.all);
    free(told.all);
    records = told = (struct audit_records){0};
}

static struct caps_key frame(uint32_t page, uint32_t pages)
{
    return (struct caps_key){CAPTYPE_FRAME, PAGE + page, pages};
}

/* In the order of the database: the caller sees to it. */
static void object(uint8_t type, uint8_t owner, uint32_t page, uint32_t pages)
{
    objects[object_count] = (struct kernel_object){
        .cap = {.type = type, .owner = owner, .page = PAGE + page, .pages = pages},
        .place = object_count};
    object_count++;
}

static void add(struct audit_records *to, struct audit_record r)
{
    to->all = realloc(to->all, (to->count + 1) * sizeof(r));
    CHECK(to->all != NULL);
    to->all[to->count++] = r;
}

/* The object is known at `core`, which believes this. */
static void record(uint8_t core, uint8_t owner, uint8_t home, uint8_t users)
{
    add(&records, (struct audit_record){core, owner, home, users, false, frame(0, 4)});
}

static uint64_t agree(void)
{
    uint64_t found = rules_agree(&records);
    fresh();
    return found;
}

static void owners(void)
{
    fresh();
    record(HERE, HERE, HERE, 1 << THERE);
    record(THERE, HERE, HERE, 0);
    CHECK_EQ(agree(), 0);
    record(HERE, HERE, HERE, 1 << THERE); /* two owners */
    record(THERE, THERE, HERE, 1 << HERE);
    CHECK(agree() != 0);
    record(HERE, THERE, HERE, 0); /* none */
    record(THERE, HERE, HERE, 0);
    CHECK(agree() != 0);
}

static void users(void)
{
    fresh();
    record(HERE, HERE, HERE, 1 << THERE); /* who has given up */
    CHECK(agree() != 0);
    record(HERE, HERE, HERE, 0); /* who is not known */
    record(THERE, HERE, HERE, 0);
    CHECK(agree() != 0);
}

static void homes(void)
{
    fresh();
    record(HERE, HERE, FAR, 1 << THERE);
    record(THERE, HERE, FAR, 0);
    CHECK(agree() != 0);
    record(HERE, HERE, FAR, 0);
    record(FAR, HERE, FAR, 0);
    CHECK_EQ(agree(), 0);
}

static uint64_t own(struct caps_record r, uint32_t state, bool quiet)
{
    r.used = true;
    r.key = frame(0, 4);
    r.anchor = 7;
    anchor.state = state;
    return rules_own(&caps, &r, quiet);
}

static void anchors(void)
{
    struct caps_record r = {.owner = HERE, .home = HERE, .users = 1 << THERE};
    fresh();
    anchor = (struct caps_description){.key = frame(0, 4), .owner = HERE};
    CHECK_EQ(own(r, ANCHOR, true), 0);
    CHECK(own(r, KPI_CAP_KNOWN, true) != 0); /* no anchor */
    anchor.owner = THERE;
    CHECK(own(r, ANCHOR, true) != 0);
    anchor.owner = HERE;
    anchor.key.pages = 3;
    CHECK(own(r, ANCHOR, true) != 0);
}

static void spare(void)
{
    struct caps_record r = {.owner = HERE, .home = HERE};
    fresh();
    anchor = (struct caps_description){.key = frame(0, 4), .owner = HERE};
    CHECK(own(r, ANCHOR | KPI_CAP_SHARED, true) != 0); /* no other core has it */
    CHECK_EQ(own(r, ANCHOR | KPI_CAP_SHARED, false), 0);
    r.home = THERE;
    CHECK(own(r, ANCHOR, true) != 0);
    CHECK_EQ(own(r, ANCHOR | KPI_CAP_USED, true), 0);
    r.owner = anchor.owner = THERE;
    CHECK(own(r, ANCHOR, true) != 0); /* a user that does not use it */
    CHECK_EQ(own(r, ANCHOR | KPI_CAP_SHARED, true), 0);
    r.pinned = true;
    CHECK_EQ(own(r, ANCHOR, true), 0);
    r.pinned = false;
    r.home = HERE;
    CHECK_EQ(own(r, ANCHOR, true), 0);
}

/* Core THERE has told of a frame of its own in pages 0 to 3. */
static void there(bool part)
{
    add(&told, (struct audit_record){THERE, THERE, THERE, 0, part, frame(0, 4)});
}

static uint64_t look(void)
{
    uint64_t found = rules_look(&caps, &told);
    fresh();
    return found;
}

static void nesting(void)
{
    fresh();
    there(false);
    object(CAPTYPE_FRAME, HERE, 0, 1);
    object(CAPTYPE_FRAME, HERE, 3, 1);
    CHECK_EQ(look(), 0);
    there(false);
    object(CAPTYPE_FRAME, HERE, 3, 2); /* out of it */
    CHECK(look() != 0);
}

static void covered(void)
{
    fresh();
    there(false);
    object(CAPTYPE_RAM, HERE, 0, 64); /* nothing here keeps it from being used again */
    CHECK(look() != 0);
    there(false);
    object(CAPTYPE_RAM, HERE, 0, 64);
    object(CAPTYPE_RAM, THERE, 0, 32); /* the memory that core THERE was started with */
    CHECK_EQ(look(), 0);
    there(false);
    object(CAPTYPE_RAM, HERE, 0, 64);
    object(CAPTYPE_RAM, THERE, 0, 4); /* all of it is that frame */
    CHECK_EQ(look(), 0);
    there(false);
    object(CAPTYPE_RAM, HERE, 0, 64);
    object(CAPTYPE_FRAME, THERE, 0, 4);
    caps.records[0] = (struct caps_record){.used = true, .key = frame(0, 4)};
    CHECK_EQ(look(), 0);
}

static void strangers(void)
{
    fresh();
    object(CAPTYPE_FRAME, THERE, 0, 4); /* whence, nobody knows */
    CHECK(look() != 0);
    object(CAPTYPE_RAM, THERE, 0, 4);
    object(CAPTYPE_RAM, FAR, 4, 4);
    CHECK_EQ(look(), 0);
    object(CAPTYPE_RAM, THERE, 0, 4);
    object(CAPTYPE_RAM, THERE, 4, 4); /* a core is started with one piece */
    CHECK(look() != 0);
    object(CAPTYPE_NOTIFY, THERE, KPI_CAP_NOTIFIES - PAGE + 3, 1); /* between monitors */
    CHECK_EQ(look(), 0);
    object(CAPTYPE_NOTIFY, THERE, KPI_CAP_NOTIFIES - PAGE + 300, 1);
    CHECK(look() != 0);
}

static void parted(void)
{
    fresh();
    there(true);
    object(CAPTYPE_MAPPING, HERE, 3, 2);
    CHECK(look() != 0);
    there(true);
    object(CAPTYPE_FRAME, THERE, 0, 2); /* made of the part, and mapped */
    caps.records[0] = (struct caps_record){.used = true, .key = frame(0, 2)};
    object(CAPTYPE_MAPPING, HERE, 0, 1);
    CHECK_EQ(look(), 0);
    there(true);
    object(CAPTYPE_MAPPING, HERE, 4, 2);
    CHECK_EQ(look(), 0);
    there(true);
    object(CAPTYPE_FRAME, HERE, 0, 4); /* it may be of this, which THERE has given */
    object(CAPTYPE_MAPPING, HERE, 0, 4);
    CHECK_EQ(look(), 0);
}

static void note_part(void *arg, const struct audit_record *part)
{
    CHECK(part->part && part->core == HERE && part->key.page == PAGE + 1);
    ++*(unsigned *)arg;
}

static void parts(void)
{
    unsigned noted = 0;
    fresh();
    caps.records[5] = (struct caps_record){.used = true, .key = frame(0, 4), .owner = HERE};
    object(CAPTYPE_FRAME, HERE, 0, 4);
    object(CAPTYPE_MAPPING, HERE, 0, 1);
    object(CAPTYPE_FRAME, HERE, 1, 1);
    object(CAPTYPE_FRAME, HERE, 4, 1);
    CHECK_EQ(rules_parts(&caps, note_part, &noted), 0);
    CHECK_EQ(noted, 1);
    fresh();
}

static const struct check_test tests[] = {
    {"DCAP0201 OWNER: one, and all name it", owners},
    {"DCAP0202 ANCHOR: as the kernel has it", anchors},
    {"DCAP0203 ANCHOR: no object of another core but with a record", strangers},
    {"DCAP0204 USERS: the owner knows them", users},
    {"DCAP0205 HOME: it has an anchor", homes},
    {"DCAP0206 NESTING: against what other cores own", nesting},
    {"DCAP0207 COVERED: against what other cores own", covered},
    {"DCAP0208 PARTED: nobody maps a part but by that", parted},
    {"DCAP0209 PARTED: parts are told", parts},
    {"DCAP0210 SPARE: an anchor stands for a use", spare},
};

int main(void)
{
    rules_say(true);
    return CHECK_MAIN(tests);
}
