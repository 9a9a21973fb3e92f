/* This domain's connections to the services everyone has. Each is made when it is first asked for,
 * shared by all threads, and opened again when its service has ended and another is there
 * (binding_set_finder). Programs call the stubs of <if/NAME.h> on them.
 *
 * Errors: RPC_ERR_NOT_BOUND without a nameserver, NAMESERVER_ERR_NOT_FOUND, or those of
 * binding_open. */
#pragma once

#include <aos/server.h>
#include <aos/types.h>

struct init_binding;
struct memory_binding;
struct monitor_binding;
struct nameserver_binding;
struct process_binding;
struct serial_binding;

errval_t aos_init(struct init_binding **ret_binding);
errval_t aos_memory(struct memory_binding **ret_binding);
errval_t aos_monitor(struct monitor_binding **ret_binding); /* of this core */
errval_t aos_nameserver(struct nameserver_binding **ret_binding);
errval_t aos_process(struct process_binding **ret_binding);
/* Those of another core, or of the core of a process. A core that is about to come up is waited
 * for. PROCESS_ERR_NO_CORE. */
errval_t aos_init_on(uint32_t core, struct init_binding **ret_binding);
errval_t aos_memory_on(uint32_t core, struct memory_binding **ret_binding);
errval_t aos_process_on(uint32_t core, struct process_binding **ret_binding);
errval_t aos_process_of(uint32_t pid, struct process_binding **ret_binding);
errval_t aos_serial(struct serial_binding **ret_binding);

/* RAM from the memory service from now on. What happens before main anyway, unless a service has an
 * aos_rpc_init of its own. */
void aos_use_memory(void);
/* The same for what takes the monitor (aos/cap.h). */
void aos_use_monitor(void);

/* A fresh client end of the service `name`, for NAME_bind. */
errval_t aos_lookup(const char *name, caddr_t *ret_end);
/* The same, waiting until the name exists or `timeout_ns` has passed. */
errval_t aos_await(const char *name, uint64_t timeout_ns, caddr_t *ret_end);
/* The name, as this domain knows it, of a service of which each core has one: the core that booted
 * has `name`, core N `name`/N. */
#define AOS_SERVICE_NAME_BYTES 32u
const char *aos_own_name(const char *name, char text[AOS_SERVICE_NAME_BYTES]);
const char *aos_name_on(const char *name, uint32_t core, char text[AOS_SERVICE_NAME_BYTES]);
/* Registers `server`, which must live on, under `name`, and again with every nameserver that comes
 * after this one. `props`: NUL-terminated strings key=value back to back. */
errval_t aos_register(struct server *server, const char *name, const char *props,
                      size_t props_bytes);
/* Withdraws a name that aos_register gave. NAMESERVER_ERR_NOT_FOUND. */
errval_t aos_deregister(const char *name);
