package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestScheduler;
import reactor.test.StepVerifier;

/** The order in which a subscription is undone, against libraries that free, join and fire while they unregister. */
class EndOrderIT {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("EndOrderIT");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = loop.options;

    private static final long FAREWELL = -1;

    @BeforeEach
    void forget() {
        Fixture.clearErrors();
    }

    @AfterEach
    void nothingThatMustNeverHappenWasSeenInC() {
        assertThat(Fixture.errorCount()).isZero();
    }

    // ---- a library that frees its context in unregister

    /** Handlers look at the context for some microseconds; whoever runs after unregister sees it dead. */
    @Test
    void noHandlerSeesTheContextThatUnregisterFrees() {
        assertThat(freeContexts(scheduler, 200)).isZero();
    }

    @Test
    @EnabledIf("hasAddressSanitizer")
    void noHandlerSeesTheContextUnderAddressSanitizer() {
        ForkedJvm.of(FreesContexts.class)
                .addressSanitizer()
                .run()
                .assertExitedCleanly()
                .assertOut("with ASan: true, dead contexts: 0");
    }

    static boolean hasAddressSanitizer() {
        return ForkedJvm.hasAddressSanitizer();
    }

    static final class FreesContexts {

        public static void main(String[] args) {
            try (CallbackScheduler scheduler = CallbackScheduler.create("contexts")) {
                int dead = freeContexts(scheduler, 50);
                System.out.println("with ASan: " + Fixture.builtWithAsan() + ", dead contexts: " + dead);
            }
        }
    }

    private static int freeContexts(CallbackScheduler scheduler, int rounds) {
        AtomicInteger dead = new AtomicInteger();
        CallbackOptions options =
                CallbackOptions.named("contexts").on(scheduler).overflow(Overflow.dropNewest(16));
        Flux<Long> readings = NativeFlux.create(options, sink -> {
            MemorySegment pointer = sink.callback(OnReading.class, (sequence, value, context) -> {
                if (Memory.contextDiesWithin(context, 5_000)) {
                    dead.incrementAndGet();
                }
                sink.next(sequence);
            });
            Source source = Source.readingsWithContext(pointer);
            sink.onDispose(source::close);
            source.start(2, -1, 0);
        });
        readings.take(3).repeat(rounds - 1).then().block(SOON);
        return dead.get();
    }

    // ---- a callback that fires during unregister, and after it

    @Test
    void aCallbackThatFiresOnTheUnregisteringThreadReachesItsHandler() throws Exception {
        List<Long> handled = new CopyOnWriteArrayList<>();
        List<Boolean> taken = new CopyOnWriteArrayList<>();
        unregister(handled, taken, Source::stopFiringHere);
        assertThat(handled).endsWith(FAREWELL);
        assertThat(taken).endsWith(false);
        assertThat(loop.metrics().lateCalls()).isZero();
    }

    @Test
    void aCallbackThatFiresOnANativeThreadWhileUnregisterWaitsForItReachesItsHandler() throws Exception {
        List<Long> handled = new CopyOnWriteArrayList<>();
        List<Boolean> taken = new CopyOnWriteArrayList<>();
        unregister(handled, taken, Source::stopFiringThere);
        assertThat(handled).endsWith(FAREWELL);
        assertThat(taken).endsWith(false);
        assertThat(loop.metrics().lateCalls()).isZero();
    }

    @Test
    void oneThatFiresAfterwardsIsALateCall() throws Exception {
        List<Long> handled = new CopyOnWriteArrayList<>();
        unregister(handled, new CopyOnWriteArrayList<>(), source -> source.stopThenOne(20_000_000));
        Awaitility.await().atMost(SOON).until(() -> loop.metrics().lateCalls() == 1);
        assertThat(handled).isNotEmpty().doesNotContain(FAREWELL);
    }

    @Test
    void thoseThatGoOnForAWhileAreLateCalls() throws Exception {
        List<Long> handled = new CopyOnWriteArrayList<>();
        AtomicReference<Source> source = new AtomicReference<>();
        unregister(handled, new CopyOnWriteArrayList<>(), s -> {
            source.set(s);
            s.stopLate(50_000_000);
        });
        int count = handled.size();
        Awaitility.await().atMost(SOON).until(() -> source.get().running() == 0);
        assertThat(handled).hasSize(count);
        assertThat(loop.metrics().lateCalls())
                .isPositive()
                .isEqualTo(source.get().calls() - count);
    }

    private void unregister(List<Long> handled, List<Boolean> taken, Consumer<Source> stop) throws Exception {
        AtomicReference<Source> source = new AtomicReference<>();
        NativeFlux.<Long>create(options, sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                        taken.add(sink.next(sequence));
                        handled.add(sequence);
                    });
                    source.set(Source.events(pointer, 0));
                    sink.onDispose(() -> stop.accept(source.get()));
                    source.get().start(1, -1, 100_000);
                })
                .take(2)
                .blockLast(SOON);
        loop.settle();
    }

    // ---- who waits is let go first

    /** An unregister that joins, and a producer that waits for room: nobody would make any. */
    @Test
    void aStopThatJoinsAProducerWhichWaitsForRoomEndsAtOnce() throws Exception {
        CountDownLatch stopped = new CountDownLatch(1);
        AtomicReference<Source> source = new AtomicReference<>();
        Recorder recorder = new Recorder(0);
        NativeFlux.<Long>create(options.overflow(Overflow.block(1, SOON.multipliedBy(2))), sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                    source.set(Source.events(pointer, 0));
                    sink.onDispose(() -> {
                        source.get().close();
                        stopped.countDown();
                    });
                    source.get().start(4, -1, 0);
                })
                .subscribe(recorder);
        Awaitility.await().atMost(SOON).until(() -> source.get().calls() == 5);
        recorder.cancel();
        awaitLatch(stopped);
    }

    @Test
    void aStopThatJoinsAProducerWhichWaitsForRoomEndsAtOnceAfterAnErrorToo() throws Exception {
        Recorder recorder = new Recorder(0);
        NativeFlux.<Long>create(options.overflow(Overflow.block(1, SOON.multipliedBy(2))), sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                        if (sequence == 100) {
                            throw new IllegalStateException("the hundredth");
                        }
                        sink.next(sequence);
                    });
                    Source source = Source.events(pointer, 0);
                    sink.onDispose(source::close);
                    source.start(1, -1, 0);
                })
                .subscribe(recorder);
        recorder.request(Long.MAX_VALUE);
        assertThat(recorder.error()).hasMessage("the hundredth");
    }

    // ---- what was made before a callback outlives its handlers

    @RepeatedTest(5)
    void whatWasMadeBeforeACallbackWaitsUntilItsHandlersHaveLeft() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        AtomicLong left = new AtomicLong();
        AtomicLong undone = new AtomicLong();
        AtomicReference<Source> source = new AtomicReference<>();
        Recorder recorder = new Recorder(1);
        NativeFlux.<Long>create(options, sink -> {
                    sink.onDispose(() -> undone.set(System.nanoTime()));
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                        inside.countDown();
                        Awaitility.await().atMost(SOON).until(sink::isCancelled);
                        Awaitility.await()
                                .during(Duration.ofMillis(30))
                                .atMost(SOON)
                                .until(() -> undone.get() == 0);
                        left.set(System.nanoTime());
                    });
                    source.set(Source.events(pointer, 0).start(1, 1, 0));
                    // It does not wait for its threads.
                    sink.onDispose(() -> source.get().stopLate(1));
                })
                .subscribe(recorder);
        awaitLatch(inside);
        recorder.cancel();
        Awaitility.await().atMost(SOON).until(() -> undone.get() != 0);
        assertThat(left).as("the handler has left").doesNotHaveValue(0);
        assertThat(undone.get()).isGreaterThanOrEqualTo(left.get());
    }

    @Test
    void aHandlerThatStaysIsWaitedForNoLongerThanASecond() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        CountDownLatch undone = new CountDownLatch(1);
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        Recorder recorder = new Recorder(1);
        NativeFlux.<Long>create(options, sink -> {
                    sink.onDispose(undone::countDown);
                    pointer.set(sink.callback(OnEvent.class, (thread, sequence, id) -> {
                        inside.countDown();
                        awaitLatch(leave);
                    }));
                })
                .subscribe(recorder);
        Thread caller = new Thread(() -> Calls.fromThreads(pointer.get(), 1, 1, 0));
        caller.start();
        awaitLatch(inside);
        long begun = System.nanoTime();
        recorder.cancel();
        awaitLatch(undone);
        assertThat(System.nanoTime() - begun).isBetween(TimeUnit.MILLISECONDS.toNanos(900), SOON.toNanos());
        leave.countDown();
        caller.join();
    }

    // ---- one registration at a time

    @Test
    void takeOneAndRepeatNeverHasTwoRegistrationsAlive() {
        AtomicInteger alive = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger registrations = new AtomicInteger();
        Flux<Long> one = NativeFlux.<Long>create(options, sink -> {
                    registrations.incrementAndGet();
                    most.accumulateAndGet(alive.incrementAndGet(), Math::max);
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                    Source source = Source.events(pointer, 0);
                    sink.onDispose(() -> {
                        source.close();
                        alive.decrementAndGet();
                    });
                    source.start(1, -1, 10_000);
                })
                .take(1);
        StepVerifier.create(one.repeat(1000))
                .expectNextCount(1001)
                .expectComplete()
                .verify(Duration.ofSeconds(60));
        assertThat(registrations).hasValue(1001);
        assertThat(most).hasValue(1);
    }

    // ---- exit

    /** The JVM ends while an unregister call runs: it is let finish. */
    @Test
    void exitWaitsForAnUnregistrationThatHasBegun() {
        ForkedJvm.run(ExitsWhileItUnregisters.class).assertExitedCleanly().assertOut("unregistered");
    }

    static final class ExitsWhileItUnregisters {

        public static void main(String[] args) {
            CountDownLatch unregistering = new CountDownLatch(1);
            NativeFlux.<Long>create(sink -> sink.onDispose(() -> {
                        unregistering.countDown();
                        takeHalfASecond();
                        System.out.println("unregistered");
                    }))
                    .subscribe()
                    .dispose();
            awaitLatch(unregistering);
            System.exit(0);
        }

        /** Sleeps: an action that takes its time is what is tested, and the JVM must not end meanwhile. */
        private static void takeHalfASecond() {
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** Without keepAlive a subscription does not hold the JVM; with it, it does. */
    @Test
    void aSubscriptionThatDoesNotKeepAliveLetsTheJvmExit() {
        ForkedJvm.run(SubscribesAndReturns.class, "false").assertExitedCleanly().assertOut("unregistered");
        ForkedJvm.of(SubscribesAndReturns.class)
                .arguments("true")
                .timeout(Duration.ofSeconds(3))
                .run()
                .assertHung();
    }

    static final class SubscribesAndReturns {

        public static void main(String[] args) {
            CallbackOptions options = CallbackOptions.named("returns").keepAlive(Boolean.parseBoolean(args[0]));
            NativeFlux.<Long>create(options, sink -> sink.onDispose(() -> System.out.println("unregistered")))
                    .subscribe();
        }
    }
}
