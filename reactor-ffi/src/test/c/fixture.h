/*
 * The native side of the tests: small event sources that behave as C libraries do, the polite and the rude ones.
 *
 * Every function that is not static is called from Java (package reactor.ffi.fixture); each one is explained where it
 * is defined. This header holds what several files share.
 *
 * on_thread: 0 calls back on the calling thread; 1 on a new thread, which is joined before the function returns.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* clang says it in its own way */
#endif
#endif

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the callbacks look like. */
typedef void (*event_fn)(int32_t thread, int64_t sequence, int64_t id);
typedef void (*reading_fn)(int64_t sequence, double value, void *user_data);
typedef void (*tick_fn)(int64_t sequence, double value);
typedef int64_t (*ask_fn)(int32_t thread, int64_t sequence, int64_t id);
typedef void (*notify_fn)(void *data);

/* A message that belongs to the callee, who gives it back with message_free. */
struct message {
    uint64_t magic;
    int64_t sequence;
    int64_t id;
    int32_t thread;
    char text[28];
};
typedef void (*message_fn)(struct message *message);

/* What a source passes as user_data and frees when it is stopped. */
struct context {
    uint64_t magic;
    int64_t uses;
};

/* CLOCK_MONOTONIC in nanoseconds: the clock of System.nanoTime. */
int64_t now_ns(void);

/* Waits; spins if it is shorter than what the kernel's timers can do. */
void pause_ns(int64_t nanos);

/* Something that must never happen: counted (error_count), and the first few are printed. */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs body(argument) on the calling thread, or on a new one that it joins. */
void run_on(int32_t on_thread, void (*body)(void *), void *argument);

/*
 * Frees memory so that a later use is seen: ASan sees it by itself; without ASan the block is filled with 0xDD and
 * stays mapped for a while, so that who reads it reads 0xDD and does not crash.
 */
void bury(void *block, size_t size);

struct context *context_new(void);
void context_free(struct context *context);
int32_t context_use(struct context *context);

struct message *message_new(int32_t thread, int64_t sequence, int64_t id);
void message_free(struct message *message);

#endif
