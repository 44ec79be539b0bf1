/* The native source of events of all contenders: pthreads call function pointers, as fast as they can or after pauses.
 * One job at a time: start_..., then join. Times are nanoseconds of CLOCK_MONOTONIC. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#define MAX_THREADS 64

typedef void (*stream_callback)(int64_t sequence, double value);
typedef void (*text_callback)(int64_t sequence, const char *text);
typedef int32_t (*answered_callback)(int32_t question);

/* The same with user data, which is handed back. */
typedef void (*event_callback)(int64_t sequence, double value, void *user_data);
typedef int32_t (*question_callback)(int32_t question, void *user_data);

typedef struct {
    event_callback callback;
    void *user_data;
} registration;

typedef struct {
    int index;
    int64_t started, ended, wrong, calls, busy;
    pthread_t thread;
} worker;

static worker workers[MAX_THREADS];
static int running;
static atomic_int ready;

/* The job. */
static const stream_callback *streams;
static stream_callback stream;
static text_callback text;
static answered_callback answered;
static const registration *registrations;
static registration registered;
static question_callback question;
static int64_t count, width, pause_ns, duration_ns;
static int64_t *times;

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_for(int64_t ns) {
    struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};
    nanosleep(&t, 0);
}

/* All threads of a job begin together. */
static void begin(worker *w) {
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < running) sched_yield();
    w->started = now_ns();
}

static void start(int threads, void *(*run)(void *)) {
    running = threads;
    atomic_store(&ready, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker){.index = i};
        pthread_create(&workers[i].thread, 0, run, &workers[i]);
    }
}

void join(void) {
    for (int i = 0; i < running; i++) pthread_join(workers[i].thread, 0);
}

int64_t started_ns(void) {
    int64_t first = workers[0].started;
    for (int i = 1; i < running; i++)
        if (workers[i].started < first) first = workers[i].started;
    return first;
}

int64_t elapsed_ns(void) {
    int64_t last = workers[0].ended;
    for (int i = 1; i < running; i++)
        if (workers[i].ended > last) last = workers[i].ended;
    return last - started_ns();
}

int64_t wrong_answers(void) { return workers[0].wrong; }

/* Each thread calls one function; its sequence numbers have its own number in the upper half. */
static void *run_stream(void *arg) {
    worker *w = arg;
    int64_t first = (int64_t)w->index << 32;
    begin(w);
    for (int64_t i = 0; i < count; i++) stream(first | i, i * 0.5);
    w->ended = now_ns();
    return 0;
}

void start_stream(int threads, stream_callback callback, int64_t each) {
    stream = callback;
    count = each;
    start(threads, run_stream);
}

/* One thread calls in bursts, after a pause each, in which what it has sent before is taken; and the time of the bursts. */
static void *run_bursts(void *arg) {
    worker *w = arg;
    begin(w);
    for (int64_t i = 0; i < count;) {
        pause_for(pause_ns);
        int64_t from = now_ns();
        for (int64_t end = i + width; i < end; i++) stream(i, i * 0.5);
        w->busy += now_ns() - from;
    }
    w->ended = now_ns();
    return 0;
}

void start_bursts(stream_callback callback, int64_t each, int64_t bursts, int64_t pause) {
    stream = callback;
    width = each;
    count = each * bursts;
    pause_ns = pause;
    start(1, run_bursts);
}

int64_t busy_ns(void) { return workers[0].busy; }

/* One thread calls one function after the other. */
static void *run_spread(void *arg) {
    worker *w = arg;
    int64_t at = 0;
    begin(w);
    for (int64_t i = 0; i < count; i++) {
        streams[at](i, i * 0.5);
        if (++at == width) at = 0;
    }
    w->ended = now_ns();
    return 0;
}

void start_spread(const stream_callback *callbacks, int64_t callback_count, int64_t calls) {
    streams = callbacks;
    width = callback_count;
    count = calls;
    start(1, run_spread);
}

/* One thread calls one function with its user data again and again. */
static void *run_registered(void *arg) {
    worker *w = arg;
    begin(w);
    for (int64_t i = 0; i < count; i++) registered.callback(i, i * 0.5, registered.user_data);
    w->ended = now_ns();
    return 0;
}

void start_registered(event_callback callback, void *user_data, int64_t calls) {
    registered = (registration){callback, user_data};
    count = calls;
    start(1, run_registered);
}

/* One thread calls one function after the other, each with its user data. */
static void *run_registrations(void *arg) {
    worker *w = arg;
    int64_t at = 0;
    begin(w);
    for (int64_t i = 0; i < count; i++) {
        registrations[at].callback(i, i * 0.5, registrations[at].user_data);
        if (++at == width) at = 0;
    }
    w->ended = now_ns();
    return 0;
}

void start_registrations(const registration *all, int64_t all_count, int64_t calls) {
    registrations = all;
    width = all_count;
    count = calls;
    start(1, run_registrations);
}

static void *run_text(void *arg) {
    worker *w = arg;
    begin(w);
    for (int64_t i = 0; i < count; i++) text(i, "event");
    w->ended = now_ns();
    return 0;
}

void start_text(text_callback callback, int64_t calls) {
    text = callback;
    count = calls;
    start(1, run_text);
}

/* After each pause one event, whose sequence number is the time of the call. */
static void *run_silent(void *arg) {
    worker *w = arg;
    begin(w);
    for (int64_t i = 0; i < count; i++) {
        pause_for(pause_ns);
        stream(now_ns(), i * 0.5);
    }
    w->ended = now_ns();
    return 0;
}

void start_silent(stream_callback callback, int64_t calls, int64_t pause) {
    stream = callback;
    count = calls;
    pause_ns = pause;
    start(1, run_silent);
}

/* The thread waits for the answer, which is the question and one. */
static void *run_answered(void *arg) {
    worker *w = arg;
    int64_t wrong = 0;
    begin(w);
    for (int64_t i = 0; i < count; i++) wrong += answered((int32_t)i) != (int32_t)i + 1;
    w->ended = now_ns();
    w->wrong = wrong;
    return 0;
}

void start_answered(answered_callback callback, int64_t calls) {
    answered = callback;
    count = calls;
    start(1, run_answered);
}

/* The same with user data. */
static void *run_answered_with(void *arg) {
    worker *w = arg;
    int64_t wrong = 0;
    begin(w);
    for (int64_t i = 0; i < count; i++) wrong += question((int32_t)i, registered.user_data) != (int32_t)i + 1;
    w->ended = now_ns();
    w->wrong = wrong;
    return 0;
}

void start_answered_with(question_callback callback, void *user_data, int64_t calls) {
    question = callback;
    registered.user_data = user_data;
    count = calls;
    start(1, run_answered_with);
}

/* After pauses, and the time of each call. */
static void *run_paused(void *arg) {
    worker *w = arg;
    begin(w);
    for (int64_t i = 0; i < count; i++) {
        pause_for(pause_ns);
        int64_t from = now_ns();
        int32_t answer = answered((int32_t)i);
        times[i] = now_ns() - from;
        w->wrong += answer != (int32_t)i + 1;
    }
    w->ended = now_ns();
    return 0;
}

void start_paused(answered_callback callback, int64_t calls, int64_t pause, int64_t *into) {
    answered = callback;
    count = calls;
    pause_ns = pause;
    times = into;
    start(1, run_paused);
}

/* Calls for so long, with a pause after each, and takes the time of each call. */
static void *run_timed(void *arg) {
    worker *w = arg;
    begin(w);
    int64_t i = 0, end = w->started + duration_ns;
    for (int64_t from = w->started; i < count && from < end; i++) {
        from = now_ns();
        stream(i, i * 0.5);
        times[i] = now_ns() - from;
        pause_for(pause_ns);
    }
    w->ended = now_ns();
    w->calls = i;
    return 0;
}

void start_timed(stream_callback callback, int64_t most, int64_t pause, int64_t duration, int64_t *into) {
    stream = callback;
    count = most;
    pause_ns = pause;
    duration_ns = duration;
    times = into;
    start(1, run_timed);
}

int64_t calls_made(void) { return workers[0].calls; }

/* The calling thread is itself the one that calls back. Negative: so many wrong answers. */
int64_t same_thread(answered_callback callback, int64_t calls) {
    int64_t wrong = 0, from = now_ns();
    for (int64_t i = 0; i < calls; i++) wrong += callback((int32_t)i) != (int32_t)i + 1;
    return wrong ? -wrong : now_ns() - from;
}

void call_once(stream_callback callback) { callback(1, 0.5); }

void call_once_with(event_callback callback, void *user_data) { callback(1, 0.5, user_data); }
