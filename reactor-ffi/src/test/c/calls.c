/* Calls of a function pointer, from every kind of thread, one shot each: nothing here outlives the function. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Calls n times on the calling thread; thread is 0, sequence 0 .. n - 1. */
void call_n(event_fn callback, int64_t n, int64_t id) {
    for (int64_t i = 0; i < n; i++) {
        callback(0, i, id);
    }
}

/* ---- on new threads, joined ---- */

struct crew {
    event_fn callback;
    int64_t n;
    int64_t id;
    _Atomic int32_t numbers;
    pthread_barrier_t start;
};

static void *crew_member(void *argument) {
    struct crew *crew = argument;
    int32_t thread = atomic_fetch_add(&crew->numbers, 1);
    pthread_barrier_wait(&crew->start);
    for (int64_t i = 0; i < crew->n; i++) {
        crew->callback(thread, i, crew->id);
    }
    return NULL;
}

/* Calls n times from each of some new threads at once, and joins them: the deadlock case, when called on a loop. */
void call_from_threads(event_fn callback, int32_t threads, int64_t n, int64_t id) {
    struct crew crew = {.callback = callback, .n = n, .id = id};
    pthread_t ids[threads];
    pthread_barrier_init(&crew.start, NULL, threads);
    for (int32_t i = 0; i < threads; i++) {
        int failed = pthread_create(&ids[i], NULL, crew_member, &crew);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            abort();
        }
    }
    for (int32_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    pthread_barrier_destroy(&crew.start);
}

struct visit {
    event_fn callback;
    int32_t thread;
    int64_t id;
    const char *name;
};

static void *visit(void *argument) {
    struct visit *v = argument;
    if (v->name) {
        pthread_setname_np(pthread_self(), v->name);
    }
    v->callback(v->thread, 0, v->id);
    return NULL;
}

/* total threads, never more than at_once alive, each calls once (its number is thread) and ends. Returns how many. */
int32_t call_from_short_lived_threads(event_fn callback, int32_t total, int32_t at_once, int64_t id) {
    pthread_t threads[at_once];
    struct visit visits[at_once];
    int32_t started = 0;
    for (int32_t joined = 0; joined < total; joined++) {
        while (started < total && started - joined < at_once) {
            int32_t slot = started % at_once;
            visits[slot] = (struct visit){callback, started, id, NULL};
            int failed = pthread_create(&threads[slot], NULL, visit, &visits[slot]);
            if (failed) {
                report_error("pthread_create: %s", strerror(failed));
                total = started;
                break;
            }
            started++;
        }
        if (joined < started) {
            pthread_join(threads[joined % at_once], NULL);
        }
    }
    return started;
}

/* Calls once on a new thread with a stack of so many bytes, and joins it. 0, or what pthread said. */
int32_t call_with_stack(event_fn callback, int64_t stack_size, int64_t id) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    int failed = pthread_attr_setstacksize(&attributes, stack_size);
    pthread_t thread;
    struct visit v = {callback, 0, id, NULL};
    if (!failed) {
        failed = pthread_create(&thread, &attributes, visit, &v);
    }
    pthread_attr_destroy(&attributes);
    if (!failed) {
        pthread_join(thread, NULL);
    }
    return failed;
}

/* Calls once on a new thread with that name (at most 15 bytes), and joins it. */
int32_t call_from_named_thread(event_fn callback, const char *name, int64_t id) {
    pthread_t thread;
    struct visit v = {callback, 0, id, name};
    int failed = pthread_create(&thread, NULL, visit, &v);
    if (!failed) {
        pthread_join(thread, NULL);
    }
    return failed;
}

static void *visit_and_exit(void *argument) {
    visit(argument);
    pthread_exit(argument); /* not a return: the stack is unwound, and cleanups run */
}

/* As call_from_short_lived_threads, one after the other, each ending by pthread_exit. Returns how many did. */
int32_t call_then_pthread_exit(event_fn callback, int32_t total, int64_t id) {
    int32_t exited = 0;
    for (int32_t i = 0; i < total; i++) {
        pthread_t thread;
        struct visit v = {callback, i, id, NULL};
        void *result = NULL;
        int failed = pthread_create(&thread, NULL, visit_and_exit, &v);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            break;
        }
        pthread_join(thread, &result);
        exited += result == &v;
    }
    return exited;
}

/* The callback is itself the thread's start routine; returns what it returned. */
void *call_as_start_routine(void *(*callback)(void *), void *argument) {
    pthread_t thread;
    void *result = NULL;
    int failed = pthread_create(&thread, NULL, callback, argument);
    if (failed) {
        report_error("pthread_create: %s", strerror(failed));
    } else {
        pthread_join(thread, &result);
    }
    return result;
}

/* ---- stored, and called later ---- */

static event_fn stored;
static int64_t stored_id;

/* Keeps the pointer; NULL clears it. */
void store(event_fn callback, int64_t id) {
    stored = callback;
    stored_id = id;
}

static void call_stored_once(void *argument) {
    (void)argument;
    stored(0, 0, stored_id);
}

/* Calls what is stored, once. 0 if there is nothing, else 1. */
int32_t call_stored(int32_t on_thread) {
    if (!stored) {
        return 0;
    }
    run_on(on_thread, call_stored_once, NULL);
    return 1;
}

/* ---- a void (*)(void *) ---- */

struct notification {
    notify_fn callback;
    void *data;
};

static void notify(void *argument) {
    struct notification *n = argument;
    n->callback(n->data);
}

/* GDestroyNotify, sqlite3's xDestroy. */
void call_notify(notify_fn callback, void *data, int32_t on_thread) {
    struct notification n = {callback, data};
    run_on(on_thread, notify, &n);
}

/* ---- nested ---- */

/*
 * C -> Java -> C: calls callback(level), which is to answer with recurse(callback, level - 1), down to level 0.
 * Returns the levels that were reached: level, if nobody on the way answered anything else.
 */
int32_t recurse(int32_t (*callback)(int32_t level), int32_t level) {
    return level <= 0 ? 0 : callback(level) + 1;
}

struct recursion {
    int32_t (*callback)(int32_t level);
    int32_t level;
    int32_t result;
};

static void run_recursion(void *argument) {
    struct recursion *r = argument;
    r->result = recurse(r->callback, r->level);
}

int32_t recurse_on_thread(int32_t (*callback)(int32_t level), int32_t level) {
    struct recursion r = {callback, level, 0};
    run_on(1, run_recursion, &r);
    return r.result;
}

typedef int32_t (*again_fn)(int32_t depth);
typedef int32_t (*nested_fn)(int32_t depth, again_fn again);

static __thread nested_fn nested;

static int32_t call_again(int32_t depth) {
    return depth <= 0 ? 0 : nested(depth, call_again) + 1;
}

struct nesting {
    nested_fn callback;
    int32_t depth;
    int32_t result;
};

static void run_nesting(void *argument) {
    struct nesting *n = argument;
    nested_fn outer = nested;
    nested = n->callback;
    n->result = call_again(n->depth);
    nested = outer;
}

/*
 * The callback gets a C function pointer, again, and is to answer with again(depth - 1), which calls it again, down to
 * depth 0. Returns the depth that was reached.
 */
int32_t call_nested(nested_fn callback, int32_t depth, int32_t on_thread) {
    struct nesting n = {callback, depth, 0};
    run_on(on_thread, run_nesting, &n);
    return n.result;
}

/* ---- order, errno, locks ---- */

struct traced {
    event_fn callback;
    int64_t n;
    int32_t mark;
};

void trace_mark(int32_t mark);

static void call_traced_here(void *argument) {
    struct traced *t = argument;
    for (int64_t i = 0; i < t->n; i++) {
        t->callback(0, i, t->mark);
        trace_mark(t->mark);
    }
}

/* Calls n times, with id = mark, and puts the mark on the trace whenever the callback has returned. */
void call_traced(event_fn callback, int64_t n, int32_t mark, int32_t on_thread) {
    struct traced t = {callback, n, mark};
    run_on(on_thread, call_traced_here, &t);
}

/* Calls once, with errno 42 before; returns errno after. */
int32_t errno_after_call(event_fn callback) {
    errno = 42;
    callback(0, 0, 0);
    return errno;
}

static pthread_mutex_t fixture_lock = PTHREAD_MUTEX_INITIALIZER;

static void call_locked(void *argument) {
    struct crew *crew = argument;
    pthread_mutex_lock(&fixture_lock);
    for (int64_t i = 0; i < crew->n; i++) {
        crew->callback(0, i, crew->id);
    }
    pthread_mutex_unlock(&fixture_lock);
}

/* Calls n times while it holds the fixture's lock: SQLite's update_hook. */
void call_holding_lock(event_fn callback, int64_t n, int64_t id, int32_t on_thread) {
    struct crew crew = {.callback = callback, .n = n, .id = id};
    run_on(on_thread, call_locked, &crew);
}

/* Takes the fixture's lock and gives it back. 0, or ETIMEDOUT after limit ns. */
int32_t take_lock(int64_t limit_ns) {
    int64_t end = now_ns() + limit_ns;
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    int failed = pthread_mutex_clocklock(&fixture_lock, CLOCK_MONOTONIC, &until);
    if (!failed) {
        pthread_mutex_unlock(&fixture_lock);
    }
    return failed;
}

/* ---- a thread for each event ---- */

/* A glibc timer whose threads (SIGEV_THREAD) call back every period ns. */
void *ticker_new(void (*callback)(union sigval data), void *data, int64_t period_ns) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD};
    event.sigev_notify_function = callback;
    event.sigev_value.sival_ptr = data;
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
        report_error("timer_create: %s", strerror(errno));
        return NULL;
    }
    struct timespec period = {.tv_sec = period_ns / 1000000000, .tv_nsec = period_ns % 1000000000};
    struct itimerspec times = {period, period};
    timer_settime(timer, 0, &times, NULL);
    return timer;
}

/* Ends the ticks; does not wait for those on their way. */
void ticker_delete(void *ticker) {
    timer_delete(ticker);
}

/* ---- benchmarks ---- */

/* n calls on the calling thread, as fast as possible; the nanoseconds that they took. */
int64_t bench_call(tick_fn callback, int64_t n) {
    int64_t start = now_ns();
    for (int64_t i = 0; i < n; i++) {
        callback(i, (double)i);
    }
    return now_ns() - start;
}

struct bench {
    tick_fn callback;
    int64_t n;
    pthread_barrier_t *start;
};

static void *bench_thread(void *argument) {
    struct bench *b = argument;
    pthread_barrier_wait(b->start);
    bench_call(b->callback, b->n);
    return NULL;
}

/* n calls from each of some new threads; the nanoseconds from the common start to the last join. */
int64_t bench_call_from_threads(tick_fn callback, int32_t threads, int64_t n) {
    pthread_t ids[threads];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, threads + 1);
    struct bench b = {callback, n, &start};
    for (int32_t i = 0; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, bench_thread, &b) != 0) {
            report_error("no thread for a benchmark");
            abort();
        }
    }
    pthread_barrier_wait(&start);
    int64_t began = now_ns();
    for (int32_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    pthread_barrier_destroy(&start);
    return now_ns() - began;
}
