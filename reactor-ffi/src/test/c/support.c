/* Clock, errors, a trace of what happened in which order, and memory that shows a use after free. */
#include "fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHORTEST_SLEEP_NS 100000
#define GRAVES 4096
#define TRACE_LENGTH 4096
#define ERRORS_PRINTED 20

#define CONTEXT_MAGIC 0x6d6167696363746cULL
#define MESSAGE_MAGIC 0x6d6167696d736721ULL

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void pause_ns(int64_t nanos) {
    if (nanos <= 0) {
        return;
    }
    if (nanos < SHORTEST_SLEEP_NS) {
        int64_t end = now_ns() + nanos;
        while (now_ns() < end) {
        }
        return;
    }
    struct timespec time = {.tv_sec = nanos / 1000000000, .tv_nsec = nanos % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &time) != 0) {
    }
}

/* ---- errors ---- */

static _Atomic int64_t errors;

void report_error(const char *format, ...) {
    if (atomic_fetch_add(&errors, 1) >= ERRORS_PRINTED) {
        return;
    }
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "fixture: %s\n", line);
}

/* How often something happened that must not: a dead context used, a message freed twice, a wrong answer ... */
int64_t error_count(void) {
    return atomic_load(&errors);
}

void errors_clear(void) {
    atomic_store(&errors, 0);
}

/* ---- trace ---- */

static _Atomic int32_t traced;
static _Atomic int32_t trace[TRACE_LENGTH];

/* Appends a mark, from any thread. Marks are not 0. */
void trace_mark(int32_t mark) {
    int32_t index = atomic_fetch_add(&traced, 1);
    if (index < TRACE_LENGTH) {
        atomic_store(&trace[index], mark);
    }
}

int32_t trace_length(void) {
    int32_t length = atomic_load(&traced);
    return length < TRACE_LENGTH ? length : TRACE_LENGTH;
}

/* The mark at an index; 0 where there is none (yet). */
int32_t trace_at(int32_t index) {
    return index >= 0 && index < TRACE_LENGTH ? atomic_load(&trace[index]) : 0;
}

void trace_clear(void) {
    for (int32_t i = 0; i < TRACE_LENGTH; i++) {
        atomic_store(&trace[i], 0);
    }
    atomic_store(&traced, 0);
}

/* ---- threads ---- */

struct job {
    void (*body)(void *);
    void *argument;
};

static void *run_job(void *argument) {
    struct job *job = argument;
    job->body(job->argument);
    return NULL;
}

void run_on(int32_t on_thread, void (*body)(void *), void *argument) {
    if (!on_thread) {
        body(argument);
        return;
    }
    struct job job = {body, argument};
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, run_job, &job);
    if (failed) {
        report_error("pthread_create: %s", strerror(failed));
        return;
    }
    pthread_join(thread, NULL);
}

/* ---- memory ---- */

/* 1 if this library was built with -fsanitize=address. */
int32_t built_with_asan(void) {
#ifdef __SANITIZE_ADDRESS__
    return 1;
#else
    return 0;
#endif
}

#ifdef __SANITIZE_ADDRESS__
void bury(void *block, size_t size) {
    (void)size;
    free(block);
}
#else
static pthread_mutex_t graveyard = PTHREAD_MUTEX_INITIALIZER;
static void *graves[GRAVES];
static int next_grave;

void bury(void *block, size_t size) {
    memset(block, 0xDD, size);
    pthread_mutex_lock(&graveyard);
    void *oldest = graves[next_grave];
    graves[next_grave] = block;
    next_grave = (next_grave + 1) % GRAVES;
    pthread_mutex_unlock(&graveyard);
    free(oldest);
}
#endif

/* ---- contexts ---- */

struct context *context_new(void) {
    struct context *context = malloc(sizeof *context);
    context->magic = CONTEXT_MAGIC;
    context->uses = 0;
    return context;
}

void context_free(struct context *context) {
    if (context->magic != CONTEXT_MAGIC) {
        report_error("context %p freed twice", (void *)context);
        return;
    }
    bury(context, sizeof *context);
}

/* 0 if the context is alive; 1, and an error, if it has been freed. What a handler calls, to prove that it may. */
int32_t context_use(struct context *context) {
    if (__atomic_load_n(&context->magic, __ATOMIC_RELAXED) != CONTEXT_MAGIC) {
        report_error("context %p used after it was freed", (void *)context);
        return 1;
    }
    __atomic_add_fetch(&context->uses, 1, __ATOMIC_RELAXED);
    return 0;
}

/* The same, before and after a pause: a handler that is still inside while the context is freed is seen. */
int32_t context_use_slowly(struct context *context, int64_t nanos) {
    int32_t wrong = context_use(context);
    pause_ns(nanos);
    return wrong + context_use(context);
}

/* ---- messages ---- */

static _Atomic int64_t messages;

struct message *message_new(int32_t thread, int64_t sequence, int64_t id) {
    struct message *message = malloc(sizeof *message);
    message->magic = MESSAGE_MAGIC;
    message->thread = thread;
    message->sequence = sequence;
    message->id = id;
    snprintf(message->text, sizeof message->text, "message %lld", (long long)sequence);
    atomic_fetch_add(&messages, 1);
    return message;
}

void message_free(struct message *message) {
    if (message->magic != MESSAGE_MAGIC) {
        report_error("message %p freed twice", (void *)message);
        return;
    }
    bury(message, sizeof *message);
    atomic_fetch_sub(&messages, 1);
}

/* Messages handed out and not yet freed. */
int64_t live_messages(void) {
    return atomic_load(&messages);
}
