package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestCallbacks.FALLBACK;
import static reactor.ffi.fixture.TestScheduler.SOON;
import static reactor.ffi.fixture.TestScheduler.get;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.StartRoutine;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Libraries;
import reactor.ffi.fixture.Mosquitto;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestCallbacks;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Values;

/** The statements on deadlock. A limit that is reached is 30 s away, so that a test which ends sooner did not need it. */
@Timeout(60)
class CallBlockingTest {

    private static final Duration FAR = Duration.ofSeconds(30);

    @RegisterExtension
    final TestScheduler a = new TestScheduler("A");

    @RegisterExtension
    final TestScheduler b = new TestScheduler("B");

    private final TestCallbacks callbacks = new TestCallbacks(a);

    /** Handlers that run on {@link #a} at this moment, and how many did while another one was running. */
    private final AtomicInteger inside = new AtomicInteger();

    private final AtomicInteger overlaps = new AtomicInteger();

    /** Plain, not atomic: the turn orders it. */
    private int handled;

    private <F> NativeCallback<F> patient(TestScheduler on, Class<F> type, F handler) {
        return callbacks.closing(NativeCallback.threadSafe(
                callbacks.options().on(on.scheduler).answerWithin(FAR), CallbackType.of(type), handler, null));
    }

    private void lend(NativeAction action) throws Exception {
        a.run(() -> {
            a.scheduler.runBlocking(action);
            return null;
        });
    }

    private static long nativeThreadsThatWait() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().contains("(native-"))
                .filter(thread ->
                        thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING)
                .count();
    }

    private void enter() {
        if (inside.incrementAndGet() != 1 || !a.scheduler.isCurrent()) {
            overlaps.incrementAndGet();
        }
        handled++;
        inside.decrementAndGet();
    }

    @Nested
    class LendsTheTurn {

        @Test
        void theAnsweredCallbackRunsOnTheNativeThreadOneAtATimeAndIsCurrent() throws Exception {
            List<Boolean> own = new CopyOnWriteArrayList<>();
            NativeCallback<OnEvent> callback = patient(a, OnEvent.class, (thread, sequence, id) -> {
                enter();
                if (sequence == 0) {
                    own.add(a.scheduler.thread().isCurrent());
                }
            });
            lend(() -> {
                assertThat(a.scheduler.isCurrent()).as("inside the lend").isFalse();
                Calls.fromThreads(callback.pointer(), 4, 2_000, 0);
            });
            assertThat(own).hasSize(4).containsOnly(false);
            assertThat(overlaps).hasValue(0);
            assertThat(a.run(() -> handled)).isEqualTo(8_000);
        }

        @Test
        void memoryEffectsAreOrderedBothWays() throws Exception {
            long[] plain = new long[2];
            NativeCallback<EchoLong> callback = patient(a, EchoLong.class, value -> {
                plain[1] = plain[0] + value;
                return plain[1];
            });
            for (int i = 0; i < 2_000; i++) {
                long round = i;
                a.run(() -> {
                    plain[0] = round;
                    long answer = a.scheduler.callBlocking(() -> Values.askLong(callback.pointer(), 1_000_000, true));
                    assertThat(answer).isEqualTo(round + 1_000_000);
                    assertThat(plain[1]).isEqualTo(answer);
                    return null;
                });
            }
        }

        @Test
        void tasksQueuedInTheMeantimeRunAfter() throws Exception {
            List<String> order = new CopyOnWriteArrayList<>();
            CountDownLatch task = new CountDownLatch(1);
            NativeCallback<OnEvent> callback = patient(a, OnEvent.class, (thread, sequence, id) -> {
                order.add("handler");
                a.scheduler.schedule(() -> {
                    order.add("task");
                    task.countDown();
                });
            });
            a.run(() -> {
                a.scheduler.runBlocking(() -> Calls.fromThreads(callback.pointer(), 1, 1, 0));
                order.add("lend is over");
                return null;
            });
            awaitLatch(task, SOON);
            assertThat(order).containsExactly("handler", "lend is over", "task");
        }

        /** Deno's case: a downcall that starts a thread, which calls back, and joins it. */
        @Test
        void aDowncallThatStartsAThreadWhichCallsBackAndJoinsItEnds() throws Exception {
            NativeCallback<EchoLong> callback = patient(a, EchoLong.class, value -> value + 1);
            assertThat(a.run(() -> a.scheduler.callBlocking(() -> Values.askLong(callback.pointer(), 41, true))))
                    .isEqualTo(42L);
        }

        @Test
        void callersThatWaitedBeforeTheLendAreAnsweredInIt() throws Exception {
            NativeCallback<OnAsk> callback = patient(a, OnAsk.class, (thread, sequence, id) -> {
                enter();
                return sequence + id;
            });
            CountDownLatch go = new CountDownLatch(1);
            CountDownLatch begun = new CountDownLatch(1);
            try (Source source = Source.asking(callback.pointer(), 5, FALLBACK)) {
                FutureTask<Integer> lend = a.submit(() -> {
                    begun.countDown();
                    go.await();
                    return a.scheduler.callBlocking(source::stop);
                });
                begun.await();
                source.start(3, -1, 0);
                await().until(() -> nativeThreadsThatWait() == 3);
                go.countDown();
                assertThat(get(lend)).isEqualTo(3);
                assertThat(source.rightAnswers()).isEqualTo(source.calls());
            }
            assertThat(overlaps).hasValue(0);
        }

        @Test
        void callersThatWaitForALentTurnGetTheFallbackAtOnceWhenTheirCallbackIsClosed() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch until = new CountDownLatch(1);
            NativeCallback<EchoLong> busy = patient(a, EchoLong.class, value -> {
                inside.countDown();
                awaitLatch(until);
                return value + 1;
            });
            NativeCallback<OnAsk> closed = patient(a, OnAsk.class, (thread, sequence, id) -> sequence + id);
            FutureTask<Long> lend =
                    a.submit(() -> a.scheduler.callBlocking(() -> Values.askLong(busy.pointer(), 1, true)));
            inside.await();
            try (Source source = Source.asking(closed.pointer(), 5, 0).start(3, 1, 0)) {
                await().until(() -> source.calls() == 3);
                await().during(Duration.ofMillis(50)).until(() -> source.running() == 3);
                closed.close();
                await().atMost(SOON).until(() -> source.fallbackAnswers() == 3);
            } finally {
                until.countDown();
            }
            assertThat(get(lend)).isEqualTo(2L);
        }

        @Test
        void nestedLendingWorksTwoDeepFromBorrowers() throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            NativeCallback<OnEvent> callback = patient(a, OnEvent.class, (thread, sequence, depth) -> {
                enter();
                if (depth > 0) {
                    a.scheduler.runBlocking(() -> Calls.fromThreads(pointer.get(), 2, 3, depth - 1));
                    enter();
                }
            });
            pointer.set(callback.pointer());
            lend(() -> Calls.fromThreads(callback.pointer(), 2, 2, 2));
            // 4 calls that lend, 6 in each of these that lend again, 6 in each of those
            assertThat(a.run(() -> handled)).isEqualTo(2 * 4 + 2 * 4 * 6 + 4 * 6 * 6);
            assertThat(overlaps).hasValue(0);
        }

        @Test
        void aCallbackOnTopOfALendTakesTheTurnBackAndMayLendAgain() throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            List<String> seen = new CopyOnWriteArrayList<>();
            NativeCallback<OnEvent> callback = patient(a, OnEvent.class, (thread, sequence, depth) -> {
                seen.add(depth
                        + (a.scheduler.isOwnTurn() ? " own" : " borrowed")
                        + (a.scheduler.thread().turn().isLent() ? " lent" : ""));
                if (depth > 0) {
                    a.scheduler.runBlocking(() -> Calls.fromThreads(pointer.get(), 1, 1, 0));
                }
            });
            pointer.set(callback.pointer());
            lend(() -> {
                Calls.n(callback.pointer(), 1, 1);
                Calls.fromThreads(callback.pointer(), 1, 1, 0); // the outer lend goes on
            });
            assertThat(seen).containsExactly("1 own", "0 borrowed lent", "0 borrowed lent");
        }

        @Test
        void aSchedulersThreadThatWaitsForAnotherOnesAnswerLendsItsOwnTurn() throws Exception {
            AtomicReference<MemorySegment> backToA = new AtomicReference<>();
            List<String> seen = new CopyOnWriteArrayList<>();
            NativeCallback<EchoLong> onB = patient(b, EchoLong.class, value -> {
                seen.add("B " + b.scheduler.isCurrent() + a.scheduler.isCurrent());
                return Values.askLong(backToA.get(), value + 1, false);
            });
            NativeCallback<EchoLong> onA = patient(a, EchoLong.class, value -> {
                seen.add("A " + b.scheduler.isCurrent() + a.scheduler.isCurrent());
                return value + 1;
            });
            backToA.set(onA.pointer());
            assertThat(a.run(() -> Values.askLong(onB.pointer(), 1, false))).isEqualTo(3L);
            assertThat(seen).containsExactly("B truefalse", "A falsetrue");
        }

        @Test
        void twoSchedulersThatAskEachOtherAtOnceBothAnswer() throws Exception {
            NativeCallback<EchoLong> onA = patient(a, EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> onB = patient(b, EchoLong.class, value -> value + 2);
            for (int i = 0; i < 500; i++) {
                FutureTask<Long> there = a.submit(() -> Values.askLong(onB.pointer(), 0, false));
                FutureTask<Long> back = b.submit(() -> Values.askLong(onA.pointer(), 0, false));
                assertThat(get(there)).isEqualTo(2L);
                assertThat(get(back)).isEqualTo(1L);
            }
        }

        @Test
        void aNativeThreadThatNestsAcrossTwoSchedulersIsAnswered() throws Exception {
            NativeCallback<EchoLong> onB = patient(b, EchoLong.class, value -> value + 1);
            NativeCallback<EchoLong> onA =
                    patient(a, EchoLong.class, value -> Values.askLong(onB.pointer(), value, true) * 2);
            lend(() -> assertThat(Values.askLong(onA.pointer(), 4, true)).isEqualTo(10L));
        }

        @Test
        void whereNoTurnIsHeldItJustRuns() {
            assertThat(a.scheduler.callBlocking(() -> 3)).isEqualTo(3);
        }

        /** glibc's own threads: the answered callback is itself the start routine. */
        @Test
        void pthreadJoin() throws Exception {
            Linker linker = Linker.nativeLinker();
            MethodHandle create = linker.downcallHandle(
                    linker.defaultLookup().find("pthread_create").orElseThrow(),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS));
            MethodHandle join = linker.downcallHandle(
                    linker.defaultLookup().find("pthread_join").orElseThrow(),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
            NativeCallback<StartRoutine> routine =
                    patient(a, StartRoutine.class, argument -> MemorySegment.ofAddress(argument.address() + 1));
            a.run(() -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment thread = arena.allocate(ValueLayout.JAVA_LONG);
                    MemorySegment result = arena.allocate(ValueLayout.ADDRESS);
                    assertThat((int) call(() -> (int) create.invokeExact(
                                    thread, MemorySegment.NULL, routine.pointer(), MemorySegment.ofAddress(41))))
                            .isZero();
                    int joined = a.scheduler.callBlocking(
                            () -> (int) join.invokeExact(thread.get(ValueLayout.JAVA_LONG, 0), result));
                    assertThat(joined).isZero();
                    assertThat(result.get(ValueLayout.ADDRESS, 0).address()).isEqualTo(42);
                }
                return null;
            });
        }

        private static <R> R call(NativeCall<R> call) throws Exception {
            try {
                return call.call();
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        /** libmosquitto joins its thread, which asks just then. */
        @Test
        void mosquittoLoopStop() throws Exception {
            Libraries.require(Mosquitto.isInstalled(), "mosquitto (Debian: libmosquitto1 and mosquitto)");
            AtomicInteger messages = new AtomicInteger();
            CountDownLatch asking = new CountDownLatch(1);
            CountDownLatch go = new CountDownLatch(1);
            NativeCallback<Mosquitto.OnMessage> answered =
                    patient(a, Mosquitto.OnMessage.class, (client, userData, message) -> messages.incrementAndGet());
            NativeCallback<Mosquitto.OnMessage> entry =
                    callbacks.closing(NativeCallback.direct(Mosquitto.OnMessage.class, (client, userData, message) -> {
                        asking.countDown();
                        CFunction.at(answered.pointer(), Mosquitto.OnMessage.class)
                                .onMessage(client, userData, message);
                    }));
            try (Mosquitto mosquitto = new Mosquitto(entry.pointer())) {
                CountDownLatch begun = new CountDownLatch(1);
                FutureTask<Void> stop = a.submit(() -> {
                    begun.countDown();
                    go.await();
                    a.scheduler.runBlocking(mosquitto::loopStop);
                    return null;
                });
                begun.await();
                mosquitto.publish();
                awaitLatch(asking, SOON);
                await().during(Duration.ofMillis(20)).until(() -> messages.get() == 0);
                go.countDown();
                get(stop);
                assertThat(messages).hasValue(1);
            }
        }
    }

    @Nested
    class OnDisposeActionsRunInsideIt {

        @Test
        void anUnregisterThatJoinsANativeThreadWhichIsAskingEndsAtOnce() throws Exception {
            NativeCallback<OnAsk> asked = patient(a, OnAsk.class, (thread, sequence, id) -> sequence + id);
            try (Source source = Source.asking(asked.pointer(), 5, FALLBACK)) {
                assertEndsAtOnce(source, 3, 0, () -> await().until(() -> source.calls() >= 100));
                assertThat(source.wrongAnswers() + source.fallbackAnswers()).isZero();
            }
        }

        @Test
        void anUnregisterThatJoinsANativeThreadWhichWaitsForRoomInAnyStreamEndsAtOnce() throws Exception {
            CallbackOptions full = a.options.overflow(Overflow.block(1, FAR));
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            Recorder wantsNothing = new Recorder(0);
            NativeFlux.<Long>create(
                            full,
                            sink -> pointer.set(
                                    sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                    .subscribe(wantsNothing);
            try (Source source = Source.events(pointer.get(), 0)) {
                assertEndsAtOnce(
                        source,
                        2,
                        TimeUnit.MILLISECONDS.toNanos(1),
                        () -> await().until(() -> a.metrics().waiting() == 2));
            }
            wantsNothing.cancel();
        }

        /** A handler that has lent the turn which it borrowed goes on after the lend: the scheduler's thread waits for it. */
        @Test
        void aBorrowerThatGoesOnAfterTheLendNeverWaitsForRoomThatOnlyTheSchedulersThreadCouldMake() throws Exception {
            AtomicReference<NativeSink<Long>> full = new AtomicReference<>();
            Recorder wantsNothing = new Recorder(0);
            NativeFlux.<Long>create(a.options.overflow(Overflow.block(1, FAR)), full::set)
                    .subscribe(wantsNothing);
            assertThat(full.get().next(1L)).isTrue();
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch over = new CountDownLatch(1);
            NativeCallback<EchoLong> callback = patient(a, EchoLong.class, value -> {
                a.scheduler.runBlocking(() -> {
                    inside.countDown();
                    over.await();
                });
                return full.get().next(value) && !a.scheduler.thread().turn().isLent() ? 1 : 0;
            });
            FutureTask<Long> asked = new FutureTask<>(() -> Values.askLong(callback.pointer(), 2, true));
            lend(() -> {
                new Thread(asked, "starts-native-threads").start();
                inside.await();
            });
            over.countDown();
            assertThat(get(asked)).isEqualTo(1);
            wantsNothing.cancel();
        }

        /** Of a stream of its own, whose only part in this is that its onDispose joins the source's threads. */
        private void assertEndsAtOnce(Source source, int threads, long pauseNs, Runnable ready) throws Exception {
            AtomicInteger joined = new AtomicInteger();
            CountDownLatch over = new CountDownLatch(1);
            Disposable subscription = NativeFlux.<Long>create(
                            a.options,
                            sink -> sink.onDispose(() -> {
                                joined.set(source.stop());
                                over.countDown();
                            }))
                    .subscribe();
            source.start(threads, -1, pauseNs);
            ready.run();
            subscription.dispose();
            awaitLatch(over, SOON);
            assertThat(joined).hasValue(threads);
        }
    }

    @Nested
    class WithoutCallBlocking {

        @Test
        void theLimitEndsItWithTheFallbackAndTheLogOfBothStacks() throws Exception {
            TestScheduler watched = a.another("watched", limits -> limits.warnAfter(Duration.ofMillis(100)));
            List<Throwable> errors = new CopyOnWriteArrayList<>();
            NativeCallback<EchoLong> callback = callbacks.closing(NativeCallback.threadSafe(
                    CallbackOptions.named("stuck")
                            .on(watched.scheduler)
                            .answerWithin(Duration.ofMillis(400))
                            .onError(errors::add),
                    CallbackType.of(EchoLong.class),
                    value -> value + 1,
                    value -> FALLBACK));
            try (CapturedLog log = new CapturedLog()) {
                assertThat(watched.run(() -> Values.askLong(callback.pointer(), 1, true)))
                        .isEqualTo(FALLBACK);
                assertThat(log.text())
                        .contains("a call waits for its turn", "who waits: ", "(native-")
                        .contains("the scheduler's thread: \"" + watched.name, "Values.askLong");
            }
            assertThat(errors).singleElement().isInstanceOf(TimeoutException.class);
            // A call that comes before the scheduler's turn has ended is refused at once, since nothing has moved.
            await().untilAsserted(() -> assertThat(Values.askLong(callback.pointer(), 1, true))
                    .as("afterwards")
                    .isEqualTo(2L));
        }
    }
}
