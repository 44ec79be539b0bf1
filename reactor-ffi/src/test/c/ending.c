/* Callbacks at the end: of the process, and of a thread. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static event_fn at_exit_callback;
static event_fn destructor_callback;

static void call_now(const char *where, event_fn callback) {
    if (callback) {
        fprintf(stderr, "fixture: calls %s\n", where);
        callback(0, 0, 0);
        fprintf(stderr, "fixture: called %s\n", where);
    }
}

static void exiting(void) {
    call_now("at exit", at_exit_callback);
}

/* As the destructor of a static object in C++. */
__attribute__((destructor)) static void unloading(void) {
    call_now("in a static destructor", destructor_callback);
}

/* Calls once, when the process ends: in a static destructor, or else in an atexit handler. */
void call_at_end(event_fn callback, int32_t in_destructor) {
    if (in_destructor) {
        destructor_callback = callback;
    } else {
        at_exit_callback = callback;
        atexit(exiting);
    }
}

static pthread_key_t key;

static void thread_ends(void *callback) {
    ((event_fn)callback)(0, 1, 0);
}

static void *call_and_end(void *callback) {
    pthread_setspecific(key, callback);
    ((event_fn)callback)(0, 0, 0);
    return NULL;
}

/* Calls from each of total threads, one after the other: with sequence 0, and as it ends, in the destructor of a pthread_key, 1. */
void call_from_key_destructors(event_fn callback, int32_t total) {
    pthread_key_create(&key, thread_ends);
    for (int32_t i = 0; i < total; i++) {
        pthread_t thread;
        int failed = pthread_create(&thread, NULL, call_and_end, callback);
        if (failed) {
            report_error("pthread_create: %s", strerror(failed));
            return;
        }
        pthread_join(thread, NULL);
    }
    pthread_key_delete(key);
}
