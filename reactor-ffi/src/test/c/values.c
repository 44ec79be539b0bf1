/* Every type that crosses: one at a time, many at once, and structs by value. */
#include "fixture.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

static int32_t mismatch(const char *what, int index) {
    report_error("%s: value %d came back changed", what, index);
    return 1;
}

/*
 * For each type:
 *   type ask_NAME(callback, value, on_thread)    calls callback(value) and returns what it answered
 *   int32_t check_NAME(callback, on_thread)      the callback is to answer with its argument: calls it with each limit
 *                                                value of the type and returns how many came back changed, bit by bit
 */
#define VALUE(NAME, TYPE, ...)                                                                                         \
    struct NAME##_question {                                                                                           \
        TYPE (*callback)(TYPE);                                                                                        \
        TYPE value, answer;                                                                                            \
    };                                                                                                                 \
    static void put_##NAME(void *argument) {                                                                           \
        struct NAME##_question *q = argument;                                                                          \
        q->answer = q->callback(q->value);                                                                             \
    }                                                                                                                  \
    TYPE ask_##NAME(TYPE (*callback)(TYPE), TYPE value, int32_t on_thread) {                                           \
        struct NAME##_question q = {.callback = callback, .value = value};                                             \
        run_on(on_thread, put_##NAME, &q);                                                                             \
        return q.answer;                                                                                               \
    }                                                                                                                  \
    int32_t check_##NAME(TYPE (*callback)(TYPE), int32_t on_thread) {                                                  \
        TYPE limits[] = {__VA_ARGS__};                                                                                 \
        int32_t wrong = 0;                                                                                             \
        for (int i = 0; i < COUNT(limits); i++) {                                                                      \
            TYPE answer = ask_##NAME(callback, limits[i], on_thread);                                                  \
            if (memcmp(&answer, &limits[i], sizeof answer) != 0) {                                                     \
                wrong += mismatch(#NAME, i);                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        return wrong;                                                                                                  \
    }

typedef void *pointer;

static int somewhere;

VALUE(int8, int8_t, 0, 1, -1, INT8_MIN, INT8_MAX)
VALUE(int16, int16_t, 0, 1, -1, INT16_MIN, INT16_MAX)
VALUE(uint16, uint16_t, 0, 1, 0x7fff, 0x8000, UINT16_MAX)
VALUE(int32, int32_t, 0, 1, -1, INT32_MIN, INT32_MAX)
VALUE(int64, int64_t, 0, 1, -1, INT64_MIN, INT64_MAX, INT32_MIN - 1LL, UINT32_MAX)
VALUE(float, float, 0, -0.0F, 1, FLT_TRUE_MIN, FLT_MIN, FLT_MAX, -FLT_MAX, INFINITY, -INFINITY, NAN)
VALUE(double, double, 0, -0.0, 1, DBL_TRUE_MIN, DBL_MIN, DBL_MAX, -DBL_MAX, INFINITY, -INFINITY, NAN)
VALUE(bool, _Bool, 0, 1)
VALUE(pointer, pointer, NULL, &somewhere, (void *)1, (void *)UINTPTR_MAX, (void *)INTPTR_MAX)

/* ---- many at once: more than the registers hold, of either kind ---- */

typedef double (*mixed_fn)(int8_t a, double b, int16_t c, float d, int32_t e, double f, int64_t g, float h, uint16_t i,
                           double j, _Bool k, float l, void *m, double n, int64_t o, float p, int8_t q, double r);

struct mixed_question {
    mixed_fn callback;
    double answer;
};

static void put_mixed(void *argument) {
    struct mixed_question *q = argument;
    q->answer = q->callback(-1, 2.5, -3, 4.25F, -5, 6.5, INT64_C(-7), 8.75F, 60009, 10.5, 1, 12.25F, (void *)13, 14.5,
                            INT64_C(15) << 32, 16.5F, -17, 18.125);
}

/*
 * Calls with 18 arguments, none like another, and returns 0 if the answer is their sum, each multiplied by its
 * position (from 1; the pointer counts by its address), else 1.
 */
int32_t check_mixed(mixed_fn callback, int32_t on_thread) {
    struct mixed_question q = {callback, 0};
    run_on(on_thread, put_mixed, &q);
    double expected = -1 * 1 + 2.5 * 2 + -3 * 3 + 4.25 * 4 + -5 * 5 + 6.5 * 6 + -7 * 7 + 8.75 * 8 + 60009.0 * 9 +
                      10.5 * 10 + 1 * 11 + 12.25 * 12 + 13 * 13 + 14.5 * 14 + (double)(INT64_C(15) << 32) * 15 +
                      16.5 * 16 + -17 * 17 + 18.125 * 18;
    return q.answer == expected ? 0 : mismatch("mixed", 0);
}

/* ---- structs by value ---- */

struct small { /* 16 bytes: one general register that an int and a float share, and one SSE register */
    int32_t kind;
    float weight;
    double value;
};

struct large { /* 64 bytes: in memory, results through a hidden pointer */
    int64_t id;
    double values[4];
    int32_t flags;
    char name[20];
};

struct point {
    int32_t x, y;
};

struct line { /* nested, 16 bytes: two general registers */
    struct point from, to;
};

struct shape { /* nested, 56 bytes: in memory */
    int16_t tag;
    struct small centre;
    struct line edges[2];
};

#define STRUCT(NAME, ...)                                                                                              \
    struct NAME##_question {                                                                                           \
        struct NAME (*callback)(struct NAME);                                                                          \
        struct NAME value, answer;                                                                                     \
    };                                                                                                                 \
    static void put_##NAME(void *argument) {                                                                           \
        struct NAME##_question *q = argument;                                                                          \
        q->answer = q->callback(q->value);                                                                             \
    }                                                                                                                  \
    struct NAME ask_##NAME(struct NAME (*callback)(struct NAME), struct NAME value, int32_t on_thread) {               \
        struct NAME##_question q = {.callback = callback, .value = value};                                             \
        run_on(on_thread, put_##NAME, &q);                                                                             \
        return q.answer;                                                                                               \
    }                                                                                                                  \
    int32_t check_##NAME(struct NAME (*callback)(struct NAME), int32_t on_thread) {                                    \
        struct NAME value = __VA_ARGS__;                                                                               \
        struct NAME answer = ask_##NAME(callback, value, on_thread);                                                   \
        return same_##NAME(&value, &answer) ? 0 : mismatch(#NAME, 0);                                                  \
    }

static bool same_small(const struct small *a, const struct small *b) {
    return a->kind == b->kind && a->weight == b->weight && a->value == b->value;
}

static bool same_large(const struct large *a, const struct large *b) {
    return a->id == b->id && memcmp(a->values, b->values, sizeof a->values) == 0 && a->flags == b->flags &&
           memcmp(a->name, b->name, sizeof a->name) == 0;
}

static bool same_line(const struct line *a, const struct line *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static bool same_shape(const struct shape *a, const struct shape *b) {
    return a->tag == b->tag && same_small(&a->centre, &b->centre) && same_line(&a->edges[0], &b->edges[0]) &&
           same_line(&a->edges[1], &b->edges[1]);
}

/* struct NAME ask_NAME(callback, value, on_thread) and int32_t check_NAME(callback, on_thread), as above. */
STRUCT(small, {-7, 1.5F, 2.25})
STRUCT(large, {INT64_MIN, {1.5, -2.5, 3.5, -4.5}, -6, "nineteen characters"})
STRUCT(line, {{1, -2}, {3, -4}})
STRUCT(shape, {-9, {-7, 1.5F, 2.25}, {{{1, -2}, {3, -4}}, {{5, -6}, {7, -8}}}})

static void (*take_both)(struct small, struct large, int32_t);

static void put_structs(void *argument) {
    (void)argument;
    take_both((struct small){-7, 1.5F, 2.25}, (struct large){11, {1, 2, 3, 4}, 6, "two"}, 99);
}

/* void callback(struct small, struct large, int32_t): for handlers that keep an argument longer than they should. */
void call_with_structs(void (*callback)(struct small, struct large, int32_t), int32_t on_thread) {
    take_both = callback;
    run_on(on_thread, put_structs, NULL);
}
