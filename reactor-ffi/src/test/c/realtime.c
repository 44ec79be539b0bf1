/*
 * A real-time producer beside an ordinary one, both on one core: the real-time thread preempts the ordinary one wherever that
 * happens to be, and while it waits for it in a loop, the ordinary one does not run.
 */
#include "fixture.h"

#include <errno.h>
#include <time.h>

#ifdef __linux__
#include <sched.h>

struct pair {
    reading_fn callback;
    int64_t end;
    int64_t pause;
    _Atomic bool over;
    int64_t calls;   /* of the real-time thread */
    int64_t longest; /* the most processor time that one of those took, in ns */
};

static int64_t processor_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void *ordinary(void *argument) {
    struct pair *p = argument;
    int64_t value = 0;
    for (int64_t n = 0; !atomic_load(&p->over); n++) {
        value = -n - 1;
        p->callback(n, 0, &value);
    }
    return NULL;
}

static void *realtime(void *argument) {
    struct pair *p = argument;
    int64_t value = 0;
    while (now_ns() < p->end) {
        value = p->calls;
        int64_t before = processor_time();
        p->callback(p->calls, 1, &value);
        int64_t took = processor_time() - before;
        if (p->calls++ > 0 && took > p->longest) { /* the first one attaches the thread to the JVM */
            p->longest = took;
        }
        struct timespec pause = {.tv_nsec = p->pause};
        nanosleep(&pause, NULL);
    }
    atomic_store(&p->over, true);
    return NULL;
}

static int start(pthread_t *thread, void *(*routine)(void *), struct pair *p, int policy, cpu_set_t *core) {
    struct sched_param priority = {.sched_priority = policy == SCHED_FIFO ? 1 : 0};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, policy);
    pthread_attr_setschedparam(&attributes, &priority);
    pthread_attr_setaffinity_np(&attributes, sizeof *core, core);
    int failed = pthread_create(thread, &attributes, routine, p);
    pthread_attr_destroy(&attributes);
    return failed;
}

/*
 * An ordinary thread calls without a pause, with the value 0; a SCHED_FIFO thread on the same core calls, with the value 1, and
 * sleeps for pause ns; for duration ns. user_data is an int64_t: from 0 on the real-time thread's, from -1 down the other's. Both are
 * joined. result[0] is the calls of the real-time thread, result[1] the most processor time that one of them took. 0, or an
 * errno: EPERM where real-time threads are not permitted.
 */
int32_t realtime_beside_ordinary(reading_fn callback, int64_t duration, int64_t pause, int64_t *result) {
    struct pair p = {.callback = callback, .end = now_ns() + duration, .pause = pause};
    cpu_set_t all;
    cpu_set_t core;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&core);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_ZERO(&core);
            CPU_SET(i, &core);
        }
    }
    pthread_t threads[2];
    int failed = start(&threads[1], realtime, &p, SCHED_FIFO, &core);
    if (failed) {
        return failed;
    }
    failed = start(&threads[0], ordinary, &p, SCHED_OTHER, &core);
    if (!failed) {
        pthread_join(threads[0], NULL);
    }
    pthread_join(threads[1], NULL);
    result[0] = p.calls;
    result[1] = p.longest;
    return failed;
}

#else

int32_t realtime_beside_ordinary(reading_fn callback, int64_t duration, int64_t pause, int64_t *result) {
    (void)callback, (void)duration, (void)pause, (void)result;
    return EPERM;
}

#endif
