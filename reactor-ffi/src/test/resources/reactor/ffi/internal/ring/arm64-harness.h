#include <stdint.h>

struct argument {
    int offset, bytes;
    uint64_t bits;
};

struct copied {
    int data, length, cut, count;
    const unsigned char *bytes;
};

struct call {
    int64_t (*make)();
    const struct argument *arguments;
    int count;
    int stride;
    uint64_t results[3];
    uint64_t seen[3];
    const struct copied *copies;
    int copied;
};

extern const struct call calls[];
extern const int count;
