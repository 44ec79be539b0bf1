/*
 * Many registrations that a few threads call in turn: a table of callbacks, cheap to enter and to leave. An entry that
 * is retired goes on being called for a given time, which is what a rude library does to a dead subscription; one that
 * is removed is silent when the function has returned, which is what a polite one does.
 *
 *     void callback(int32_t thread, int64_t sequence, int64_t id);       sequence: per entry and thread
 */
#include "fixture.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 32

struct entry {
    pthread_mutex_t lock;
    event_fn callback; /* NULL: free */
    int64_t id;
    int64_t deadline; /* 0 while registered; once retired, when the calls end */
    bool closed;      /* somebody waits in hub_remove: no more calls, and not free before it has returned */
    int32_t inside;
    int64_t sequences[THREADS_MAX];
};

struct hub {
    int32_t threads;
    int32_t capacity;
    int64_t pause;
    pthread_t ids[THREADS_MAX];
    _Atomic int32_t numbers;
    _Atomic int32_t used; /* entries at and above were never used */
    _Atomic int32_t next; /* where to look for a free one */
    _Atomic bool stopped;
    _Atomic int64_t calls, late;
    struct entry *entries;
};

static __thread struct entry *inside;

static void call(struct hub *hub, struct entry *entry, int32_t thread) {
    pthread_mutex_lock(&entry->lock);
    event_fn callback = entry->callback;
    bool late = entry->deadline != 0;
    bool over = late && now_ns() >= entry->deadline;
    if (over && entry->inside == 0 && !entry->closed) {
        entry->callback = NULL;
    }
    if (!callback || over || entry->closed) {
        pthread_mutex_unlock(&entry->lock);
        return;
    }
    entry->inside++;
    int64_t id = entry->id;
    int64_t sequence = entry->sequences[thread]++;
    pthread_mutex_unlock(&entry->lock);

    atomic_fetch_add(late ? &hub->late : &hub->calls, 1);
    inside = entry;
    callback(thread, sequence, id);
    inside = NULL;

    pthread_mutex_lock(&entry->lock);
    entry->inside--;
    pthread_mutex_unlock(&entry->lock);
}

static void *go_round(void *argument) {
    struct hub *hub = argument;
    int32_t thread = atomic_fetch_add(&hub->numbers, 1);
    while (!atomic_load(&hub->stopped)) {
        int32_t used = atomic_load(&hub->used);
        for (int32_t i = 0; i < used && !atomic_load(&hub->stopped); i++) {
            call(hub, &hub->entries[i], thread);
        }
        pause_ns(hub->pause);
    }
    return NULL;
}

/* Starts threads (at most 32) that go round the table, with a pause (ns) after each round. */
struct hub *hub_new(int32_t threads, int32_t capacity, int64_t pause) {
    struct hub *hub = calloc(1, sizeof *hub);
    hub->threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    hub->capacity = capacity;
    hub->pause = pause;
    hub->entries = calloc(capacity, sizeof *hub->entries);
    for (int32_t i = 0; i < capacity; i++) {
        pthread_mutex_init(&hub->entries[i].lock, NULL);
    }
    for (int32_t i = 0; i < hub->threads; i++) {
        int failed = pthread_create(&hub->ids[i], NULL, go_round, hub);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            hub->threads = i;
        }
    }
    return hub;
}

static bool enter(struct entry *entry, event_fn callback, int64_t id) {
    pthread_mutex_lock(&entry->lock);
    bool taken = !entry->callback;
    if (taken) {
        entry->callback = callback;
        entry->id = id;
        entry->deadline = 0;
        entry->closed = false;
        memset(entry->sequences, 0, sizeof entry->sequences);
    }
    pthread_mutex_unlock(&entry->lock);
    return taken;
}

/* Registers; returns the entry's number, or -1 if the table is full. */
int32_t hub_add(struct hub *hub, event_fn callback, int64_t id) {
    int32_t start = atomic_load(&hub->next);
    for (int32_t n = 0; n < hub->capacity; n++) {
        int32_t i = (start + n) % hub->capacity;
        if (enter(&hub->entries[i], callback, id)) {
            atomic_store(&hub->next, (i + 1) % hub->capacity);
            int32_t used = atomic_load(&hub->used);
            while (used <= i && !atomic_compare_exchange_weak(&hub->used, &used, i + 1)) {
            }
            return i;
        }
    }
    return -1;
}

/* Unregisters and waits: nobody is inside the callback, and nobody calls it again, when this returns. */
void hub_remove(struct hub *hub, int32_t number) {
    struct entry *entry = &hub->entries[number];
    if (inside == entry) {
        report_error("hub_remove inside its own callback: a deadlock");
        return;
    }
    for (;;) {
        pthread_mutex_lock(&entry->lock);
        entry->closed = true;
        bool silent = entry->inside == 0;
        if (silent) {
            entry->callback = NULL;
        }
        pthread_mutex_unlock(&entry->lock);
        if (silent) {
            return;
        }
        sched_yield();
    }
}

/* Unregisters and returns at once; the calls go on for late_ns more. */
void hub_retire(struct hub *hub, int32_t number, int64_t late_ns) {
    struct entry *entry = &hub->entries[number];
    pthread_mutex_lock(&entry->lock);
    entry->deadline = now_ns() + late_ns;
    pthread_mutex_unlock(&entry->lock);
}

/* Calls to entries that are registered. */
int64_t hub_calls(struct hub *hub) {
    return atomic_load(&hub->calls);
}

/* Calls to entries that have been retired. */
int64_t hub_late_calls(struct hub *hub) {
    return atomic_load(&hub->late);
}

/* Stops and joins the threads, late calls or not. */
void hub_free(struct hub *hub) {
    atomic_store(&hub->stopped, true);
    for (int32_t i = 0; i < hub->threads; i++) {
        pthread_join(hub->ids[i], NULL);
    }
    free(hub->entries);
    free(hub);
}
