package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/**
 * The policy for a value that finds the queue between native threads and the scheduler full. Capacities are exact.
 * A queue grows as it is used, by 256 places at a time. A value that is not delivered goes to Reactor's {@linkplain
 * reactor.core.publisher.Flux#doOnDiscard discard hook}, once, on the thread that drops the value, and is counted.
 */
public final class Overflow {

    private static final int MOST = 1 << 26;
    private static final int RESERVE = 64;

    /** The policies. */
    public enum Policy {
        /** The native thread waits for room. */
        BLOCK,
        /** The stream ends with an error. */
        ERROR,
        /** The new value is dropped. */
        DROP_NEWEST,
        /** The oldest queued value is dropped. */
        DROP_OLDEST,
        /** The queue grows until memory ends. */
        UNBOUNDED
    }

    private final Policy policy;
    private final int capacity;
    private final Duration timeout;

    private Overflow(Policy policy, int capacity, Duration timeout) {
        if (capacity < 1 || (capacity > MOST && policy != Policy.UNBOUNDED)) {
            throw new IllegalArgumentException("capacity is " + capacity + "; it must be from 1 to " + MOST);
        }
        this.policy = policy;
        this.capacity = capacity;
        this.timeout = timeout;
    }

    /**
     * Lets the native thread wait for room, so that demand reaches C and no value is lost. After the timeout the stream
     * ends with an {@linkplain reactor.core.Exceptions#failWithOverflow() overflow error}. Threads that must not wait
     * use a reserve of 64 times the capacity instead: the scheduler's own thread, {@linkplain
     * reactor.core.scheduler.Schedulers#isInNonBlockingThread() non-blocking} threads of Reactor, and any thread while
     * the turn is lent. A {@linkplain NativeSink#listener listener} has no reserve: its stream ends when the scheduler's own
     * thread finds no room, and when a lend of the turn goes on for a second or two while threads wait. This policy is the default, with 8192 and 10 s.
     *
     * @param capacity the most values that are queued, from 1 to 67,108,864
     * @param timeout how long a thread waits, more than zero
     * @return the policy
     * @throws IllegalArgumentException if the capacity is out of that range, or the timeout is zero or negative
     */
    public static Overflow block(int capacity, Duration timeout) {
        if (requireNonNull(timeout, "timeout").isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("timeout is " + timeout + "; it must be more than zero");
        }
        return new Overflow(Policy.BLOCK, capacity, timeout);
    }

    /**
     * Ends the stream with an {@linkplain reactor.core.Exceptions#failWithOverflow() overflow error}, after the values
     * that are queued.
     *
     * @param capacity the most values that are queued, from 1 to 67,108,864
     * @return the policy
     * @throws IllegalArgumentException if the capacity is out of that range
     */
    public static Overflow error(int capacity) {
        return new Overflow(Policy.ERROR, capacity, Duration.ZERO);
    }

    /**
     * Drops the new value.
     *
     * @param capacity the most values that are queued, from 1 to 67,108,864
     * @return the policy
     * @throws IllegalArgumentException if the capacity is out of that range
     */
    public static Overflow dropNewest(int capacity) {
        return new Overflow(Policy.DROP_NEWEST, capacity, Duration.ZERO);
    }

    /**
     * Drops the oldest queued value, so that the newest values are kept.
     *
     * @param capacity the most values that are queued, from 1 to 67,108,864
     * @return the policy
     * @throws IllegalArgumentException if the capacity is out of that range
     */
    public static Overflow dropOldest(int capacity) {
        return new Overflow(Policy.DROP_OLDEST, capacity, Duration.ZERO);
    }

    /**
     * Keeps the newest value alone: {@code dropOldest(1)}.
     *
     * @return the policy
     */
    public static Overflow latest() {
        return dropOldest(1);
    }

    /**
     * Lets the queue grow until memory ends. For sources that are known to be bounded.
     *
     * @return the policy
     */
    public static Overflow unbounded() {
        return new Overflow(Policy.UNBOUNDED, Integer.MAX_VALUE, Duration.ZERO);
    }

    /**
     * Returns the policy.
     *
     * @return the policy
     */
    public Policy policy() {
        return policy;
    }

    /**
     * Returns how many values are queued at most.
     *
     * @return the capacity; {@code Integer.MAX_VALUE} for {@link #unbounded}
     */
    public int capacity() {
        return capacity;
    }

    /**
     * Returns how many more values {@link #block} takes from threads that must not wait.
     *
     * @return 64 times the capacity; zero with the other policies
     */
    public long reserve() {
        return policy == Policy.BLOCK ? (long) RESERVE * capacity : 0;
    }

    /**
     * Returns how long a thread waits for room.
     *
     * @return the timeout of {@link #block}; zero with the other policies
     */
    public Duration timeout() {
        return timeout;
    }

    @Override
    public String toString() {
        return switch (policy) {
            case BLOCK -> "block(" + capacity + ", " + timeout + ")";
            case UNBOUNDED -> "unbounded()";
            case ERROR -> "error(" + capacity + ")";
            case DROP_NEWEST -> "dropNewest(" + capacity + ")";
            case DROP_OLDEST -> "dropOldest(" + capacity + ")";
        };
    }
}
