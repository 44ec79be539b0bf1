/* Makes random calls of emitted code, and looks at the records. The offsets are those of RingLayout. */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT(type, base, offset) (*(type *)((char *)(base) + (offset)))
#define TAIL 0
#define HEAD 128
#define CAPACITY 136
#define MASK 144
#define STRIDE 152
#define WHEN_FULL 160
#define CONSUMER 164
#define LIMIT_SECONDS 168
#define LIMIT_NANOS 176
#define MOST_WAITING 184
#define SPINS 188
#define STATE 256
#define BELL 264
#define NEXT 272
#define ROOM 384
#define WAITERS 388
#define RECORDS 512
#define FULL_CALLS 64
#define LATE_CALLS 72
#define TOP 64
#define CLOSE 1
#define WAIT 2

static int bad;
static char *pages;
static char ring[1 << 20] __attribute__((aligned(4096)));
static char bell[128] __attribute__((aligned(128)));

static void is(int number, const char *what, uint64_t seen, uint64_t expected) {
    if (seen != expected && bad++ < 20) {
        fprintf(stderr, "call %d: %s is %llx, not %llx\n", number, what, (long long)seen, (long long)expected);
    }
}

/* Code of one call, behind it its cell. */
static char *load(const char *code, const struct call *call, int capacity) {
    mprotect(pages, 4096, PROT_READ | PROT_WRITE);
    memcpy(pages, code, 4096);
    mprotect(pages, 4096, PROT_READ | PROT_EXEC);
    __builtin___clear_cache(pages, pages + 4096);
    char *cell = pages + 4096;
    memset(cell, 0, 128);
    AT(void *, cell, 0) = ring;
    AT(uint64_t, cell, 8) = 0x1234567890abcdefULL;
    memcpy(cell + 16, call->results, 24);
    memset(ring, 0, sizeof ring);
    memset(bell, 0, sizeof bell);
    AT(int64_t, ring, CAPACITY) = capacity;
    AT(int64_t, ring, MASK) = capacity - 1;
    AT(int64_t, ring, STRIDE) = call->stride;
    AT(void *, ring, BELL) = bell;
    return pages + 4096 - 16;
}

static void check_record(int number, const struct call *call, int place, uint64_t sequence) {
    char *record = ring + RECORDS + place * call->stride;
    is(number, "sequence", AT(uint64_t, record, 0), sequence);
    is(number, "info", AT(uint64_t, record, 8), 0x1234567890abcdefULL);
    for (int k = 0; k < call->count; k++) {
        uint64_t bits = 0;
        memcpy(&bits, record + call->arguments[k].offset, call->arguments[k].bytes);
        is(number, "argument", bits, call->arguments[k].bytes ? call->arguments[k].bits : 0);
    }
    for (int k = 0; k < call->copied; k++) {
        const struct copied *copy = &call->copies[k];
        is(number, "length of a copy", AT(int, record, copy->data - 8), copy->length);
        is(number, "whether it is cut", AT(int, record, copy->data - 4), copy->cut);
        is(number, "a copy", memcmp(record + copy->data, copy->bytes, copy->count), 0);
    }
}

static void check(int number, const struct call *call, const char *code) {
    char *thunk = load(code, call, 4);
    char *cell = pages + 4096;
    AT(int, ring, STATE) = number % 3;
    AT(int, bell, 0) = number % 2;
    AT(void *, bell, TOP) = bell;
    /* a tail that lies behind the head is not taken for a full ring */
    AT(int64_t, ring, HEAD) = number % 5 == 0;
    for (int i = 0; i < 4; i++) {
        is(number, "taken", call->make(thunk), call->seen[0]);
    }
    is(number, "state", AT(int, ring, STATE), number % 3 == 0 ? 1 : number % 3);
    is(number, "top of the bell", AT(uint64_t, bell, TOP), (uint64_t)(number % 3 == 0 ? ring : bell));
    is(number, "next", AT(uint64_t, ring, NEXT), number % 3 == 0 ? (uint64_t)bell : 0);
    is(number, "sleep", AT(int, bell, 0), number % 3 == 0 ? 0 : number % 2);
    AT(int64_t, ring, HEAD) = 0;
    is(number, "full", call->make(thunk), call->seen[1]);
    is(number, "full calls", AT(uint64_t, cell, FULL_CALLS), 1);
    is(number, "capacity", AT(uint64_t, ring, CAPACITY), 4);
    AT(int, ring, WHEN_FULL) = CLOSE;
    is(number, "full", call->make(thunk), call->seen[1]);
    is(number, "full calls", AT(uint64_t, cell, FULL_CALLS), 2);
    is(number, "closed", AT(uint64_t, ring, CAPACITY), 0);
    is(number, "late", call->make(thunk), call->seen[2]);
    is(number, "late calls", AT(uint64_t, cell, LATE_CALLS), 1);
    is(number, "tail", AT(uint64_t, ring, TAIL), 4);
    for (int i = 0; i < 4; i++) {
        check_record(number, call, i, i + 1);
    }
}

/* ---- the wait for room */

/* Makes room for one record: at once for a producer that spins, else once a producer waits. */
static void *make_room(void *spins) {
    while (!spins && !__atomic_load_n(&AT(int, ring, WAITERS), __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
    __atomic_fetch_add(&AT(int64_t, ring, HEAD), 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&AT(int, ring, ROOM), 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, ring + ROOM, 129, 1, 0, 0, 0);
    return NULL;
}

static void check_wait(int number, const struct call *call, const char *code) {
    char *thunk = load(code, call, 1);
    char *cell = pages + 4096;
    AT(int, ring, WHEN_FULL) = WAIT;
    AT(int64_t, ring, LIMIT_SECONDS) = 100;
    AT(int64_t, ring, LIMIT_NANOS) = 999999999;
    AT(int, ring, MOST_WAITING) = 1;
    AT(int, ring, SPINS) = number % 2 ? 1 << 30 : 0;
    AT(int, ring, STATE) = 2;
    is(number, "taken", call->make(thunk), call->seen[0]);
    pthread_t room;
    pthread_create(&room, NULL, make_room, number % 2 ? ring : NULL);
    is(number, "taken after a wait", call->make(thunk), call->seen[0]);
    pthread_join(room, NULL);
    check_record(number, call, 0, 2);
    is(number, "waiters", AT(int, ring, WAITERS), 0);
    AT(int, ring, SPINS) = 1;
    AT(int64_t, ring, LIMIT_SECONDS) = 0;
    AT(int64_t, ring, LIMIT_NANOS) = 1;
    is(number, "full at the limit", call->make(thunk), call->seen[1]);
    is(number, "closed", AT(uint64_t, ring, CAPACITY), 0);
    is(number, "waiters", AT(int, ring, WAITERS), 0);
    is(number, "late", call->make(thunk), call->seen[2]);
    AT(int64_t, ring, CAPACITY) = 1;
    AT(int64_t, ring, LIMIT_SECONDS) = 100;
    AT(int, ring, CONSUMER) = (int)syscall(SYS_gettid);
    is(number, "full for the consumer", call->make(thunk), call->seen[1]);
    AT(int64_t, ring, CAPACITY) = 1;
    AT(int, ring, CONSUMER) = 0;
    AT(int, ring, WAITERS) = 1;
    is(number, "full for one too many", call->make(thunk), call->seen[1]);
    is(number, "waiters", AT(int, ring, WAITERS), 1);
    is(number, "full calls", AT(uint64_t, cell, FULL_CALLS), 3);
    is(number, "late calls", AT(uint64_t, cell, LATE_CALLS), 1);
    is(number, "tail", AT(uint64_t, ring, TAIL), 2);
}

/* ---- threads */

#define EACH 50000
static atomic_llong full;
static const struct call *shared;
static char *shared_thunk;

static void *produce(void *ignored) {
    for (int taken = 0; taken < EACH;) {
        if (shared->make(shared_thunk) == shared->seen[0]) {
            taken++;
        } else {
            atomic_fetch_add(&full, 1);
            sched_yield();
        }
    }
    return ignored;
}

static void check_threads(int number, const struct call *call, const char *code) {
    shared = call;
    shared_thunk = load(code, call, 64);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, produce, NULL);
    }
    int64_t head = 0;
    int sleeps = 0;
    while (head < 4 * EACH) {
        char *record = ring + RECORDS + (head & 63) * call->stride;
        if (__atomic_load_n(&AT(int64_t, record, 0), __ATOMIC_ACQUIRE) == head + 1) {
            head++;
            if (head % 16 == 0 || head == __atomic_load_n(&AT(int64_t, ring, TAIL), __ATOMIC_SEQ_CST)) {
                __atomic_store_n(&AT(int64_t, ring, HEAD), head, __ATOMIC_RELEASE);
            }
            continue;
        }
        __atomic_store_n(&AT(int64_t, ring, HEAD), head, __ATOMIC_RELEASE);
        /* as the loop: idle, then a look, then the bell's sleep */
        if (__atomic_exchange_n(&AT(void *, bell, TOP), NULL, __ATOMIC_SEQ_CST)) {
            __atomic_store_n(&AT(int, ring, STATE), 2, __ATOMIC_SEQ_CST);
        }
        int active = 2;
        __atomic_compare_exchange_n(&AT(int, ring, STATE), &active, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&AT(int64_t, ring, TAIL), __ATOMIC_SEQ_CST) != head) {
            continue;
        }
        __atomic_store_n(&AT(int, bell, 0), 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&AT(void *, bell, TOP), __ATOMIC_SEQ_CST)) {
            struct timespec limit = {20, 0};
            if (syscall(SYS_futex, bell, 128, 1, &limit, 0, 0) && head == AT(int64_t, ring, TAIL)) {
                is(number, "a wake-up that was missed", 1, AT(int, bell, 0) == 0);
            }
            sleeps++;
        }
        __atomic_store_n(&AT(int, bell, 0), 0, __ATOMIC_SEQ_CST);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    is(number, "tail", AT(uint64_t, ring, TAIL), 4 * EACH);
    is(number, "full calls", AT(uint64_t, pages + 4096, FULL_CALLS), atomic_exchange(&full, 0));
}

int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "rb");
    char *code = malloc((size_t)count * 4096);
    if (argc != 2 || !file || fread(code, 4096, count, file) != (size_t)count) {
        return 2;
    }
    pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int threaded = 0;
    for (int i = 0; i < count; i++) {
        const char *page = code + (size_t)i * 4096;
        check(i, &calls[i], page);
        check_wait(i, &calls[i], page);
        if (threaded < 2 && i % 2 == threaded && calls[i].seen[0] != calls[i].seen[1]) {
            check_threads(i, &calls[i], page);
            threaded++;
        }
    }
    printf("%d calls, %d bad\n", count, bad);
    return bad != 0;
}
