/* Calls that hand user data back: the right one, the one of somebody else, and what is none. */
#include "fixture.h"

struct one {
    reading_fn callback;
    int64_t sequence;
    void *user_data;
};

static void call_one(void *argument) {
    struct one *o = argument;
    o->callback(o->sequence, o->sequence / 2.0, o->user_data);
}

/* callback(sequence, sequence / 2.0, user_data), once. */
void call_reading(reading_fn callback, int64_t sequence, void *user_data, int32_t on_thread) {
    struct one o = {callback, sequence, user_data};
    run_on(on_thread, call_one, &o);
}

/* callback(user_data as a sequence, 0.5, user_data), n times on the calling thread. */
void call_readings(reading_fn callback, void *user_data, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        callback((int64_t)(uintptr_t)user_data, 0.5, user_data);
    }
}

static uint64_t next(uint64_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

struct wrong {
    reading_fn callback;
    uint64_t user_data;
    int64_t n;
    int32_t kind;
};

static uint64_t spoil(uint64_t user_data, int32_t kind, uint64_t *random) {
    uint64_t r = next(random);
    switch (kind) {
    case 0:
        return r; /* garbage */
    case 1:
        return 0; /* NULL */
    case 2:
        return r & 1 ? (uint64_t)(uint32_t)user_data : (uint64_t)(int64_t)(int32_t)user_data; /* truncated */
    case 3:
        return user_data ^ (uint64_t)1 << r % 64; /* one bit is wrong */
    case 4:
        return user_data + (r % 2000000 - 1000000) - (r % 2000000 == 1000000); /* near it */
    case 5:
        return (user_data & 0x3fffff) | (r << 22); /* its index, of another life */
    default:
        return (uint64_t)(uintptr_t)&random; /* an address */
    }
}

static void call_wrong(void *argument) {
    struct wrong *w = argument;
    uint64_t random = 88172645463325252ull ^ w->user_data;
    for (int64_t i = 0; i < w->n; i++) {
        uint64_t spoilt = spoil(w->user_data, w->kind, &random);
        if (spoilt == w->user_data) {
            i--; /* once in a long while */
            continue;
        }
        w->callback(i, i / 2.0, (void *)(uintptr_t)spoilt);
    }
}

/* n times with user data that is wrong, in one of seven ways. */
void call_with_wrong_user_data(reading_fn callback, void *user_data, int32_t kind, int64_t n, int32_t on_thread) {
    struct wrong w = {callback, (uint64_t)(uintptr_t)user_data, n, kind};
    run_on(on_thread, call_wrong, &w);
}

/* ---- threads that call with the last user data that were posted, whether they live or not ---- */

enum { RING = 256, THREADS = 16 };

static _Atomic(reading_fn) fire_callback;
static _Atomic(void *) ring[RING];
static _Atomic uint64_t posted;
static _Atomic bool fire_ends;
static _Atomic int64_t fired;
static pthread_t firing[THREADS];
static int32_t firing_threads;

/* All of one C type: of one callback. */
void fire_post(reading_fn callback, void *user_data) {
    atomic_store(&fire_callback, callback);
    atomic_store(&ring[atomic_fetch_add(&posted, 1) % RING], user_data);
}

static void *fire(void *argument) {
    uint64_t random = 88172645463325252ull * ((uint64_t)(uintptr_t)argument + 1) + 1;
    int64_t calls = 0;
    while (!atomic_load_explicit(&fire_ends, memory_order_relaxed)) {
        reading_fn callback = atomic_load(&fire_callback);
        void *user_data = atomic_load(&ring[next(&random) % RING]);
        if (callback != NULL && user_data != NULL) {
            callback((int64_t)(uintptr_t)user_data, 0.5, user_data); /* the sequence says for whom it is */
            calls++;
        }
    }
    atomic_fetch_add(&fired, calls);
    return NULL;
}

/* Starts at most 16 threads. */
void fire_start(int32_t threads) {
    atomic_store(&fire_ends, false);
    atomic_store(&fired, 0);
    atomic_store(&fire_callback, NULL);
    for (int i = 0; i < RING; i++) {
        atomic_store(&ring[i], NULL);
    }
    firing_threads = threads < THREADS ? threads : THREADS;
    for (int32_t i = 0; i < firing_threads; i++) {
        pthread_create(&firing[i], NULL, fire, (void *)(intptr_t)i);
    }
}

/* Joins them; returns how many calls there were. */
int64_t fire_stop(void) {
    atomic_store(&fire_ends, true);
    for (int32_t i = 0; i < firing_threads; i++) {
        pthread_join(firing[i], NULL);
    }
    return atomic_load(&fired);
}
