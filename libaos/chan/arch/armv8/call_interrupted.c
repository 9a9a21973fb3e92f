/* A thread that was interrupted in the one-trap call (binding_call.S). */
#include <aos/dispatch.h>
#include <aos/msg.h>

/* Places in the code; a place is where the next instruction is. */
extern const char binding_call_begin[], binding_call_pushed[], binding_call_sent[],
    binding_call_popped[], binding_call_good[], binding_call_good_shape[], binding_call_parked_at[];
void binding_call_park(const struct kpi_regs *regs) __attribute__((noreturn));

struct chan_interrupted chan_interrupted;

#define PUSHED_BYTES 16u /* binding, header of the expected answer */

static uint64_t place(const char *name)
{
    return (uint64_t)(uintptr_t)name;
}

static const uint64_t *pushed(const struct kpi_regs *regs)
{
    return (const uint64_t *)(uintptr_t)regs->sp;
}

void chan_interrupted_disabled(struct kpi_regs *regs)
{
    const uint64_t pc = regs->pc;
    if (pc < place(binding_call_begin) || pc >= place(binding_call_parked_at) ||
        pc == place(binding_call_good) || pc == place(binding_call_good_shape)) {
        return;
    }
    if (pc < place(binding_call_sent)) {
        if (pc >= place(binding_call_pushed)) {
            regs->x[0] = pushed(regs)[0];
            regs->sp += PUSHED_BYTES;
        }
        regs->x[1] &= ~(MSG_TXID_MASK | MSG_HASH_MASK);
        regs->pc = place(binding_call_begin);
        chan_interrupted.restarted++;
        return;
    }
    if (pc == place(binding_call_sent)) {
        regs->x[12] = pushed(regs)[0];
        regs->x[13] = pushed(regs)[1];
        regs->sp += PUSHED_BYTES;
    }
    if (pc <= place(binding_call_popped)) {
        regs->x[0] -= regs->x[12];
    }
    chan_interrupted.parked++;
    binding_call_park(regs);
}
