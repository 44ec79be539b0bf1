package reactor.ffi.internal.upcall;

import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * Remembers a thread that has called, and probably calls next, by the thread's {@code ThreadRecord}. To find the record in a
 * {@code ThreadLocal} is a chain of a dozen loads, each of which waits for the one before: half of what a call costs beyond a bare
 * upcall.
 *
 * <p>What is remembered is a guess, read and written without any order. A thread uses a record only if the record is of that
 * thread; then the thread has made the record itself, and sees all of it. The id is compared first, because it lies here: the
 * record of another thread is in a cache line that the other thread writes at each call.
 */
abstract class LastCaller {

    /** At each 64th call that misses its own record, a thread looks whether the thread remembered here has ended. */
    private static final int MISSES_TO_LOOK = 64;

    /** At each 4096th it replaces the record of a living thread. Rarely, as a write takes the cache line from all who call. */
    private static final int MISSES_TO_REPLACE = 4096;

    /** The record of that thread; null before the first call. */
    @Nullable
    WeakReference<Thread> lastCaller;

    /** The id of that thread, or of another one that has called: the two fields are written without any order. */
    long lastCallerId;

    /** Returns the record of the calling thread, if that is the one that is remembered. */
    @SuppressWarnings("ReferenceEquality") // a thread is the same one or another
    final @Nullable WeakReference<Thread> recordOf(Thread thread) {
        WeakReference<Thread> record = lastCaller;
        return lastCallerId == thread.threadId() && record != null && record.get() == thread ? record : null;
    }

    /**
     * Remembers the record of the calling thread, unless another thread is remembered that lives.
     *
     * @param misses how many calls of this thread did not find their record
     */
    final void remember(WeakReference<Thread> record, Thread thread, int misses) {
        WeakReference<Thread> other = lastCaller;
        if (other == null
                || misses % MISSES_TO_REPLACE == 0
                || (misses % MISSES_TO_LOOK == 0 && hasEnded(other.get()))) {
            lastCaller = record;
            lastCallerId = thread.threadId();
        }
    }

    private static boolean hasEnded(@Nullable Thread thread) {
        return thread == null || !thread.isAlive();
    }
}
