package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Until;

/** What becomes of a value that finds the queue full. */
class OverflowTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("OverflowTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    /** Longer than a test waits for a release, and no longer: a native thread that is not released is joined in the end. */
    private static final Duration LONG = SOON.multipliedBy(2);

    private final List<Long> discarded = new CopyOnWriteArrayList<>();
    private final AtomicReference<Scannable> subscription = new AtomicReference<>();

    private Recorder subscribe(Overflow overflow, long demand) {
        return subscribe(options.overflow(overflow), demand);
    }

    private Recorder subscribe(CallbackOptions changed, long demand) {
        Recorder recorder = new Recorder(demand);
        NativeFlux.create(changed, events)
                .doOnSubscribe(s -> subscription.set(Scannable.from(s)))
                .doOnDiscard(Long.class, discarded::add)
                .subscribe(recorder);
        return recorder;
    }

    private int queued() {
        return subscription.get().scanOrDefault(Scannable.Attr.BUFFERED, -1);
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    /** Native threads that fire one value each, 0, 1, 2 ..., and are not waited for. Closed with the test. */
    private void fireFrom(int threads) {
        sources.add(Source.events(events.pointer, 0).start(threads, 1, 0));
    }

    private final List<Source> sources = new CopyOnWriteArrayList<>();

    @AfterEach
    void joinTheNativeThreads() {
        sources.forEach(Source::close);
    }

    private static long waitingProducers() {
        return Thread.getAllStackTraces().values().stream()
                .filter(stack -> List.of(stack).stream()
                        .anyMatch(frame -> frame.getClassName().endsWith("stream.Inbox")
                                && frame.getMethodName().equals("park")))
                .count();
    }

    private static void awaitWaitingProducers(long n) {
        Awaitility.await().atMost(SOON).until(() -> waitingProducers() == n);
    }

    @Nested
    class WithCapacity {

        @ParameterizedTest
        @ValueSource(ints = {1, 2, 3, 5, 8192})
        void dropNewestKeepsTheFirst(int capacity) throws Exception {
            Recorder recorder = subscribe(Overflow.dropNewest(capacity), Long.MAX_VALUE);
            Runnable release = loop.hold();
            events.fire(0, capacity + 3);
            assertThat(queued()).isEqualTo(capacity);
            assertThat(discarded).isEqualTo(range(capacity, capacity + 3));
            release.run();
            settle(capacity);
            assertThat(recorder.values).isEqualTo(range(0, capacity));
            assertThat(loop.metrics().delivered()).isEqualTo(capacity);
            assertThat(loop.metrics().discarded()).isEqualTo(3);
            recorder.cancel();
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2, 3, 5, 8192})
        void dropOldestKeepsTheNewestInOrder(int capacity) throws Exception {
            Recorder recorder = subscribe(Overflow.dropOldest(capacity), Long.MAX_VALUE);
            Runnable release = loop.hold();
            events.fire(0, capacity + 3);
            assertThat(queued()).isEqualTo(capacity);
            assertThat(discarded).containsExactly(0L, 1L, 2L);
            release.run();
            settle(capacity);
            assertThat(recorder.values).isEqualTo(range(3, capacity + 3));
            recorder.cancel();
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2, 3, 5, 8192})
        void errorEndsTheStreamAfterWhatIsQueued(int capacity) throws Exception {
            Recorder recorder = subscribe(Overflow.error(capacity), Long.MAX_VALUE);
            Runnable release = loop.hold();
            events.fire(0, capacity + 3);
            assertThat(queued()).isEqualTo(capacity);
            release.run();
            assertThat(recorder.error()).matches(Exceptions::isOverflow).hasMessageContaining(name);
            assertThat(recorder.values).isEqualTo(range(0, capacity));
            assertThat(discarded).isEqualTo(range(capacity, capacity + 3));
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 2, 3, 5, 8192})
        void blockMakesTheNativeThreadWaitAndLosesNothing(int capacity) throws Exception {
            Recorder recorder = subscribe(Overflow.block(capacity, LONG), Long.MAX_VALUE);
            Runnable release = loop.hold();
            sources.add(Source.events(events.pointer, 0).start(1, capacity + 3, 0));
            awaitWaitingProducers(1);
            assertThat(queued()).isEqualTo(capacity);
            assertThat(sources.get(0).calls()).isEqualTo(capacity + 1);
            release.run();
            Awaitility.await().atMost(SOON).until(() -> recorder.values.size() == capacity + 3);
            assertThat(recorder.values).isEqualTo(range(0, capacity + 3));
            assertThat(discarded).isEmpty();
            recorder.cancel();
        }

        private void settle(int values) throws Exception {
            for (int i = 0; i <= values / 256; i++) {
                loop.settle();
            }
        }
    }

    @Test
    void latestKeepsOne() throws Exception {
        Recorder recorder = subscribe(Overflow.latest(), Long.MAX_VALUE);
        Runnable release = loop.hold();
        events.fire(0, 10);
        release.run();
        loop.settle();
        assertThat(recorder.values).containsExactly(9L);
        recorder.cancel();
    }

    @Test
    void unboundedKeepsAll() throws Exception {
        Recorder recorder = subscribe(Overflow.unbounded(), 0);
        events.fire(0, 30_000);
        assertThat(queued()).isEqualTo(30_000);
        recorder.request(Long.MAX_VALUE);
        Awaitility.await().atMost(SOON).until(() -> recorder.values.size() == 30_000);
        assertThat(recorder.values).isEqualTo(range(0, 30_000));
        recorder.cancel();
    }

    @Test
    void capacitiesAndLimitsAreChecked() {
        assertThatThrownBy(() -> Overflow.dropNewest(0)).hasMessageContaining("capacity is 0");
        assertThatThrownBy(() -> Overflow.error((1 << 26) + 1)).hasMessageContaining("capacity");
        assertThatThrownBy(() -> Overflow.block(1, Duration.ZERO)).hasMessageContaining("timeout is PT0S");
        assertThat(Overflow.block(3, LONG).reserve()).isEqualTo(192);
        assertThat(Overflow.error(3).reserve()).isZero();
    }

    @Nested
    class Waiting {

        @Test
        void noneSleepsWhileThereIsRoom() {
            Recorder recorder = subscribe(Overflow.block(3, LONG), 0);
            fireFrom(8);
            awaitWaitingProducers(5);
            assertThat(queued()).isEqualTo(3);
            recorder.request(2);
            awaitWaitingProducers(3);
            assertThat(queued()).isEqualTo(3);
            recorder.request(4);
            awaitWaitingProducers(0);
            Awaitility.await().atMost(SOON).until(() -> recorder.values.size() == 6 && queued() == 2);
            recorder.cancel();
        }

        @ParameterizedTest
        @ValueSource(ints = {1, 3})
        void severalAreAllServed(int capacity) {
            Recorder recorder = subscribe(Overflow.block(capacity, LONG), 0);
            sources.add(Source.events(events.pointer, 0).start(8, 1_000, 0));
            for (int served = 0; served < 8_000; served++) {
                recorder.request(1);
            }
            Awaitility.await().atMost(SOON).until(() -> recorder.values.size() == 8_000);
            assertThat(discarded).isEmpty();
            recorder.cancel();
        }

        /** While batch follows batch, only some are woken for each half of the queue: the last batch wakes the others. */
        @Test
        void noneSleepsWhenDemandEndsWithAFullBatch() {
            Recorder recorder = subscribe(Overflow.block(1024, LONG), 0);
            sources.add(Source.events(events.pointer, 0).start(1, 1024, 0));
            Awaitility.await().atMost(SOON).until(() -> queued() == 1024);
            fireFrom(4);
            awaitWaitingProducers(4);
            recorder.request(256);
            awaitWaitingProducers(0);
            assertThat(queued()).isEqualTo(1024 - 256 + 4);
            recorder.cancel();
        }

        @ParameterizedTest
        @ValueSource(ints = {256, 700, 1024})
        void allAreServedWhileBatchFollowsBatch(int capacity) throws Exception {
            AtomicLong served = new AtomicLong();
            Disposable subscription = NativeFlux.create(options.overflow(Overflow.block(capacity, LONG)), events)
                    .subscribe(value -> served.incrementAndGet());
            for (long round = 1; round <= 5; round++) {
                Runnable release = loop.hold();
                sources.add(Source.events(events.pointer, 0).start(8, 3L * capacity, 0));
                awaitWaitingProducers(8);
                release.run();
                long expected = round * 8 * 3 * capacity;
                Awaitility.await().atMost(SOON).until(() -> served.get() == expected);
            }
            subscription.dispose();
        }

        @Test
        void aCancelReleasesAllAtOnce() throws Exception {
            Recorder recorder = subscribe(Overflow.block(2, LONG), 0);
            fireFrom(8);
            awaitWaitingProducers(6);
            recorder.cancel();
            awaitWaitingProducers(0);
            loop.settle();
            assertThat(discarded).hasSize(8);
            assertThat(loop.metrics().discarded()).isEqualTo(8);
        }

        /** The error itself comes after the values that are queued, and those wait for demand. */
        @Test
        void anErrorReleasesAllAlthoughNobodyRequests() throws Exception {
            Recorder recorder = subscribe(Overflow.block(2, LONG), 0);
            fireFrom(8);
            awaitWaitingProducers(6);
            events.sink.error(new IllegalStateException("gone"));
            awaitWaitingProducers(0);
            assertThat(discarded).hasSize(6);
            recorder.request(2);
            assertThat(recorder.error()).hasMessage("gone");
        }

        @Test
        void completeReleasesAllAlthoughNobodyRequests() throws Exception {
            Recorder recorder = subscribe(Overflow.block(2, LONG), 0);
            fireFrom(8);
            awaitWaitingProducers(6);
            events.sink.complete();
            awaitWaitingProducers(0);
            recorder.request(2);
            assertThat(recorder.end()).startsWith("onComplete");
        }

        /** The end waits for the registration, which waits for the producer. */
        @Test
        void aCancelReleasesTheOneThatARegistrationWaitsFor() throws Exception {
            Recorder recorder = new Recorder(0);
            Thread subscriber =
                    new Thread(() -> NativeFlux.<Long>create(options.overflow(Overflow.block(1, LONG)), sink -> {
                                events.register(sink);
                                events.fire(0, 3);
                            })
                            .subscribe(recorder));
            subscriber.start();
            awaitWaitingProducers(1);
            recorder.cancel();
            subscriber.join(SOON.toMillis());
            assertThat(subscriber.isAlive()).isFalse();
            loop.settle();
            assertThat(events.unregistered).hasValue(1);
        }

        @Test
        void theLimitEndsTheStreamWithAnOverflowError() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, Duration.ofMillis(50)), 0);
            events.fire(0, 3);
            recorder.request(1);
            assertThat(recorder.error()).matches(Exceptions::isOverflow).hasMessageContaining("ms for room");
            assertThat(recorder.values).containsExactly(0L);
            assertThat(discarded).containsExactly(1L, 2L);
        }

        @Test
        void aLimitForEverIsOne() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, Duration.ofSeconds(Long.MAX_VALUE)), 0);
            fireFrom(2);
            awaitWaitingProducers(1);
            recorder.request(2);
            Awaitility.await().atMost(SOON).until(() -> recorder.values.size() == 2);
            recorder.cancel();
        }

        @Test
        void oneTooManyIsAsIfItsLimitHadPassed() throws Exception {
            Recorder recorder =
                    subscribe(options.overflow(Overflow.block(1, LONG)).maxWaiting(2), 0);
            fireFrom(3);
            awaitWaitingProducers(2);
            events.fire(9, 1);
            recorder.request(1);
            assertThat(recorder.error()).matches(Exceptions::isOverflow).hasMessageContaining("maxWaiting");
            awaitWaitingProducers(0);
            assertThat(discarded).hasSize(3).contains(9L);
        }

        @Test
        void aThreadThatHasWaitedIsNotHeldOnTo() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, LONG), 0);
            WeakReference<Thread> ended = new WeakReference<>(waitedThread(recorder));
            Awaitility.await().atMost(SOON).until(() -> {
                System.gc();
                return ended.get() == null;
            });
            recorder.cancel();
        }

        private Thread waitedThread(Recorder recorder) throws Exception {
            Thread producer = new Thread(() -> {
                events.sink.next(1L);
                events.sink.next(2L);
            });
            producer.start();
            awaitWaitingProducers(1);
            recorder.request(2);
            producer.join();
            return producer;
        }

        @Test
        void anInterruptIsRememberedAndDoesNotEndTheWait() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, LONG), 0);
            AtomicReference<Boolean> flag = new AtomicReference<>();
            Thread producer = new Thread(() -> {
                events.fireHere(0, 2);
                flag.set(Thread.currentThread().isInterrupted());
            });
            producer.start();
            awaitWaitingProducers(1);
            producer.interrupt();
            Awaitility.await().atMost(SOON).until(() -> !producer.isInterrupted());
            awaitWaitingProducers(1);
            recorder.request(1);
            producer.join(SOON.toMillis());
            assertThat(flag).hasValue(true);
            assertThat(discarded).isEmpty();
            recorder.cancel();
        }

        @Test
        void aLongWaitIsLoggedWithBothStacks() throws Exception {
            TestScheduler watched = loop.another("watched", limits -> limits.warnAfter(Duration.ofMillis(50)));
            try (CapturedLog log = new CapturedLog()) {
                Recorder recorder = subscribe(options.on(watched.scheduler).overflow(Overflow.block(1, LONG)), 0);
                fireFrom(2);
                Until.that("the wait is logged", () -> log.text().contains("the scheduler's thread"));
                assertThat(log.text())
                        .contains("waits for room in the queue of " + name)
                        .contains("Inbox.park")
                        .contains('"' + watched.name + '"');
                recorder.cancel();
            }
        }
    }

    /** Of threads that must not wait. */
    @Nested
    class Reserve {

        @Test
        void theSchedulersOwnThreadUsesItAndWhenItIsFullTheStreamEnds() throws Exception {
            Recorder recorder = subscribe(Overflow.block(2, LONG), 0);
            loop.run(() -> {
                events.fireHere(0, 2 + 128);
                return true;
            });
            assertThat(queued()).isEqualTo(130);
            assertThat(loop.metrics().reserved()).isEqualTo(128);
            assertThat(events.sink.isCancelled()).isFalse();
            loop.run(() -> {
                events.fireHere(130, 2);
                return true;
            });
            assertThat(events.sink.isCancelled()).isTrue();
            assertThat(discarded).containsExactly(130L, 131L);
            recorder.request(130);
            assertThat(recorder.error()).matches(Exceptions::isOverflow).hasMessageContaining("reserve");
            assertThat(recorder.values).isEqualTo(range(0, 130));
        }

        @Test
        void aNativeThreadWaitsUntilTheReserveIsEmptyAgain() throws Exception {
            Recorder recorder = subscribe(Overflow.block(2, LONG), 0);
            loop.run(() -> {
                events.fireHere(0, 5);
                return true;
            });
            fireFrom(1);
            awaitWaitingProducers(1);
            recorder.request(3);
            Awaitility.await().atMost(SOON).until(() -> queued() == 2);
            awaitWaitingProducers(1);
            recorder.request(1);
            awaitWaitingProducers(0);
            recorder.cancel();
        }

        @Test
        void aNonBlockingThreadUsesIt() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, LONG), 0);
            CountDownLatch fired = new CountDownLatch(1);
            Schedulers.parallel().schedule(() -> {
                events.fireHere(0, 3);
                fired.countDown();
            });
            awaitLatch(fired);
            assertThat(loop.metrics().reserved()).isEqualTo(2);
            recorder.cancel();
        }

        /** Native code that the scheduler's thread is in joins the producer. */
        @Test
        void aNativeThreadUsesItWhileTheTurnIsLent() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, LONG), Long.MAX_VALUE);
            loop.run(() -> {
                scheduler.runBlocking(() -> events.fire(0, 10));
                return true;
            });
            loop.settle();
            assertThat(recorder.values).isEqualTo(range(0, 10));
            assertThat(loop.metrics().reserved()).isEqualTo(9);
            recorder.cancel();
        }

        @Test
        void aNativeThreadThatWaitsAlreadyUsesItWhenTheTurnIsLent() throws Exception {
            Recorder recorder = subscribe(Overflow.block(1, LONG), 0);
            Source source = Source.events(events.pointer, 0).start(3, 1, 0);
            sources.add(source);
            awaitWaitingProducers(2);
            loop.run(() -> {
                scheduler.runBlocking(source::stop);
                return true;
            });
            assertThat(loop.metrics().reserved()).isEqualTo(2);
            assertThat(queued()).isEqualTo(3);
            recorder.cancel();
        }

        @Test
        void theOtherPoliciesHaveNone() throws Exception {
            Recorder recorder = subscribe(Overflow.dropNewest(1), 0);
            loop.run(() -> {
                events.fireHere(0, 3);
                return true;
            });
            assertThat(queued()).isEqualTo(1);
            recorder.cancel();
        }
    }
}
