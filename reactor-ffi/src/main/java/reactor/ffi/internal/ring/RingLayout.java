package reactor.ffi.internal.ring;

/**
 * Where each word lies that machine code and Java share: offsets in bytes, and the values of the states. What native threads
 * write and what they only read lie on different cache lines, with a line between them, as processors fetch two at a time.
 */
final class RingLayout {

    // The control block of a ring, which lies before its records.

    /** How many records were ever claimed. Producers add to it by compare-and-set. */
    static final int TAIL = 0;

    /** How many records were ever taken. The consumer writes it, once for each batch. */
    static final int HEAD = 128;

    /** How many records there is room for; zero: closed, no record is taken any more. */
    static final int CAPACITY = 136;

    /** The number of records that the memory holds, a power of two, less one. */
    static final int MASK = 144;

    /** The bytes from one record to the next. */
    static final int STRIDE = 152;

    /** An int: what a producer does that finds the ring full, the number of a {@link WhenFull}. */
    static final int WHEN_FULL = 160;

    /** An int: the system's number of the consumer's thread, which must not wait for room; zero while that is not known. */
    static final int CONSUMER = 164;

    /** How long a producer waits for room: seconds, and nanoseconds below a second. */
    static final int LIMIT_SECONDS = 168;

    static final int LIMIT_NANOS = 176;

    /** An int: how many producers may wait for room at once. */
    static final int MOST_WAITING = 184;

    /** An int: how often a producer looks for room before it sleeps. */
    static final int SPINS = 188;

    /** An int: {@link #IDLE}, {@link #RUNG} or {@link #ACTIVE}. */
    static final int STATE = 256;

    /** The address of the {@link Bell}. */
    static final int BELL = 264;

    /** The link of the bell's stack. */
    static final int NEXT = 272;

    /** An int: which of all rings it is. */
    static final int NUMBER = 280;

    /** An int, on which producers that wait for room sleep. Whoever makes room, or closes the ring, adds one and wakes them. */
    static final int ROOM = 384;

    /** An int: how many producers wait for room. */
    static final int WAITERS = 388;

    static final int RECORDS = 512;

    /** The consumer has seen the ring empty: the next producer rings the bell. */
    static final int IDLE = 0;

    /** A producer has rung, or is about to: the ring is, or will be, on the bell's stack. */
    static final int RUNG = 1;

    /** The consumer looks at the ring by itself. */
    static final int ACTIVE = 2;

    // A record.

    /** The number of the record, from 1, once it is complete. */
    static final int SEQUENCE = 0;

    /** Which pointer was called: the {@link #INFO} of its cell. */
    static final int RECORD_INFO = 8;

    static final int ARGUMENTS = 16;

    // A cell: what a pointer is bound to.

    static final int RING = 0;

    /** Copied into each record. */
    static final int INFO = 8;

    /** The three constants that C may get for its result. */
    static final int TAKEN = 16;

    static final int FULL = 24;
    static final int LATE = 32;

    /** How many calls found the ring full, and how many found it closed. */
    static final int FULL_CALLS = 64;

    static final int LATE_CALLS = 72;

    static final int CELL = 128;

    // The bell.

    /** An int, on which the bell's thread sleeps: {@link #AWAKE} or {@link #ASLEEP}. */
    static final int SLEEP = 0;

    /** The top of the stack of rings that have rung. */
    static final int TOP = 64;

    static final int BELL_SIZE = 128;

    static final int AWAKE = 0;
    static final int ASLEEP = 1;

    private RingLayout() {}
}
