/*
 * An event source as C libraries have them: a handle, a callback, threads of its own, and an unregister in all the
 * variants that are found in the wild.
 *
 *     struct source *s = source_new(callback, id);     one callback, its id travels in every call
 *     source_start(s, threads, count, pause);          the threads number their events from 0, each by itself
 *     source_stop...(s)                                one of the stops below
 *     source_free(s)                                   the memory goes when the last thread has left
 *
 * "Farewell" events have the sequence -1, and the thread -1 if they come on the thread that unregisters.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAREWELL (-1)
#define FOREVER INT64_MAX
#define SHORT_PAUSE_NS 100000
#define AT_EXIT_MAX 64

enum kind { EVENTS, READINGS, ASKS, MESSAGES };

struct source {
    enum kind kind;
    union {
        event_fn event;
        reading_fn reading;
        ask_fn ask;
        message_fn message;
    } callback;
    int64_t id;
    void *user_data;
    struct context *context; /* owned: freed by the stop, as a library frees its own state */
    int64_t fallback;        /* ASKS: the answer that is neither right nor wrong */

    int32_t threads;
    int64_t count;
    int64_t pause;
    pthread_t *ids;

    _Atomic int64_t deadline; /* FOREVER until told to stop; then threads leave when it has passed */
    _Atomic bool farewell_there;
    _Atomic int64_t calls, late, right, fallbacks, wrong;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* told to stop, or more demand */
    bool on_demand;
    int64_t demand;
    bool stopped;
    bool left_behind; /* threads that nobody joins: the last one finishes */
    bool finished;
    int32_t running;
    int32_t references; /* the owner and each thread */
    notify_fn destroyed;
    void *destroyed_data;
};

struct worker {
    struct source *source;
    int32_t number;
};

/* The source whose callback this thread is in: a stop from there cannot join. */
static __thread struct source *inside;

static struct source *create(enum kind kind, int64_t id) {
    struct source *s = calloc(1, sizeof *s);
    s->kind = kind;
    s->id = id;
    s->references = 1;
    atomic_store(&s->deadline, FOREVER);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

/* void callback(thread, sequence, id) */
struct source *source_new(event_fn callback, int64_t id) {
    struct source *s = create(EVENTS, id);
    s->callback.event = callback;
    return s;
}

/* void callback(sequence, value, user_data); value is sequence / 2.0 */
struct source *source_new_readings(reading_fn callback, void *user_data) {
    struct source *s = create(READINGS, 0);
    s->callback.reading = callback;
    s->user_data = user_data;
    return s;
}

/*
 * As source_new_readings, but user_data is a struct context that the source owns, looks at before and after each
 * callback, and frees in stop. A callback too many sees a dead context: see context_use.
 */
struct source *source_new_with_context(reading_fn callback) {
    struct source *s = create(READINGS, 0);
    s->callback.reading = callback;
    s->context = context_new();
    s->user_data = s->context;
    return s;
}

/* int64_t callback(thread, sequence, id); the right answer is sequence + id. Answers are counted by kind. */
struct source *source_new_asking(ask_fn callback, int64_t id, int64_t fallback) {
    struct source *s = create(ASKS, id);
    s->callback.ask = callback;
    s->fallback = fallback;
    return s;
}

/* void callback(struct message *); the callee frees it. */
struct source *source_new_messages(message_fn callback, int64_t id) {
    struct source *s = create(MESSAGES, id);
    s->callback.message = callback;
    return s;
}

/* A GDestroyNotify: called once, when the source has stopped and its last callback has returned. */
void source_on_destroyed(struct source *s, notify_fn destroyed, void *data) {
    s->destroyed = destroyed;
    s->destroyed_data = data;
}

static void ask(struct source *s, int32_t thread, int64_t sequence) {
    int64_t answer = s->callback.ask(thread, sequence, s->id);
    if (answer == sequence + s->id) {
        atomic_fetch_add(&s->right, 1);
    } else if (answer == s->fallback) {
        atomic_fetch_add(&s->fallbacks, 1);
    } else {
        atomic_fetch_add(&s->wrong, 1);
    }
}

static void fire(struct source *s, int32_t thread, int64_t sequence) {
    struct source *outer = inside;
    inside = s;
    atomic_fetch_add_explicit(&s->calls, 1, memory_order_relaxed);
    if (atomic_load(&s->deadline) != FOREVER) {
        atomic_fetch_add(&s->late, 1);
    }
    switch (s->kind) {
    case EVENTS:
        s->callback.event(thread, sequence, s->id);
        break;
    case READINGS:
        s->callback.reading(sequence, (double)sequence / 2, s->user_data);
        break;
    case ASKS:
        ask(s, thread, sequence);
        break;
    case MESSAGES:
        s->callback.message(message_new(thread, sequence, s->id));
        break;
    }
    inside = outer;
}

static bool has_to_leave(struct source *s) {
    int64_t deadline = atomic_load_explicit(&s->deadline, memory_order_acquire);
    return deadline != FOREVER && now_ns() >= deadline;
}

/* A pause that a stop ends. */
static void rest(struct source *s) {
    if (s->pause < SHORT_PAUSE_NS || atomic_load(&s->deadline) != FOREVER) {
        pause_ns(s->pause);
        return;
    }
    int64_t end = now_ns() + s->pause;
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->deadline) == FOREVER && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&s->lock);
}

/* Takes one of the demand; waits for it. */
static void await_demand(struct source *s) {
    pthread_mutex_lock(&s->lock);
    while (s->demand == 0 && atomic_load(&s->deadline) == FOREVER) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    s->demand -= s->demand > 0;
    pthread_mutex_unlock(&s->lock);
}

/*
 * The library's own use of its state. A stop that does not wait has freed it, and the thread knows (its deadline is in
 * the future): only the callback still gets the dead pointer. A stop inside the callback has freed it, too, and the
 * thread does not know: the error is seen here.
 */
static void look_at_context(struct source *s) {
    if (s->context) {
        pthread_mutex_lock(&s->lock);
        int64_t deadline = atomic_load(&s->deadline);
        if (deadline == FOREVER || deadline == 0) {
            context_use(s->context);
        }
        pthread_mutex_unlock(&s->lock);
    }
}

static int64_t run(struct source *s, int32_t thread) {
    int64_t sequence = 0;
    while (sequence < s->count) {
        if (s->on_demand) {
            await_demand(s);
        }
        if (has_to_leave(s)) {
            break;
        }
        look_at_context(s);
        fire(s, thread, sequence++);
        look_at_context(s);
        if (s->pause > 0) {
            rest(s);
        }
    }
    if (atomic_exchange(&s->farewell_there, false)) {
        fire(s, thread, FAREWELL);
    }
    return sequence;
}

static void release(struct source *s) {
    pthread_mutex_lock(&s->lock);
    bool last = --s->references == 0;
    pthread_mutex_unlock(&s->lock);
    if (last) {
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->lock);
        free(s->ids);
        free(s);
    }
}

/* Stopped: if the last callback has returned, says so, once. */
static void finish(struct source *s) {
    pthread_mutex_lock(&s->lock);
    bool due = s->running == 0 && !s->finished && s->destroyed;
    s->finished |= due;
    pthread_mutex_unlock(&s->lock);
    if (due) {
        s->destroyed(s->destroyed_data);
    }
}

static void leave(struct source *s) {
    pthread_mutex_lock(&s->lock);
    s->running--;
    bool finishes = s->left_behind;
    pthread_mutex_unlock(&s->lock);
    if (finishes) {
        finish(s);
    }
    release(s);
}

static void *work(void *argument) {
    struct worker worker = *(struct worker *)argument;
    free(argument);
    run(worker.source, worker.number);
    leave(worker.source);
    return NULL;
}

static int32_t start(struct source *s, int32_t threads, int64_t count, int64_t pause) {
    if (s->ids || s->stopped) {
        report_error("source %p started twice, or after its stop", (void *)s);
        return -1;
    }
    s->count = count < 0 ? INT64_MAX : count;
    s->pause = pause;
    s->ids = calloc(threads, sizeof *s->ids);
    pthread_mutex_lock(&s->lock);
    int failed = 0;
    for (int32_t i = 0; i < threads && !failed; i++) {
        struct worker *worker = malloc(sizeof *worker);
        *worker = (struct worker){s, i};
        failed = pthread_create(&s->ids[i], NULL, work, worker);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            free(worker);
        } else {
            s->threads++;
            s->running++;
            s->references++;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return failed;
}

/* Starts threads that fire count events each (negative: until stopped), pause ns apart. 0, or an errno. */
int32_t source_start(struct source *s, int32_t threads, int64_t count, int64_t pause) {
    return start(s, threads, count, pause);
}

/* Starts one thread that fires as many events as source_demand asked for: the source that is re-armed. */
int32_t source_start_on_demand(struct source *s) {
    s->on_demand = true;
    return start(s, 1, -1, 0);
}

void source_demand(struct source *s, int64_t n) {
    pthread_mutex_lock(&s->lock);
    s->demand = n > INT64_MAX - s->demand ? INT64_MAX : s->demand + n;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* A blocking loop (pcap_loop): fires on the calling thread, until count or source_break. Returns the events fired. */
int64_t source_run(struct source *s, int64_t count, int64_t pause) {
    s->count = count < 0 ? INT64_MAX : count;
    s->pause = pause;
    return run(s, 0);
}

/* Tells the threads, or source_run, to stop, and returns at once. */
void source_break(struct source *s) {
    pthread_mutex_lock(&s->lock);
    atomic_store(&s->deadline, 0);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* False if it had been stopped before. */
static bool tell(struct source *s, int64_t deadline, bool leave_behind) {
    pthread_mutex_lock(&s->lock);
    bool first = !s->stopped;
    if (first) {
        s->stopped = true;
        s->left_behind = leave_behind;
        atomic_store(&s->deadline, deadline);
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return first;
}

static void free_context(struct source *s) {
    if (s->context) {
        context_free(s->context);
    }
}

static void detach(struct source *s) {
    for (int32_t i = 0; i < s->threads; i++) {
        pthread_detach(s->ids[i]);
    }
}

static int32_t join(struct source *s) {
    if (inside == s) {
        report_error("source %p joined inside its own callback: a deadlock", (void *)s);
        detach(s);
        return -1;
    }
    for (int32_t i = 0; i < s->threads; i++) {
        pthread_join(s->ids[i], NULL);
    }
    return s->threads;
}

/*
 * Stops and joins: no callback runs when it has returned. Then frees the context. Returns the threads joined.
 * Called inside the callback it cannot join: it returns -1, frees the context all the same, and the thread goes on to
 * use it (an error, or ASan's report).
 */
int32_t source_stop(struct source *s) {
    if (inside == s) {
        if (tell(s, 0, true)) {
            detach(s);
            free_context(s);
        }
        return -1;
    }
    if (!tell(s, 0, false)) {
        return 0;
    }
    int32_t joined = join(s);
    free_context(s);
    finish(s);
    return joined;
}

/* Stops and joins, and then fires a farewell on the calling thread. */
int32_t source_stop_firing_here(struct source *s) {
    if (!tell(s, 0, false)) {
        return 0;
    }
    int32_t joined = join(s);
    fire(s, -1, FAREWELL);
    free_context(s);
    finish(s);
    return joined;
}

/* Stops and joins; one of the threads fires a farewell while the caller waits for it. */
int32_t source_stop_firing_there(struct source *s) {
    atomic_store(&s->farewell_there, true);
    return source_stop(s);
}

/* Frees the context and returns at once; the threads go on calling for late_ns more. */
void source_stop_late(struct source *s, int64_t late_ns) {
    if (tell(s, now_ns() + late_ns, true)) {
        detach(s);
        free_context(s);
        finish(s);
    }
}

struct straggler {
    struct source *source;
    int64_t delay;
};

static void *straggle(void *argument) {
    struct straggler straggler = *(struct straggler *)argument;
    free(argument);
    pause_ns(straggler.delay);
    fire(straggler.source, 0, FAREWELL);
    finish(straggler.source);
    release(straggler.source);
    return NULL;
}

/* Stops, joins, frees the context and returns; a new thread fires one farewell delay_ns later. */
void source_stop_then_one(struct source *s, int64_t delay_ns) {
    if (!tell(s, 0, false)) {
        return;
    }
    join(s);
    free_context(s);
    pthread_mutex_lock(&s->lock);
    s->references++;
    pthread_mutex_unlock(&s->lock);
    struct straggler *straggler = malloc(sizeof *straggler);
    *straggler = (struct straggler){s, delay_ns};
    pthread_t thread;
    if (pthread_create(&thread, NULL, straggle, straggler) == 0) {
        pthread_detach(thread);
    } else {
        report_error("no thread for a straggler");
    }
}

/* Waits until the threads have fired all their events; does not stop them. The source has to be stopped afterwards. */
void source_await(struct source *s) {
    for (;;) {
        pthread_mutex_lock(&s->lock);
        bool done = s->running == 0;
        pthread_mutex_unlock(&s->lock);
        if (done) {
            return;
        }
        pause_ns(SHORT_PAUSE_NS);
    }
}

/* ---- what happened ---- */

int64_t source_calls(struct source *s) {
    return atomic_load(&s->calls);
}

/* Calls that began after a stop had been asked for, farewells included. */
int64_t source_late_calls(struct source *s) {
    return atomic_load(&s->late);
}

int64_t source_right_answers(struct source *s) {
    return atomic_load(&s->right);
}

int64_t source_fallback_answers(struct source *s) {
    return atomic_load(&s->fallbacks);
}

int64_t source_wrong_answers(struct source *s) {
    return atomic_load(&s->wrong);
}

/* Threads that have not left. */
int32_t source_running(struct source *s) {
    pthread_mutex_lock(&s->lock);
    int32_t running = s->running;
    pthread_mutex_unlock(&s->lock);
    return running;
}

/* ---- the end of the process ---- */

static pthread_mutex_t at_exit_lock = PTHREAD_MUTEX_INITIALIZER;
static struct source *at_exit[AT_EXIT_MAX];
static bool at_exit_registered;

static void stop_at_exit(void) {
    for (int i = 0; i < AT_EXIT_MAX; i++) {
        struct source *s = at_exit[i];
        if (s) {
            fprintf(stderr, "fixture: joins its threads at exit\n");
            int32_t joined = source_stop(s);
            fprintf(stderr, "fixture: joined %d at exit\n", (int)joined);
        }
    }
}

/* A library that stops its threads at exit (atexit) and joins them, unless the source was stopped before. */
void source_join_at_exit(struct source *s) {
    pthread_mutex_lock(&at_exit_lock);
    if (!at_exit_registered) {
        at_exit_registered = true;
        atexit(stop_at_exit);
    }
    int i = 0;
    while (i < AT_EXIT_MAX && at_exit[i]) {
        i++;
    }
    if (i < AT_EXIT_MAX) {
        at_exit[i] = s;
    } else {
        report_error("too many sources to join at exit");
    }
    pthread_mutex_unlock(&at_exit_lock);
}

/* Gives the handle back; stops the source if nobody did. Late threads keep the memory until they have left. */
void source_free(struct source *s) {
    pthread_mutex_lock(&at_exit_lock);
    for (int i = 0; i < AT_EXIT_MAX; i++) {
        if (at_exit[i] == s) {
            at_exit[i] = NULL;
        }
    }
    pthread_mutex_unlock(&at_exit_lock);
    source_stop(s);
    release(s);
}
