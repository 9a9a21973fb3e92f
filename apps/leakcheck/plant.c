/* Leaks on purpose. */
#include "leakcheck_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/process.h>
#include <aos/server.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/waitset.h>
#include <if/memory.h>

static errval_t plant_memory(void)
{
    struct memory_binding *b;
    uint64_t bytes;
    caddr_t ram;
    errval_t err = aos_memory(&b);

    return err_is_ok(err) ? memory_alloc(b, AOS_PAGE_BYTES, AOS_PAGE_BYTES, &ram, &bytes) : err;
}

static errval_t plant_cap(void)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    return err_is_ok(err) ? cap_copy(slot, KPI_CAP_SELF_DISP) : err;
}

static errval_t plant_endpoint(void)
{
    caddr_t one, other;

    return chan_create(&one, &other);
}

static errval_t plant_name(void)
{
    static const struct server_interface iface = {.name = "leakcheck"};
    static struct server server;
    static struct waitset ws;
    static uint32_t count;
    char name[LEAKCHECK_NAME_BYTES];

    if (count == 0) {
        waitset_init(&ws);
        server_init(&server, &iface, NULL, NULL, NULL, &ws);
    }
    (void)snprintf(name, sizeof(name), "leakcheck/planted%u", (unsigned)count++);
    return aos_register(&server, name, NULL, 0);
}

static errval_t plant_process(void)
{
    const char *argv[] = {"leakcheck", "--child", "sleep"};
    uint32_t pid;

    return aos_spawn(3, argv, &pid);
}

bool plant(const char *what)
{
    static const struct {
        const char *name;
        errval_t (*run)(void);
    } plants[] = {
        {"memory", plant_memory}, {"cap", plant_cap}, {"endpoint", plant_endpoint},
        {"name", plant_name}, {"process", plant_process},
    };

    for (uint32_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        if (strcmp(what, plants[i].name) == 0) {
            return err_is_ok(plants[i].run());
        }
    }
    return false;
}
