/* Timers and queues of threads. */
#include <stdarg.h>

#include <check.h>

#include <abi/user.h>
#include <aos/debug.h>
#include <aos/time.h>
#include <queue_priv.h>
#include <thread_priv.h>

#define TIMERS 300u

uint64_t fake_deadline;
struct kpi_dispatcher arch_host_page;
uint64_t arch_host_counter;
static uint64_t now;
static uint64_t fired;
static uint64_t last_deadline;
static uint64_t seed = 7;

void aos_panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    exit(1);
}

uint64_t time_now_ns(void)
{
    return now;
}

static void fire(struct timer *t)
{
    CHECK(t->place == 0 && t->deadline_ns <= now && t->deadline_ns >= last_deadline);
    last_deadline = t->deadline_ns;
    fired++;
}

static void LIB1020_timers_fire_in_order(void)
{
    static struct timer timers[TIMERS];
    uint64_t armed = 0;
    for (int step = 0; step < 5000; step++) {
        struct timer *t = &timers[check_random(&seed) % TIMERS];
        t->fire_disabled = fire;
        armed -= t->place != 0 ? 1 : 0;
        if (check_random(&seed) % 3 == 0) {
            timer_cancel_disabled(t);
            CHECK(t->place == 0);
        } else {
            CHECK(timer_arm_disabled(t, now + 1 + check_random(&seed) % 1000));
            armed++;
        }
        CHECK_EQ(timer_count(), armed);
        uint64_t earliest = UINT64_MAX;
        for (unsigned i = 0; i < TIMERS; i++) {
            if (timers[i].place != 0 && timers[i].deadline_ns < earliest) {
                earliest = timers[i].deadline_ns;
            }
        }
        CHECK(armed == 0 || fake_deadline <= earliest); /* the kernel never wakes us too late */
        if (step % 10 == 0) {
            now += check_random(&seed) % 200;
            last_deadline = 0;
            fired = 0;
            timer_expire_disabled();
            armed -= fired;
            CHECK_EQ(timer_count(), armed);
        }
    }
}

static struct timer rearmed;
static void fire_again(struct timer *t)
{
    if (++fired < 3) {
        CHECK(timer_arm_disabled(t, now + 10));
    }
}

static void LIB1021_a_timer_arms_itself_again(void)
{
    fired = 0;
    now += 100000;
    timer_expire_disabled();
    fired = 0;
    rearmed.fire_disabled = fire_again;
    CHECK(timer_arm_disabled(&rearmed, now));
    timer_expire_disabled();
    CHECK_EQ(fired, 1);
    now += 10;
    timer_expire_disabled();
    now += 10;
    timer_expire_disabled();
    CHECK(fired == 3 && timer_count() == 0);
}

static void LIB1022_too_many_timers(void)
{
    static struct timer many[TIMERS_MAX + 1];
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        CHECK(timer_arm_disabled(&many[i], now + 5000 - i));
    }
    CHECK(!timer_arm_disabled(&many[TIMERS_MAX], now) && many[TIMERS_MAX].place == 0);
    CHECK(timer_arm_disabled(&many[5], now + 1)); /* moving one is no new timer */
    CHECK_EQ(fake_deadline, now + 1);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        timer_cancel_disabled(&many[i]);
    }
    CHECK_EQ(timer_count(), 0);
}

static void LIB1023_queues(void)
{
    static struct thread t[4];
    struct thread_queue q = { 0 };
    CHECK(queue_pop(&q) == NULL);
    for (int i = 0; i < 3; i++) {
        queue_push(&q, &t[i]);
    }
    queue_push_front(&q, &t[3]);
    queue_remove(&q, &t[1]);
    CHECK(t[1].queue == NULL && t[0].queue == &q);
    CHECK(queue_pop(&q) == &t[3] && queue_pop(&q) == &t[0]);
    queue_remove(&q, &t[2]);
    CHECK(q.head == NULL && q.tail == NULL && queue_pop(&q) == NULL);
    queue_push(&q, &t[2]);
    CHECK(queue_pop(&q) == &t[2] && q.tail == NULL);
}

int main(void)
{
    RUN(LIB1020_timers_fire_in_order);
    RUN(LIB1021_a_timer_arms_itself_again);
    RUN(LIB1022_too_many_timers);
    RUN(LIB1023_queues);
    return 0;
}
