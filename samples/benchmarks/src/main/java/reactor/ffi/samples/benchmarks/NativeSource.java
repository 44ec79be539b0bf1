package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** The functions of source.c, and bare stubs for it. */
final class NativeSource {

    static final FunctionDescriptor ON_EVENT = FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_DOUBLE);
    static final FunctionDescriptor QUESTION = FunctionDescriptor.of(JAVA_INT, JAVA_INT);
    static final FunctionDescriptor ON_TEXT = FunctionDescriptor.ofVoid(JAVA_LONG, ADDRESS);

    private static final Linker LINKER = Linker.nativeLinker();

    private final SymbolLookup library = SymbolLookup.libraryLookup(path(), Arena.global());
    private final MethodHandle now = bind("now_ns", JAVA_LONG);
    private final MethodHandle join = bind("join", null);
    private final MethodHandle started = bind("started_ns", JAVA_LONG);
    private final MethodHandle elapsed = bind("elapsed_ns", JAVA_LONG);
    private final MethodHandle wrong = bind("wrong_answers", JAVA_LONG);
    private final MethodHandle startStream = bind("start_stream", null, JAVA_INT, ADDRESS, JAVA_LONG);
    private final MethodHandle startBursts = bind("start_bursts", null, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private final MethodHandle busy = bind("busy_ns", JAVA_LONG);
    private final MethodHandle startSpread = bind("start_spread", null, ADDRESS, JAVA_LONG, JAVA_LONG);
    private final MethodHandle startText = bind("start_text", null, ADDRESS, JAVA_LONG);
    private final MethodHandle startSilent = bind("start_silent", null, ADDRESS, JAVA_LONG, JAVA_LONG);
    private final MethodHandle startAnswered = bind("start_answered", null, ADDRESS, JAVA_LONG);
    private final MethodHandle startPaused = bind("start_paused", null, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS);
    private final MethodHandle startTimed =
            bind("start_timed", null, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
    private final MethodHandle calls = bind("calls_made", JAVA_LONG);
    private final MethodHandle sameThread = bind("same_thread", JAVA_LONG, ADDRESS, JAVA_LONG);
    private final MethodHandle callOnce = bind("call_once", null, ADDRESS);
    private final MethodHandle startRegistered = bind("start_registered", null, ADDRESS, ADDRESS, JAVA_LONG);
    private final MethodHandle startRegistrations = bind("start_registrations", null, ADDRESS, JAVA_LONG, JAVA_LONG);
    private final MethodHandle startAnsweredWith = bind("start_answered_with", null, ADDRESS, ADDRESS, JAVA_LONG);
    private final MethodHandle callOnceWith = bind("call_once_with", null, ADDRESS, ADDRESS);

    /** Where the build has put the library. */
    static Path path() {
        Path path = Path.of(System.getProperty("benchmarks.native", "target/native"), "libsource.so");
        if (!Files.exists(path)) {
            throw new IllegalStateException(path.toAbsolutePath()
                    + " is not there: build with Maven, or say with -Dbenchmarks.native in which folder it is");
        }
        return path.toAbsolutePath();
    }

    long now() {
        try {
            return (long) now.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Waits for the native threads. */
    void join() throws Throwable {
        join.invokeExact();
    }

    /** When the first native thread made its first call. */
    long started() throws Throwable {
        return (long) started.invokeExact();
    }

    /** From the first call to the end of the last. */
    long elapsed() throws Throwable {
        return (long) elapsed.invokeExact();
    }

    /** Each thread calls the function so often. */
    void startStream(int threads, MemorySegment onEvent, long each) throws Throwable {
        startStream.invokeExact(threads, onEvent, each);
    }

    /** One thread calls in bursts of so many calls, with a pause before each burst. */
    void startBursts(MemorySegment onEvent, long each, long bursts, Duration pause) throws Throwable {
        startBursts.invokeExact(onEvent, each, bursts, pause.toNanos());
    }

    /** After {@link #join}: the ns of all bursts together. */
    long busy() throws Throwable {
        return (long) busy.invokeExact();
    }

    /** One thread calls the functions in turn. */
    void startSpread(MemorySegment onEvents, long width, long calls) throws Throwable {
        startSpread.invokeExact(onEvents, width, calls);
    }

    void startText(MemorySegment onText, long calls) throws Throwable {
        startText.invokeExact(onText, calls);
    }

    /** Before each event a pause. */
    void startSilent(MemorySegment onEvent, long calls, Duration pause) throws Throwable {
        startSilent.invokeExact(onEvent, calls, pause.toNanos());
    }

    void startAnswered(MemorySegment question, long calls) throws Throwable {
        startAnswered.invokeExact(question, calls);
    }

    /** One call after the other, each awaited: ns a call. */
    double answered(MemorySegment question, long calls) throws Throwable {
        startAnswered(question, calls);
        join();
        return answeredIn(calls);
    }

    /** After {@link #join}: ns a call. */
    double answeredIn(long calls) throws Throwable {
        checkAnswers();
        return (double) elapsed() / calls;
    }

    /** Before each call a pause; the ns of each call. */
    long[] paused(MemorySegment question, int calls, Duration pause) throws Throwable {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment times = arena.allocate(JAVA_LONG, calls);
            startPaused.invokeExact(question, (long) calls, pause.toNanos(), times);
            join();
            checkAnswers();
            return times.toArray(JAVA_LONG);
        }
    }

    /** Calls for so long, and not more often than that, with a pause after each; the ns of each call. */
    long[] timed(MemorySegment onEvent, int most, Duration pause, Duration duration) throws Throwable {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment times = arena.allocate(JAVA_LONG, most);
            startTimed.invokeExact(onEvent, (long) most, pause.toNanos(), duration.toNanos(), times);
            join();
            return times.asSlice(0, JAVA_LONG.byteSize() * (long) calls.invokeExact())
                    .toArray(JAVA_LONG);
        }
    }

    /** Calls on the calling thread: ns a call. */
    double sameThread(MemorySegment question, long calls) throws Throwable {
        long nanos = (long) sameThread.invokeExact(question, calls);
        if (nanos < 0) {
            throw new IllegalStateException(-nanos + " of " + calls + " answers were wrong");
        }
        return (double) nanos / calls;
    }

    void callOnce(MemorySegment onEvent) throws Throwable {
        callOnce.invokeExact(onEvent);
    }

    /** One thread calls the function with its user data. */
    void startRegistered(MemorySegment onEvent, MemorySegment userData, long calls) throws Throwable {
        startRegistered.invokeExact(onEvent, userData, calls);
    }

    /** One thread calls the functions in turn, each with its user data: the segment has pairs of them. */
    void startRegistrations(MemorySegment pairs, long width, long calls) throws Throwable {
        startRegistrations.invokeExact(pairs, width, calls);
    }

    /** One call after the other, each awaited, with user data: ns a call. */
    double answered(MemorySegment question, MemorySegment userData, long calls) throws Throwable {
        startAnsweredWith.invokeExact(question, userData, calls);
        join();
        return answeredIn(calls);
    }

    void callOnce(MemorySegment onEvent, MemorySegment userData) throws Throwable {
        callOnceWith.invokeExact(onEvent, userData);
    }

    private void checkAnswers() throws Throwable {
        long wrongAnswers = (long) wrong.invokeExact();
        if (wrongAnswers != 0) {
            throw new IllegalStateException(wrongAnswers + " answers were wrong");
        }
    }

    /** A stub for an object of one of the interfaces here, with nothing between: what the JDK offers. */
    static <F> MemorySegment stub(Class<F> type, String method, F target, FunctionDescriptor descriptor, Arena arena) {
        try {
            MethodType signature = descriptor.toMethodType();
            MethodHandle handle =
                    MethodHandles.lookup().findVirtual(type, method, signature).bindTo(target);
            return LINKER.upcallStub(handle, descriptor, arena);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(e.getMessage(), e);
        }
    }

    static MemorySegment onEvent(Event.OnEvent target) {
        return stub(Event.OnEvent.class, "event", target, ON_EVENT, Arena.global());
    }

    static MemorySegment question(Question target) {
        return stub(Question.class, "ask", target, QUESTION, Arena.global());
    }

    static MemorySegment onText(OnText target) {
        return stub(OnText.class, "event", target, ON_TEXT, Arena.global());
    }

    private MethodHandle bind(String function, MemoryLayout result, MemoryLayout... parameters) {
        FunctionDescriptor descriptor =
                result == null ? FunctionDescriptor.ofVoid(parameters) : FunctionDescriptor.of(result, parameters);
        return LINKER.downcallHandle(library.find(function).orElseThrow(), descriptor);
    }
}
