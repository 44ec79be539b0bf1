package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.loop.LoopScheduler;

/** Each figure of each snapshot, when things are quiet. The calls come from native threads of the fixture. */
@Timeout(60)
class MetricsTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("MetricsTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    private Flux<Long> flux(Overflow overflow) {
        return NativeFlux.create(options.overflow(overflow), events);
    }

    /** 12 values from native threads, while the scheduler is busy and there is room for 4. */
    private Recorder overflowing(Overflow overflow, int threads) throws Exception {
        Recorder recorder = new Recorder(Long.MAX_VALUE);
        flux(overflow).subscribe(recorder);
        Runnable release = loop.hold();
        Calls.fromThreads(events.pointer, threads, 12 / threads, 0);
        release.run();
        loop.settle();
        return recorder;
    }

    /** What came, and what became of it. */
    private void assertValues(long events, long delivered, long discarded, long dropped) {
        CallbackMetrics seen = loop.metrics();
        assertThat(seen.events()).as("events").isEqualTo(events);
        assertThat(seen.delivered()).as("delivered").isEqualTo(delivered);
        assertThat(seen.discarded()).as("discarded").isEqualTo(discarded);
        assertThat(seen.dropped()).as("dropped").isEqualTo(dropped);
        assertThat(seen.queued()).as("queued").isEqualTo(events - delivered - discarded);
    }

    @Nested
    class OfASource {

        @Test
        void eventsAreDelivered() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            Calls.fromThreads(events.pointer, 4, 1_000, 0);
            Awaitility.await().until(() -> recorder.values.size() == 4_000);
            loop.settle();
            assertValues(4_000, 4_000, 0, 0);
        }

        @Test
        void thoseThatAreDeliveredThereAndThenToo() throws Exception {
            Recorder recorder = new Recorder(2);
            events.flux(options).subscribe(recorder);
            loop.run(() -> {
                events.fireHere(0, 3);
                return true;
            });
            assertThat(recorder.values).hasSize(2);
            assertValues(3, 2, 0, 0);
        }

        @Test
        void theNewestAreDropped() throws Exception {
            assertThat(overflowing(Overflow.dropNewest(4), 3).values).hasSize(4);
            assertValues(12, 4, 8, 8);
        }

        @Test
        void theOldestAreDropped() throws Exception {
            assertThat(overflowing(Overflow.dropOldest(4), 3).values).hasSize(4);
            assertValues(12, 4, 8, 8);
        }

        @Test
        void theOneThatEndsTheStreamIsDroppedAndThoseAfterItAreTooLate() throws Exception {
            assertThat(overflowing(Overflow.error(4), 1).values).hasSize(4);
            assertValues(12, 4, 8, 1);
        }

        @Test
        void theOneWhoseThreadWaitedTooLongIsDropped() throws Exception {
            flux(Overflow.block(4, Duration.ofMillis(1))).subscribe(new Recorder(0));
            events.fire(0, 5);
            assertValues(5, 0, 1, 1);
        }

        @Test
        void whatIsLeftOverAtTheEndIsDiscardedAndNotDropped() throws Exception {
            Recorder recorder = new Recorder(2);
            events.flux(options).subscribe(recorder);
            events.fire(0, 7);
            Awaitility.await().until(() -> recorder.values.size() == 2);
            recorder.cancel();
            loop.settle();
            assertValues(7, 2, 5, 0);
        }

        @Test
        void whatComesAfterTheEndIsDiscardedAndNotDropped() throws Exception {
            events.flux(options).subscribe(new Recorder(0));
            events.sink.complete();
            assertThat(events.sink.next(1L)).isFalse();
            loop.settle();
            assertValues(1, 0, 1, 0);
        }

        @Test
        void theQueuesDepthIsThatOfAllItsSubscriptions() throws Exception {
            events.flux(options).subscribe(new Recorder(0));
            events.fire(0, 3);
            Recorder second = new Recorder(0);
            events.flux(options).subscribe(second);
            events.fire(0, 4);
            assertThat(loop.metrics().queued()).isEqualTo(7);
            second.cancel();
            loop.settle();
            assertThat(loop.metrics().queued()).isEqualTo(3);
            assertValues(7, 0, 4, 0);
        }

        @Test
        void producersThatWaitForRoomAreCountedAndTheirValuesAreNotYet() throws Exception {
            Recorder recorder = new Recorder(0);
            flux(Overflow.block(2, Duration.ofHours(1))).subscribe(recorder);
            events.fire(0, 2);
            try (Source source = Source.events(events.pointer, 0)) {
                source.start(3, 1, 0);
                Awaitility.await().until(() -> loop.metrics().waiting() == 3);
                assertValues(2, 0, 0, 0);
                recorder.request(Long.MAX_VALUE);
                source.await();
                Awaitility.await().until(() -> recorder.values.size() == 5);
            }
            loop.settle();
            assertThat(loop.metrics().waiting()).isZero();
            assertValues(5, 5, 0, 0);
        }

        @Test
        void theReserveIsCounted() throws Exception {
            flux(Overflow.block(2, Duration.ofHours(1))).subscribe(new Recorder(0));
            loop.run(() -> {
                events.fireHere(0, 5);
                return true;
            });
            assertThat(loop.metrics().reserved()).isEqualTo(3);
            assertValues(5, 0, 0, 0);
        }

        @Test
        void subscribersAreThoseThatHaveNotUnregistered() throws Exception {
            assertThat(loop.metrics().subscribers()).isZero();
            List<Disposable> subscriptions = new ArrayList<>();
            for (int i = 1; i <= 3; i++) {
                subscriptions.add(events.flux(options).subscribeWith(new Recorder(0)));
                assertThat(loop.metrics().subscribers()).isEqualTo(i);
            }
            subscriptions.get(0).dispose();
            loop.settle();
            assertThat(loop.metrics().subscribers()).isEqualTo(2);
            scheduler.disposeGracefully().block(SOON);
            assertThat(loop.metrics().subscribers()).isZero();
            events.flux(options).subscribe(value -> {}, refused -> {});
            assertThat(loop.metrics().subscribers())
                    .as("the scheduler is disposed")
                    .isZero();
        }

        @Test
        void ofASharedStreamEachSubscriberCounts() throws Exception {
            Flux<Long> shared = NativeFlux.share(options, events);
            List<Recorder> recorders = List.of(new Recorder(9), new Recorder(9), new Recorder(9));
            recorders.forEach(shared::subscribe);
            loop.settle();
            events.fire(0, 5);
            loop.settle();
            assertThat(loop.metrics().subscribers()).isEqualTo(3);
            assertValues(15, 15, 0, 0);
            recorders.forEach(Recorder::cancel);
            loop.settle();
            events.sink.next(1L); // nobody is there
            assertValues(16, 15, 1, 0);
        }

        @Test
        void callsThatCameLateOrFailedOrWereRefusedAreCounted() throws Exception {
            AtomicReference<NativeCallback<OnAsk>> self = new AtomicReference<>();
            NativeCallback<OnAsk> callback = NativeCallback.direct(
                    CallbackOptions.named(name).onError(error -> {}),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> {
                        if (id == 1) {
                            throw new IllegalStateException("always");
                        }
                        // Nested without end: the last level is refused.
                        return CFunction.at(self.get().pointer(), OnAsk.class).onAsk(0, 0, 0);
                    },
                    null);
            self.set(callback);
            OnAsk ask = CFunction.at(callback.pointer(), OnAsk.class);
            ask.onAsk(0, 0, 1);
            ask.onAsk(0, 0, 1);
            ask.onAsk(0, 0, 0);
            callback.close();
            for (int i = 0; i < 3; i++) {
                ask.onAsk(0, 0, 1);
            }
            assertThat(loop.metrics())
                    .hasToString(
                            "CallbackMetrics[name=" + name
                                    + ", events=0, delivered=0, discarded=0, dropped=0, reserved=0,"
                                    + " lateCalls=3, failedCalls=2, refusedCalls=1, handledCalls=0, droppedCalls=0, cutCalls=0, mostQueuedCalls=0, queued=0, waiting=0, subscribers=0]");
        }

        @Test
        void whileItIsBusyEachSnapshotAddsUpAndNothingIsTakenBack() throws Exception {
            flux(Overflow.dropOldest(4)).subscribe(new Recorder(Long.MAX_VALUE));
            int ended = 0; // the counts of each of these move to its name
            try (Source source = Source.events(events.pointer, 0)) {
                source.start(2, 500_000, 0);
                CallbackMetrics last = loop.metrics();
                while (source.running() > 0) {
                    NativeFlux.<Long>create(options, sink -> sink.next(1L))
                            .subscribeWith(new Recorder(0))
                            .dispose();
                    ended++;
                    for (int i = 0; i < 100; i++) {
                        CallbackMetrics seen = loop.metrics();
                        assertThat(seen.queued()).isNotNegative();
                        assertThat(seen.delivered() + seen.discarded() + seen.queued())
                                .isEqualTo(seen.events());
                        assertThat(seen.events()).isGreaterThanOrEqualTo(last.events());
                        assertThat(seen.delivered()).isGreaterThanOrEqualTo(last.delivered());
                        assertThat(seen.discarded()).isGreaterThanOrEqualTo(last.discarded());
                        last = seen;
                    }
                }
            }
            loop.settle();
            CallbackMetrics seen = loop.metrics();
            assertThat(seen.events()).isEqualTo(1_000_000 + ended);
            assertThat(seen.delivered() + seen.dropped()).isEqualTo(1_000_000);
            assertThat(seen.discarded()).isEqualTo(seen.dropped() + ended);
        }
    }

    @Nested
    class OfAllSources {

        @Test
        void theNamesAreInOrder() {
            NativeFlux.create(CallbackOptions.named(name + "-b").on(scheduler), events)
                    .subscribeWith(new Recorder(Long.MAX_VALUE));
            NativeFlux.create(CallbackOptions.named(name + "-a").on(scheduler), events)
                    .subscribeWith(new Recorder(Long.MAX_VALUE));
            assertThat(CallbackMetrics.all())
                    .extracting(CallbackMetrics::name)
                    .containsSubsequence(name + "-a", name + "-b")
                    .isSorted();
            assertThat(CallbackMetrics.all())
                    .extracting(CallbackMetrics::toString)
                    .contains(CallbackMetrics.of(name + "-a").toString());
        }

        @Test
        void toReadANameDoesNotMakeIt() {
            assertThat(CallbackMetrics.of(name + "-nobody").events()).isZero();
            assertThat(CallbackMetrics.all()).extracting(CallbackMetrics::name).doesNotContain(name + "-nobody");
        }

        @Test
        void ofNamesWithoutEndTheLastAreKeptAndThoseInUse() throws Exception {
            events.flux(options).subscribe(new Recorder(0));
            events.fire(0, 3);
            NativeCallback<OnAsk> callback = NativeCallback.direct(
                    CallbackOptions.named(name + "-callback"),
                    CallbackType.of(OnAsk.class),
                    (thread, sequence, id) -> 0,
                    null);
            for (int i = 0; i < 1_000; i++) {
                CallbackOptions one = CallbackOptions.named(name + " once " + i).on(scheduler);
                NativeFlux.<Long>create(one, sink -> sink.complete()).blockLast(SOON);
            }
            Awaitility.await().until(() -> {
                System.gc();
                return once().size() <= 256;
            });
            assertThat(once()).contains(name + " once 999").doesNotContain(name + " once 0");
            events.flux(options).subscribe(new Recorder(0));
            assertThat(loop.metrics().subscribers()).as("with the one before").isEqualTo(2);
            assertThat(loop.metrics().queued()).isEqualTo(3);
            assertThat(CallbackMetrics.all()).extracting(CallbackMetrics::name).contains(name + "-callback");
            callback.close();
        }

        private List<String> once() {
            return CallbackMetrics.all().stream()
                    .map(CallbackMetrics::name)
                    .filter(each -> each.startsWith(name + " once "))
                    .toList();
        }
    }

    @Nested
    class OfAScheduler {

        private SchedulerMetrics seen() {
            return SchedulerMetrics.of(scheduler);
        }

        private void untilItSleeps() {
            Thread thread = ((LoopScheduler) scheduler).thread();
            Awaitility.await().pollInterval(Duration.ofMillis(1)).until(() -> {
                Thread.State state = thread.getState();
                return state == Thread.State.WAITING || state == Thread.State.NEW;
            });
        }

        @Test
        void eachTaskThatWakesItIsATurnAndAWakeUp() {
            untilItSleeps();
            SchedulerMetrics before = seen();
            for (int i = 1; i <= 10; i++) {
                CountDownLatch ran = new CountDownLatch(1);
                scheduler.schedule(ran::countDown);
                awaitLatch(ran);
                untilItSleeps();
                assertThat(seen().turns()).isEqualTo(before.turns() + i);
                assertThat(seen().wakeUps()).isEqualTo(before.wakeUps() + i);
            }
        }

        @Test
        void whatIsThereTogetherIsOneTurn() throws Exception {
            untilItSleeps();
            SchedulerMetrics before = seen();
            events.flux(options).subscribe(new Recorder(Long.MAX_VALUE));
            untilItSleeps();
            SchedulerMetrics subscribed = seen();
            Runnable release = loop.hold();
            events.fire(0, 50);
            release.run();
            Awaitility.await().until(() -> loop.metrics().delivered() == 50);
            untilItSleeps();
            assertThat(seen().turns()).isEqualTo(subscribed.turns() + 1);
            assertThat(seen().turns()).isGreaterThan(before.turns());
        }

        @Test
        void refsAreThoseOfTheUser() {
            assertThat(seen().refs()).isZero();
            scheduler.ref();
            scheduler.ref();
            assertThat(seen().refs()).isEqualTo(2);
            scheduler.unref();
            scheduler.unref();
            assertThat(seen().refs()).isZero();
        }

        @Test
        void sourcesAreSubscriptionsAndConfinedValues() throws Exception {
            Disposable subscription = events.flux(options).subscribeWith(new Recorder(Long.MAX_VALUE));
            Confined<AtomicLong> value = Confined.of(scheduler, new AtomicLong(), last -> {});
            assertThat(seen().sources()).isEqualTo(2);
            subscription.dispose();
            value.close();
            loop.settle();
            assertThat(seen().sources()).isZero();
        }

        @ParameterizedTest
        @ValueSource(longs = {0, 50_000})
        void theLongestTurnIsThatOfTheLongestWorkAndNeverThatOfASleep(long spin) throws Exception {
            LoopScheduler own = loop.another("turns", limits -> limits.spin(Duration.ofNanos(spin))).scheduler;
            assertThat(SchedulerMetrics.of(own).longestTurn()).isZero();
            long awake = 0;
            for (int i = 0; i < 5; i++) {
                long from = System.nanoTime();
                CountDownLatch ran = new CountDownLatch(1);
                own.schedule(ran::countDown);
                awaitLatch(ran);
                int turns = i + 1;
                Awaitility.await()
                        .pollDelay(Duration.ZERO)
                        .until(() -> own.loop().turns() == turns);
                awake = Math.max(awake, System.nanoTime() - from);
                Awaitility.await()
                        .pollDelay(Duration.ofMillis(20))
                        .until(() -> own.thread().getState() == Thread.State.WAITING);
            }
            assertThat(SchedulerMetrics.of(own).longestTurn())
                    .isPositive()
                    .isLessThanOrEqualTo(Duration.ofNanos(awake));

            AtomicLong worked = new AtomicLong();
            own.schedule(() -> {
                long from = System.nanoTime();
                while (System.nanoTime() - from < TimeUnit.MILLISECONDS.toNanos(30)) {
                    LockSupport.parkNanos(1_000_000);
                }
                worked.set(System.nanoTime() - from);
            });
            Awaitility.await().until(() -> own.loop().turns() == 6);
            assertThat(SchedulerMetrics.of(own).longestTurn()).isGreaterThanOrEqualTo(Duration.ofNanos(worked.get()));
        }

        @Test
        void allAreThoseWhoseThreadRuns() throws Exception {
            CallbackScheduler own = CallbackScheduler.create(name + "-own");
            assertThat(named(name + "-own")).as("before its first work").isZero();
            CountDownLatch ran = new CountDownLatch(1);
            own.schedule(ran::countDown);
            awaitLatch(ran);
            assertThat(named(name + "-own")).isEqualTo(1);
            own.disposeGracefully().block(SOON);
            assertThat(named(name + "-own")).as("after its end").isZero();
            assertThat(SchedulerMetrics.of(own).turns()).isPositive();
        }

        private static long named(String name) {
            return SchedulerMetrics.all().stream()
                    .filter(each -> each.name().equals(name))
                    .count();
        }
    }

    /** A figure more must not change what users have compiled against, as a constructor with one more parameter does. */
    @ParameterizedTest
    @ValueSource(classes = {CallbackMetrics.class, SchedulerMetrics.class, PoolMetrics.class})
    void canHaveMoreFigures(Class<?> type) {
        assertThat(type.getConstructors()).isEmpty();
        assertThat(Modifier.isFinal(type.getModifiers())).isTrue();
        assertThat(type.isRecord()).isFalse();
    }

    /** One value at a time: what is delivered shows before its subscriber returns, and the others are queued. */
    @Test
    void aSlowSubscriberIsSeenValueByValue() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        events.flux(options)
                .subscribe(value -> seen.add(
                        loop.metrics().delivered() + " " + loop.metrics().queued()));
        Runnable release = loop.hold();
        events.fire(0, 3);
        release.run();
        Awaitility.await().atMost(SOON).until(() -> seen.size() == 3);
        assertThat(seen).containsExactly("1 2", "2 1", "3 0");
    }

    @Nested
    class OfThePool {

        /** A C type that no other test uses: stubs of its own. */
        interface OfThisTest {
            void call(byte a, short b, byte c, short d, byte e, double f, float g);
        }

        private Disposable registered(boolean released) {
            return NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(OfThisTest.class, (a, b, c, d, e, f, g) -> {});
                        if (released) {
                            sink.onDispose(() -> sink.release(pointer));
                        }
                    })
                    .subscribeWith(new Recorder(Long.MAX_VALUE));
        }

        @Test
        void aStubIsMadeOnceAndIsInQuarantineUntilItIsUsedAgain() throws Exception {
            PoolMetrics before = PoolMetrics.now();
            registered(false).dispose();
            loop.settle();
            PoolMetrics one = PoolMetrics.now();
            assertThat(one.stubs()).isEqualTo(before.stubs() + 1);
            assertThat(one.quarantined()).isEqualTo(before.quarantined() + 1);
            registered(true).dispose();
            loop.settle();
            String two = "PoolMetrics[stubs=" + (before.stubs() + 2) + ", quarantined=" + (before.quarantined() + 1)
                    + ", reusedEarly=" + before.reusedEarly() + ", unknown="
                    + before.unknown() + "]";
            assertThat(PoolMetrics.now()).hasToString(two);
            registered(true).dispose();
            loop.settle();
            assertThat(PoolMetrics.now()).as("the released one, again").hasToString(two);
        }

        @Test
        void atTheCeilingTheyAreReusedEarly() {
            assertThat(ForkedJvm.of(AtTheCeiling.class)
                            .jvmOptions("-Dreactor.ffi.stubs.limit=1")
                            .run()
                            .assertExitedCleanly()
                            .out())
                    .contains("PoolMetrics[stubs=1, quarantined=1, reusedEarly=2, unknown=0]");
        }
    }

    static final class AtTheCeiling {
        public static void main(String[] args) {
            Flux<Long> flux = NativeFlux.create(sink -> {
                sink.callback(OnEvent.class, (thread, sequence, id) -> {});
                sink.complete();
            });
            flux.repeat(2).blockLast(SOON);
            System.out.println(PoolMetrics.now());
        }
    }
}
