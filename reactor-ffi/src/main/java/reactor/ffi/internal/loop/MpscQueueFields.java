package reactor.ffi.internal.loop;

import org.jspecify.annotations.Nullable;

/**
 * The fields of an {@link MpscQueue}, kept apart by superclasses, which HotSpot lays out in order: what producers write
 * and what the consumer writes never share a cache line, nor a prefetched pair of them.
 *
 * <p>The queue of a stream has its own chain of superclasses, {@code EventQueueFields}, with the same paddings: Java lays fields
 * out behind those of the superclass, so padding that lies between two groups of fields cannot be inherited from a common one.
 */
@SuppressWarnings({"unused", "MultiVariableDeclaration"}) // padding
final class MpscQueueFields {

    private MpscQueueFields() {}

    abstract static class Front {
        long a0, a1, a2, a3, a4, a5, a6, a7;
        long a8, a9, a10, a11, a12, a13, a14, a15;
    }

    /** What producers write. */
    abstract static class Producer extends Front {

        /** The top of the stack of items that the consumer has not taken in. */
        volatile MpscQueue.@Nullable Item newest;
    }

    abstract static class Middle extends Producer {
        long b0, b1, b2, b3, b4, b5, b6, b7;
        long b8, b9, b10, b11, b12, b13, b14, b15;
    }

    /** What the consumer writes. */
    abstract static class Consumer extends Middle {

        /** The oldest of the items that the consumer has taken in. */
        MpscQueue.@Nullable Item first;

        /** The newest of the items that the consumer has taken in; null if there is none. */
        MpscQueue.@Nullable Item last;

        /** How many items are in the list from {@code first} to {@code last}. */
        int taken;
    }

    abstract static class Back extends Consumer {
        long c0, c1, c2, c3, c4, c5, c6, c7;
        long c8, c9, c10, c11, c12, c13, c14, c15;
    }
}
