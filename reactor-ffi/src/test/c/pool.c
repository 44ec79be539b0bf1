/*
 * Native threads that wait for orders: each calls a function pointer so many times, from its own queue of orders. Cheap
 * where a test needs native threads very often.
 *
 *     int64_t callback(int32_t thread, int64_t sequence, int64_t user_data);
 *
 * or void. The sequence counts for each id and thread, from 0; ids are
 * below 16. Of the answers, sequence + user_data is right, -7 is the fallback.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 16
#define IDS 16
#define ORDERS 256
#define FALLBACK (-7)

struct order {
    event_fn fire; /* one of the two */
    ask_fn ask;
    int64_t n, id, user_data;
};

struct worker {
    struct pool *pool;
    int32_t number;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct order orders[ORDERS];
    int64_t ordered, done;
    bool stopped;
    int64_t sequences[IDS];
};

struct pool {
    int32_t threads;
    struct worker workers[THREADS_MAX];
    _Atomic int64_t calls[IDS], right[IDS], fallback[IDS], wrong[IDS];
};

static void execute(struct worker *worker, struct order *order) {
    struct pool *pool = worker->pool;
    for (int64_t i = 0; i < order->n; i++) {
        int64_t sequence = worker->sequences[order->id]++;
        atomic_fetch_add(&pool->calls[order->id], 1);
        if (order->fire) {
            order->fire(worker->number, sequence, order->user_data);
            continue;
        }
        int64_t answer = order->ask(worker->number, sequence, order->user_data);
        atomic_fetch_add(
            answer == sequence + order->user_data ? &pool->right[order->id]
            : answer == FALLBACK                  ? &pool->fallback[order->id]
                                                  : &pool->wrong[order->id],
            1);
    }
}

static void *work(void *argument) {
    struct worker *worker = argument;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (worker->done == worker->ordered && !worker->stopped) {
            pthread_cond_wait(&worker->changed, &worker->lock);
        }
        if (worker->done == worker->ordered) {
            break;
        }
        struct order order = worker->orders[worker->done % ORDERS];
        pthread_mutex_unlock(&worker->lock);
        execute(worker, &order);
        pthread_mutex_lock(&worker->lock);
        worker->done++;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* Starts threads, at most 16. */
struct pool *pool_new(int32_t threads) {
    struct pool *pool = calloc(1, sizeof *pool);
    pool->threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (int32_t i = 0; i < pool->threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->number = i;
        pthread_mutex_init(&worker->lock, NULL);
        pthread_cond_init(&worker->changed, &monotonic);
        int failed = pthread_create(&worker->thread, NULL, work, worker);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            pool->threads = i;
        }
    }
    return pool;
}

static void order(struct pool *pool, int32_t thread, struct order order) {
    struct worker *worker = &pool->workers[thread];
    pthread_mutex_lock(&worker->lock);
    if (worker->ordered - worker->done == ORDERS) {
        report_error("too many orders for thread %d of a pool", thread);
    } else {
        worker->orders[worker->ordered++ % ORDERS] = order;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
}

/* Orders n calls, which count for an id; returns at once. */
void pool_fire(struct pool *pool, int32_t thread, event_fn callback, int64_t n, int64_t id, int64_t user_data) {
    order(pool, thread, (struct order){.fire = callback, .n = n, .id = id, .user_data = user_data});
}

/* As pool_fire, of a callback that answers. */
void pool_ask(struct pool *pool, int32_t thread, ask_fn callback, int64_t n, int64_t id, int64_t user_data) {
    order(pool, thread, (struct order){.ask = callback, .n = n, .id = id, .user_data = user_data});
}

/* Waits until all orders are done; how many threads are not after limit_ns. */
int32_t pool_await(struct pool *pool, int64_t limit_ns) {
    int64_t deadline = now_ns() + limit_ns;
    struct timespec until = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
    int32_t busy = 0;
    for (int32_t i = 0; i < pool->threads; i++) {
        struct worker *worker = &pool->workers[i];
        pthread_mutex_lock(&worker->lock);
        int late = 0;
        while (worker->done < worker->ordered && !late) {
            late = pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
        }
        busy += worker->done < worker->ordered;
        pthread_mutex_unlock(&worker->lock);
    }
    return busy;
}

/* Of one id: 0 the calls begun, 1 right answers, 2 fallbacks, 3 answers that are neither. */
int64_t pool_count(struct pool *pool, int64_t id, int32_t what) {
    _Atomic int64_t *counts[] = {pool->calls, pool->right, pool->fallback, pool->wrong};
    return atomic_load(&counts[what][id]);
}

/* Forgets all counts and sequences. No order may be open. */
void pool_reset(struct pool *pool) {
    for (int64_t id = 0; id < IDS; id++) {
        atomic_store(&pool->calls[id], 0);
        atomic_store(&pool->right[id], 0);
        atomic_store(&pool->fallback[id], 0);
        atomic_store(&pool->wrong[id], 0);
    }
    for (int32_t i = 0; i < pool->threads; i++) {
        struct worker *worker = &pool->workers[i];
        pthread_mutex_lock(&worker->lock);
        memset(worker->sequences, 0, sizeof worker->sequences);
        pthread_mutex_unlock(&worker->lock);
    }
}

/* Ends and joins the threads, once they have done their orders. */
void pool_free(struct pool *pool) {
    for (int32_t i = 0; i < pool->threads; i++) {
        struct worker *worker = &pool->workers[i];
        pthread_mutex_lock(&worker->lock);
        worker->stopped = true;
        pthread_cond_broadcast(&worker->changed);
        pthread_mutex_unlock(&worker->lock);
        pthread_join(worker->thread, NULL);
    }
    free(pool);
}
