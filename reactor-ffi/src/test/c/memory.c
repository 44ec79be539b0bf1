/* Pointers: memory that C takes back as soon as the callback returns, memory inside memory, and memory that Java fills. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

typedef void (*text_fn)(const char *text, int64_t length);
typedef void (*data_fn)(void *data);

/* ---- handed to the callback, and dead right after it ---- */

struct loan {
    text_fn callback;
    char *memory;
    int64_t length;
};

static void lend(void *argument) {
    struct loan *loan = argument;
    loan->callback(loan->memory, loan->length);
}

/* Calls with a copy of text, which is filled with 0xDD and freed when the callback has returned. NULL stays NULL. */
void call_with_text(text_fn callback, const char *text, int32_t on_thread) {
    int64_t length = text ? (int64_t)strlen(text) : 0;
    struct loan loan = {callback, text ? strdup(text) : NULL, length};
    run_on(on_thread, lend, &loan);
    if (text) {
        bury(loan.memory, length + 1);
    }
}

/* The same with length bytes 0, 1, 2 ... 255, 0 ... */
void call_with_buffer(text_fn callback, int64_t length, int32_t on_thread) {
    struct loan loan = {callback, malloc(length + 1), length};
    for (int64_t i = 0; i < length; i++) {
        loan.memory[i] = (char)i;
    }
    run_on(on_thread, lend, &loan);
    bury(loan.memory, length + 1);
}

struct reuse {
    text_fn callback;
    int64_t n;
    int64_t length;
};

static void lend_again_and_again(void *argument) {
    struct reuse *r = argument;
    char *buffer = malloc(r->length);
    for (int64_t i = 0; i < r->n; i++) {
        memset(buffer, (char)i, r->length);
        r->callback(buffer, r->length);
        memset(buffer, 0xDD, r->length);
    }
    bury(buffer, r->length);
}

/* Calls n times with one and the same buffer: all bytes are the call's number, and 0xDD between the calls. */
void call_with_one_buffer(text_fn callback, int64_t n, int64_t length, int32_t on_thread) {
    struct reuse r = {callback, n, length};
    run_on(on_thread, lend_again_and_again, &r);
}

struct pointing {
    data_fn callback;
    void *data;
};

static void point(void *argument) {
    struct pointing *p = argument;
    p->callback(p->data);
}

/* void callback(void *): NULL, or any address. */
void call_with_pointer(data_fn callback, void *data, int32_t on_thread) {
    struct pointing p = {callback, data};
    run_on(on_thread, point, &p);
}

/* ---- pointers inside memory ---- */

/* void callback(char **): "alpha", "beta", "gamma" and a NULL; all of it is dead afterwards. */
void call_with_strings(data_fn callback, int32_t on_thread) {
    static const char *const names[] = {"alpha", "beta", "gamma"};
    char **strings = calloc(4, sizeof *strings);
    for (int i = 0; i < 3; i++) {
        strings[i] = strdup(names[i]);
    }
    call_with_pointer(callback, strings, on_thread);
    for (int i = 0; i < 3; i++) {
        bury(strings[i], strlen(names[i]) + 1);
    }
    bury(strings, 4 * sizeof *strings);
}

struct packet {
    char *topic;
    uint8_t *payload;
    int32_t length; /* of the payload */
    struct packet *next;
};

static struct packet *packet_new(const char *topic, int32_t length, struct packet *next) {
    struct packet *packet = malloc(sizeof *packet);
    packet->topic = strdup(topic);
    packet->payload = malloc(length + 1);
    memset(packet->payload, length, length);
    packet->length = length;
    packet->next = next;
    return packet;
}

static void packet_free(struct packet *packet) {
    bury(packet->topic, strlen(packet->topic) + 1);
    bury(packet->payload, packet->length + 1);
    bury(packet, sizeof *packet);
}

/* void callback(struct packet *): "first", 3 bytes of 3, then "second", 5 bytes of 5, then NULL; dead afterwards. */
void call_with_packets(data_fn callback, int32_t on_thread) {
    struct packet *second = packet_new("second", 5, NULL);
    struct packet *first = packet_new("first", 3, second);
    call_with_pointer(callback, first, on_thread);
    packet_free(first);
    packet_free(second);
}

/* ---- what Java writes, and C reads ---- */

struct filling {
    int64_t (*callback)(void *buffer, int64_t size);
    uint8_t *buffer;
    int64_t size;
    int64_t filled;
};

static void fill(void *argument) {
    struct filling *f = argument;
    f->filled = f->callback(f->buffer, f->size);
}

/*
 * int64_t callback(void *buffer, int64_t size), a read function: it is to write 1, 2, 3 ... into the buffer and to
 * return how many. Returns that number, or -1 - the position of the first wrong byte; -1 - size if it wrote too much.
 */
int64_t check_fill(int64_t (*callback)(void *buffer, int64_t size), int64_t size, int32_t on_thread) {
    struct filling f = {callback, calloc(1, size + 1), size, 0};
    run_on(on_thread, fill, &f);
    int64_t result = f.filled > size ? -1 - size : f.filled;
    for (int64_t i = 0; i < result; i++) {
        if (f.buffer[i] != (uint8_t)(i + 1)) {
            report_error("check_fill: byte %lld is %d", (long long)i, f.buffer[i]);
            result = -1 - i;
        }
    }
    bury(f.buffer, size + 1);
    return result;
}

struct reading {
    const char *(*callback)(int32_t index);
    int32_t index;
    char *copy;
    int64_t size;
    int64_t length;
};

static void read_answer(void *argument) {
    struct reading *r = argument;
    const char *text = r->callback(r->index);
    r->length = text ? (int64_t)strlen(text) : -1;
    if (text && r->size > 0) {
        strncpy(r->copy, text, r->size - 1);
        r->copy[r->size - 1] = 0;
    }
}

/* const char *callback(int32_t index): C reads what it answers. Its length, -1 for NULL; and a copy. */
int64_t read_text(const char *(*callback)(int32_t index), int32_t index, char *copy, int64_t size, int32_t on_thread) {
    struct reading r = {callback, index, copy, size, 0};
    run_on(on_thread, read_answer, &r);
    return r.length;
}

/* ---- what the callee owns ---- */

struct delivery {
    message_fn callback;
    int64_t n;
    int64_t id;
};

static void deliver(void *argument) {
    struct delivery *d = argument;
    for (int64_t i = 0; i < d->n; i++) {
        d->callback(message_new(0, i, d->id));
    }
}

/* Calls n times with a new message each, which the callee has to free (message_free, live_messages). */
void call_with_messages(message_fn callback, int64_t n, int64_t id, int32_t on_thread) {
    struct delivery d = {callback, n, id};
    run_on(on_thread, deliver, &d);
}

/* ---- a page that nobody can read beyond */

#ifndef _WIN32
#include <sys/mman.h>

/* A page of so many bytes, and an unreadable one behind it. NULL if there is no memory. */
void *guarded_page(int64_t size) {
    char *pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    return pages == MAP_FAILED || mprotect(pages + size, size, PROT_NONE) ? NULL : pages;
}
#else
void *guarded_page(int64_t size) {
    return malloc(size);
}
#endif
