package reactor.ffi.internal.upcall;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Gives out user data. A token has 64 bits: the lowest are an index, the bits above say which life of that index the token
 * stands for. An index has one life after another, and no token is given out twice. The lives are counted, and the count is
 * mixed by a bijection with a random key, so that no token follows from another, and two copies of the library in one
 * process share no token. Three bits are the same in every token, see {@link #FIXED}. Not thread safe: all calls hold the
 * lock of {@link Lives}.
 */
final class Tokens {

    static final int INDEX_BITS = 22;
    static final int INDEX_MASK = (1 << INDEX_BITS) - 1;

    /** How many of the 64 bits are left beside the index and the fixed bits: these number the lives of an index. */
    static final int LIFE_BITS = 64 - INDEX_BITS - 3;

    /**
     * Bit 63 is set, bit 56 is clear, bit 55 is set. On x86-64 the bits from 56 on are all equal in an address, also where an
     * address has 57 bits and where the processor ignores some of the others. On aarch64 an address with bit 55 set is the
     * kernel's. A number that went through 32 bits has bits 55 and 56 equal.
     */
    private static final long FIXED = 1L << 63 | 1L << 55;

    /** How many bits of a life are below bit 55. */
    private static final int LOW_BITS = 55 - INDEX_BITS;

    /** How many lives an index can have: a power of two. */
    private final long lives;

    /** The highest index. Zero is not an index. */
    private final int highest;

    private final long key;
    private final long firstFactor;
    private final long secondFactor;

    /** How many lives each index has had. */
    private long[] had = new long[64];

    /**
     * The free indexes, of which the last one is taken next. The array is as long as {@link #had}, so that freeing an index
     * needs no memory.
     */
    private int[] free = new int[64];

    private int freed;

    /** The highest index that was given out so far. */
    private int last;

    /**
     * Makes a set of tokens, independent of all others.
     *
     * @param random makes the key
     * @param indexBits at most {@link #INDEX_BITS}; tests give fewer, so that indexes run out
     * @param lifeBits at most {@link #LIFE_BITS}; tests give fewer, so that lives run out
     */
    Tokens(RandomGenerator random, int indexBits, int lifeBits) {
        this.highest = (1 << indexBits) - 1;
        this.lives = 1L << lifeBits;
        this.key = random.nextLong();
        this.firstFactor = random.nextLong() | 1;
        this.secondFactor = random.nextLong() | 1;
    }

    /** Returns the index that is part of a token. */
    static int index(long token) {
        return (int) token & INDEX_MASK;
    }

    /** Returns whether an index that has had a life before is free. */
    boolean hasFree() {
        return freed > 0;
    }

    /** Returns how many different indexes were given out so far. */
    int indexes() {
        return last;
    }

    /**
     * Begins a life of an index.
     *
     * @return the token of that life
     * @throws IllegalStateException if all indexes are taken
     */
    long take() {
        if (freed == 0) {
            grow();
            free[freed++] = ++last;
        }
        int index = free[--freed];
        return token(index, had[index]++);
    }

    private void grow() {
        if (last == highest) {
            throw new IllegalStateException(
                    "no user data is left: " + last
                            + " subscriptions and callbacks with user data live, or have a handler that has not returned. End some");
        }
        if (last + 1 == had.length) {
            long[] grownHad = Arrays.copyOf(had, 2 * had.length);
            free = Arrays.copyOf(free, 2 * had.length);
            had = grownHad;
        }
    }

    /** Ends the life of an index. The index is not given out again if this was its last life. Never throws. */
    void free(long token) {
        int index = index(token);
        if (had[index] < lives) {
            free[freed++] = index;
        }
    }

    private long token(int index, long life) {
        // Each step is a bijection on the numbers below `lives`: add, multiply by an odd number, shift and exclusive
        // or.
        long mask = lives - 1;
        int shift = Math.max(1, Long.bitCount(mask) / 2);
        long mixed = (life + start(index)) & mask;
        mixed = mixed * firstFactor & mask;
        mixed ^= mixed >>> shift;
        mixed = mixed * secondFactor & mask;
        mixed ^= mixed >>> shift;
        long low = mixed & ((1L << LOW_BITS) - 1);
        return FIXED | (mixed >>> LOW_BITS) << 57 | low << INDEX_BITS | index;
    }

    /**
     * Returns the number that the lives of an index are counted from, so that two indexes do not have the same lives in the
     * same order.
     */
    private long start(int index) {
        long mixed = (key + index) * 0x9E3779B97F4A7C15L; // the finaliser of SplitMix64
        mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        return mixed ^ (mixed >>> 31);
    }
}
