/* A sound card's place is taken by a pthread: it hands over a block of 48 samples every ms, at 48 kHz, of a tone that is struck
 * twice a second. As the callback of a sound card has to, the callback should return long before the next block is due, so the
 * thread takes the time of each call. One thread at a time: tone_start, then tone_stop. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#define RATE 48000
#define BLOCK 48
#define PERIOD_NS 1000000

/* The root of the mean square of the block's samples, and the largest of them. */
typedef void (*block_callback)(int64_t number, double level, double peak);

static pthread_t thread;
static atomic_int stopped;
static block_callback on_block;
static int64_t *times;
static int64_t most, blocks;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void block(int64_t number, double *level, double *peak) {
    double squares = 0, largest = 0;
    for (int i = 0; i < BLOCK; i++) {
        double t = (double)(number * BLOCK + i) / RATE;
        double sample = exp(-6 * fmod(t, 0.5)) * sin(2 * M_PI * 440 * t);
        squares += sample * sample;
        largest = fmax(largest, fabs(sample));
    }
    *level = sqrt(squares / BLOCK);
    *peak = largest;
}

static void *run(void *unused) {
    (void)unused;
    int64_t due = now_ns();
    for (blocks = 0; blocks < most && !atomic_load(&stopped); blocks++) {
        double level, peak;
        block(blocks, &level, &peak);
        int64_t from = now_ns();
        on_block(blocks, level, peak);
        times[blocks] = now_ns() - from;
        due += PERIOD_NS;
        struct timespec t = {due / INT64_C(1000000000), due % INT64_C(1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    return NULL;
}

/* Calls on a thread of its own, up to so many times; the ns of each call go where into points. 0, or an errno. */
int32_t tone_start(block_callback callback, int64_t at_most, int64_t *into) {
    on_block = callback;
    most = at_most;
    times = into;
    atomic_store(&stopped, 0);
    return pthread_create(&thread, NULL, run, NULL);
}

/* Joins the thread. Returns how many blocks there were. */
int64_t tone_stop(void) {
    atomic_store(&stopped, 1);
    pthread_join(thread, NULL);
    return blocks;
}
