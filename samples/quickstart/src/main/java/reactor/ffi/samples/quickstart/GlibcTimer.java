package reactor.ffi.samples.quickstart;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeMemory;

/** A POSIX timer that calls a function on threads of glibc's own: {@code timer_create} with {@code SIGEV_THREAD}. */
final class GlibcTimer {

    /** {@code void (*)(union sigval)}. */
    @FunctionalInterface
    interface OnTick {
        void tick(long value);
    }

    /** {@code int timer_create(clockid_t, struct sigevent *, timer_t *)}. */
    private interface Create {
        int create(int clock, MemorySegment event, MemorySegment timer);
    }

    /** {@code int timer_settime(timer_t, int, const struct itimerspec *, struct itimerspec *)}. */
    private interface SetTime {
        int set(MemorySegment timer, int flags, MemorySegment times, MemorySegment old);
    }

    /** {@code int timer_delete(timer_t)}. */
    private interface Delete {
        int delete(MemorySegment timer);
    }

    private static final int CLOCK_MONOTONIC = 1;
    private static final int SIGEV_THREAD = 2;

    private static final Create CREATE =
            CFunction.named("timer_create", CallbackType.of(Create.class).errno());
    private static final SetTime SET_TIME =
            CFunction.named("timer_settime", CallbackType.of(SetTime.class).errno());
    private static final Delete DELETE =
            CFunction.named("timer_delete", CallbackType.of(Delete.class).errno());

    private final MemorySegment timer;

    private GlibcTimer(MemorySegment timer) {
        this.timer = timer;
    }

    /** Starts a timer that calls the function every period. glibc starts a thread for each call. */
    static GlibcTimer start(MemorySegment onTick, Duration period) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment event = arena.allocate(64); // struct sigevent
            event.set(JAVA_INT, 12, SIGEV_THREAD);
            event.set(ADDRESS, 16, onTick);
            MemorySegment timer =
                    NativeMemory.out(ADDRESS, out -> check("timer_create", CREATE.create(CLOCK_MONOTONIC, event, out)));

            MemorySegment times = arena.allocate(32); // struct itimerspec: interval, first
            for (long at : new long[] {0, 16}) {
                times.set(JAVA_LONG, at, period.toSeconds());
                times.set(JAVA_LONG, at + 8, period.toNanosPart());
            }
            check("timer_settime", SET_TIME.set(timer, 0, times, MemorySegment.NULL));
            return new GlibcTimer(timer);
        }
    }

    /** No new calls; one that is under way may still come. */
    void stop() {
        check("timer_delete", DELETE.delete(timer));
    }

    private static void check(String function, int result) {
        if (result != 0) {
            throw new IllegalStateException(function + " failed: errno " + CFunction.errno());
        }
    }
}
