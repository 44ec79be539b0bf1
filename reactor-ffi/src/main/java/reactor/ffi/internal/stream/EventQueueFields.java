package reactor.ffi.internal.stream;

import org.jspecify.annotations.Nullable;

/**
 * The fields of an {@link EventQueue}, kept apart by superclasses, which HotSpot lays out in order: what producers write
 * and what the consumer writes never share a cache line, nor a prefetched pair of them.
 */
@SuppressWarnings({"unused", "MultiVariableDeclaration"}) // padding
final class EventQueueFields {

    private EventQueueFields() {}

    abstract static class Front {
        long a0, a1, a2, a3, a4, a5, a6, a7;
        long a8, a9, a10, a11, a12, a13, a14, a15;
    }

    /** The fields that producers write. */
    abstract static class Producer extends Front {

        /** The next position to claim; negative once closed. */
        volatile long producerIndex;

        /**
         * A value that the consumer index has had. Producers compare with it, so that they do not read the consumer's
         * cache line until the queue may be full.
         */
        long consumerSeen;

        /** A chunk near the one that producers write to, where their walk begins. */
        volatile EventQueue.Chunk producerChunk;

        Producer(EventQueue.Chunk first) {
            this.producerChunk = first;
        }
    }

    abstract static class Middle extends Producer {
        long b0, b1, b2, b3, b4, b5, b6, b7;
        long b8, b9, b10, b11, b12, b13, b14, b15;

        Middle(EventQueue.Chunk first) {
            super(first);
        }
    }

    /** The fields that the consumer writes. */
    abstract static class Consumer extends Middle {

        /** The next position to take. */
        volatile long consumerIndex;

        /** How many of the values that were taken have been delivered. */
        long delivered;

        /** The chunk of the next position, or of the one before. */
        volatile EventQueue.Chunk consumerChunk;

        /** The array of a chunk that the consumer has left, for the next chunk that is appended. */
        volatile Object @Nullable [] spare;

        Consumer(EventQueue.Chunk first) {
            super(first);
            this.consumerChunk = first;
        }
    }

    abstract static class Back extends Consumer {
        long c0, c1, c2, c3, c4, c5, c6, c7;
        long c8, c9, c10, c11, c12, c13, c14, c15;

        Back(EventQueue.Chunk first) {
            super(first);
        }
    }
}
