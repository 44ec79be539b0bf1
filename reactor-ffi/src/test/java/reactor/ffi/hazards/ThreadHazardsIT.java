package reactor.ffi.hazards;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Exceptions;
import reactor.core.publisher.BaseSubscriber;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;

/** docs/hazards.md, "Threads": what ends a process, with a bare upcall and with ours. */
class ThreadHazardsIT {

    /** Nobody can do anything here: there is no stack for Java yet. */
    @ParameterizedTest
    @EnumSource
    void aNativeThreadWithASmallStack(Bridge bridge) {
        bridge.run(SmallStack.class, "16").assertCrashed();
        ForkedJvmResult attaches = bridge.run(SmallStack.class, "64").assertCrashed();
        assertThat(attaches.crashLog()).contains("Could not attach thread for upcall");
        bridge.run(SmallStack.class, "128").assertExitedCleanly().assertOut("called 1");
    }

    static final class SmallStack {

        private static int called;

        public static void main(String[] args) {
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> called++);
            int failed = Calls.withStack(pointer, Long.parseLong(args[1]) << 10, 0);
            System.out.println(failed == 0 ? "called " + called : "pthread_create: errno " + failed);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCallbackInsideACriticalDowncall(Bridge bridge) {
        ForkedJvmResult critical = bridge.run(Critical.class, "critical").assertCrashed();
        assertThat(critical.crashLog()).contains("wrong thread state for upcall");
        bridge.run(Critical.class, "ordinary").assertExitedCleanly().assertOut("called", "C returned");
    }

    static final class Critical {
        @SuppressWarnings("restricted")
        public static void main(String[] args) throws Throwable {
            MemorySegment pointer =
                    Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> System.out.println("called"));
            Linker.Option[] options = args[1].equals("critical")
                    ? new Linker.Option[] {Linker.Option.critical(false)}
                    : new Linker.Option[0];
            MethodHandle callN = Linker.nativeLinker()
                    .downcallHandle(
                            SymbolLookup.libraryLookup(
                                            Path.of(System.getProperty(Fixture.FOLDER), "libfixture.so"),
                                            Arena.global())
                                    .find("call_n")
                                    .orElseThrow(),
                            FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG),
                            options);
            callN.invokeExact(pointer, 1L, 0L);
            System.out.println("C returned");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aThreadThatEndsItselfInsideACallback(Bridge bridge) {
        ForkedJvmResult result = bridge.run(EndsItself.class).assertCrashed().assertOut("joined");
        assertThat(result.out()).doesNotContain("collected");
    }

    static final class EndsItself {
        @SuppressWarnings("restricted")
        public static void main(String[] args) {
            MethodHandle exit = Linker.nativeLinker()
                    .downcallHandle(
                            Linker.nativeLinker()
                                    .defaultLookup()
                                    .find("pthread_exit")
                                    .orElseThrow(),
                            FunctionDescriptor.ofVoid(ADDRESS));
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {
                try {
                    exit.invokeExact(MemorySegment.NULL);
                } catch (Throwable e) {
                    throw new AssertionError("pthread_exit returned", e);
                }
            });
            Calls.fromThreads(pointer, 1, 1, 0);
            System.out.println("joined");
            for (int i = 0; i < 5; i++) {
                System.gc();
            }
            System.out.println("collected");
        }
    }

    /** The JDK has said goodbye to the thread before, and says it once only. */
    @ParameterizedTest
    @EnumSource
    void aCallbackFromADestructorOfAPthreadKey(Bridge bridge) {
        ForkedJvmResult result = bridge.run(FromKeyDestructors.class).assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly(
                        "ordinary: 100 calls, 0 threads are left", "destructors: 200 calls, 100 threads are left");
    }

    static final class FromKeyDestructors {

        private static int called;

        public static void main(String[] args) {
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> called++);
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            int before = threads.getThreadCount();
            Calls.fromShortLivedThreads(pointer, 100, 1, 0);
            System.out.println(
                    "ordinary: " + called + " calls, " + (threads.getThreadCount() - before) + " threads are left");
            called = 0;
            Calls.fromKeyDestructors(pointer, 100);
            System.out.println(
                    "destructors: " + called + " calls, " + (threads.getThreadCount() - before) + " threads are left");
        }
    }

    /** A bare callback that waits takes all the threads that the process may have; that is not shown here. */
    @Test
    void aSourceThatStartsAThreadForEachEventAndAllOfThemWait() {
        ForkedJvm.of(ThreadForEachEvent.class)
                .jvmOptions("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
                .timeout(Duration.ofSeconds(30))
                .run()
                .assertExitedCleanly()
                .assertOut("at most 64 waited", "the stream ended for want of room");
    }

    static final class ThreadForEachEvent {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch ended = new CountDownLatch(1);
            CallbackOptions options =
                    CallbackOptions.named("ticks").overflow(Overflow.block(1, Duration.ofSeconds(30)));
            Waiting subscriber = new Waiting(ended);
            NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(OnPointer.class, data -> sink.next(data.address()));
                        MemorySegment ticker = Calls.startTicker(pointer, MemorySegment.NULL, 200_000);
                        sink.onDispose(() -> Calls.deleteTicker(ticker));
                    })
                    .subscribe(subscriber);
            int most = 0;
            while (!ended.await(1, TimeUnit.MILLISECONDS)) {
                int waiting = CallbackMetrics.of("ticks").waiting();
                most = Math.max(most, waiting);
                if (CallbackMetrics.of("ticks").discarded() > 0) {
                    subscriber.request(Long.MAX_VALUE); // the error waits behind the value that is queued
                }
            }
            System.out.println(most <= 64 ? "at most 64 waited" : most + " waited");
        }
    }

    /** Asks for nothing. */
    private static final class Waiting extends BaseSubscriber<Long> {

        private final CountDownLatch ended;

        Waiting(CountDownLatch ended) {
            this.ended = ended;
        }

        @Override
        protected void hookOnSubscribe(org.reactivestreams.Subscription subscription) {}

        @Override
        protected void hookOnError(Throwable error) {
            System.out.println(Exceptions.isOverflow(error) ? "the stream ended for want of room" : error.toString());
            ended.countDown();
        }
    }
}
