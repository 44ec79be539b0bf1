package reactor.ffi.samples.dashboard;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/** A POSIX timer that calls a function on threads of glibc's own: {@code timer_create} with {@code SIGEV_THREAD}. */
final class GlibcTimer {

    /** {@code void (*)(union sigval)}. */
    @FunctionalInterface
    interface OnTick {
        void tick(long value);
    }

    private static final int CLOCK_MONOTONIC = 1;
    private static final int SIGEV_THREAD = 2;

    private static final MethodHandle TIMER_CREATE =
            bind("timer_create", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle TIMER_SETTIME =
            bind("timer_settime", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle TIMER_DELETE = bind("timer_delete", FunctionDescriptor.of(JAVA_INT, ADDRESS));

    private final MemorySegment timer;

    private GlibcTimer(MemorySegment timer) {
        this.timer = timer;
    }

    /** Starts a timer that calls the function every period. glibc starts a thread for each call. */
    static GlibcTimer start(MemorySegment onTick, Duration period) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment event = arena.allocate(64); // struct sigevent
            event.set(JAVA_INT, 12, SIGEV_THREAD);
            event.set(ADDRESS, 16, onTick);
            MemorySegment id = arena.allocate(ADDRESS);
            check("timer_create", (int) TIMER_CREATE.invokeExact(CLOCK_MONOTONIC, event, id));
            GlibcTimer timer = new GlibcTimer(id.get(ADDRESS, 0));

            MemorySegment times = arena.allocate(32); // struct itimerspec: interval, first
            for (long at : new long[] {0, 16}) {
                times.set(JAVA_LONG, at, period.toSeconds());
                times.set(JAVA_LONG, at + 8, period.toNanosPart());
            }
            check("timer_settime", (int) TIMER_SETTIME.invokeExact(timer.timer, 0, times, MemorySegment.NULL));
            return timer;
        }
    }

    /** No new calls; one that is under way may still come. */
    void stop() throws Throwable {
        check("timer_delete", (int) TIMER_DELETE.invokeExact(timer));
    }

    private static void check(String function, int result) {
        if (result != 0) {
            throw new IllegalStateException(function + " failed");
        }
    }

    @SuppressWarnings("restricted") // these are the signatures of glibc
    private static MethodHandle bind(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        MemorySegment address = linker.defaultLookup()
                .find(function)
                .orElseThrow(
                        () -> new IllegalStateException(function + " is not here: this sample needs Linux with glibc"));
        return linker.downcallHandle(address, descriptor);
    }
}
