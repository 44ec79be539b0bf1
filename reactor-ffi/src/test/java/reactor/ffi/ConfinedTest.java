package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.test.StepVerifier;

/** The statements on confined values. */
@Timeout(60)
class ConfinedTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("confined");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final CallbackOptions options =
            CallbackOptions.named("confined-test").on(scheduler).onError(reported::add);

    /** A value that must be used under the turn only, and not after its release. */
    static final class Log {

        private final CallbackScheduler scheduler;
        final List<Object> entries = new ArrayList<>();
        final AtomicInteger released = new AtomicInteger();
        final AtomicInteger misused = new AtomicInteger();
        volatile Thread releasedOn;

        Log(CallbackScheduler scheduler) {
            this.scheduler = scheduler;
        }

        void add(Object entry) {
            if (!scheduler.isCurrent() || released.get() != 0) {
                misused.incrementAndGet();
            }
            entries.add(entry);
        }

        int size() {
            return entries.size();
        }

        void release() {
            releasedOn = Thread.currentThread();
            released.incrementAndGet();
        }
    }

    private Confined<Log> log() {
        return Confined.create(options, () -> new Log(scheduler), Log::release);
    }

    private <T, R> R ask(Confined<T> confined, Confined.Query<T, R> query) {
        return confined.<R>call(query).block(Duration.ofSeconds(10));
    }

    private Thread thread() {
        return ((LoopScheduler) scheduler).thread();
    }

    /** Holds the scheduler's thread up. */
    private CountDownLatch busy() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        scheduler.schedule(() -> {
            begun.countDown();
            awaitLatch(end);
        });
        awaitLatch(begun);
        return end;
    }

    @Nested
    class TheValue {

        @Test
        void isMadeThoughNobodySendsAnything() {
            CountDownLatch made = new CountDownLatch(1);
            Confined<Log> confined = Confined.create(
                    options,
                    () -> {
                        made.countDown();
                        return new Log(scheduler);
                    },
                    Log::release);
            awaitLatch(made);
            confined.close();
        }

        @Test
        void livesOnTheSchedulersThread() {
            List<Thread> threads = new CopyOnWriteArrayList<>();
            Confined<String> confined = Confined.create(
                    scheduler,
                    () -> {
                        threads.add(Thread.currentThread());
                        return "value";
                    },
                    value -> threads.add(Thread.currentThread()));
            confined.send(value -> threads.add(Thread.currentThread()));
            String value = ask(confined, it -> {
                threads.add(Thread.currentThread());
                return it;
            });
            assertThat(value).isEqualTo("value");
            confined.close();
            await().until(() -> threads.size() == 4);
            assertThat(threads).containsOnly(thread());
        }

        @Test
        void thatWasMadeElsewhereIsTakenOver() {
            StringBuilder builder = new StringBuilder("made here");
            List<String> released = new CopyOnWriteArrayList<>();
            Confined<StringBuilder> confined = Confined.of(scheduler, builder, value -> released.add("" + value));
            confined.send(value -> value.append(", changed there"));
            confined.close();
            await().untilAsserted(() -> assertThat(released).containsExactly("made here, changed there"));
        }

        @Test
        void hasNoNullArguments() {
            assertThatNullPointerException().isThrownBy(() -> Confined.of(scheduler, null, v -> {}));
            assertThatNullPointerException().isThrownBy(() -> Confined.create(scheduler, null, v -> {}));
            assertThatNullPointerException().isThrownBy(() -> Confined.of(scheduler, "", null));
            try (Confined<String> confined = Confined.of(scheduler, "", v -> {})) {
                assertThatNullPointerException().isThrownBy(() -> confined.send(null));
                assertThatNullPointerException().isThrownBy(() -> confined.call(null));
            }
        }

        @Test
        void thatCannotBeMadeFailsAllThatIsSentToIt() {
            IllegalArgumentException failure = new IllegalArgumentException("no bar");
            Confined<String> confined = Confined.create(
                    options,
                    () -> {
                        throw failure;
                    },
                    value -> reported.add(new AssertionError("released")));
            StepVerifier.create(confined.call(String::length))
                    .expectErrorSatisfies(e -> assertThat(e)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessage("the value of confined-test could not be made")
                            .hasCause(failure))
                    .verify(Duration.ofSeconds(10));
            confined.send(value -> {});
            await().untilAsserted(() -> assertThat(reported).hasSize(2));
            assertThat(reported.get(0)).isSameAs(failure);
            assertThat(reported.get(1)).hasCause(failure);
            confined.close();
            assertThatIllegalStateException().isThrownBy(() -> confined.send(value -> {}));
            scheduler.disposeGracefully().block(Duration.ofSeconds(10)); // it is detached
            assertThat(reported).hasSize(2);
        }

        @Test
        void ofAMakerThatReturnsNothingCannotBeMade() {
            Confined<String> confined = Confined.create(options, () -> null, value -> {});
            StepVerifier.create(confined.call(String::length))
                    .expectErrorSatisfies(e -> assertThat(e).hasRootCauseMessage("the value is null"))
                    .verify(Duration.ofSeconds(10));
            confined.close();
        }
    }

    @Nested
    class Sending {

        @Test
        void keepsTheOrderOfEachNativeThread() {
            Confined<Log> confined = log();
            Confined<Log> clone = confined.share();
            try (NativeCallback<OnEvent> sending = NativeCallback.direct(
                    OnEvent.class,
                    (thread, sequence, id) ->
                            (thread % 2 == 0 ? confined : clone).send(log -> log.add(new long[] {thread, sequence})))) {
                Calls.fromThreads(sending.pointer(), 4, 5_000, 0);
            }
            List<Object> entries = ask(confined, log -> List.copyOf(log.entries));
            for (long thread = 0; thread < 4; thread++) {
                long number = thread;
                assertThat(entries.stream()
                                .map(long[].class::cast)
                                .filter(entry -> entry[0] == number)
                                .mapToLong(entry -> entry[1]))
                        .containsExactlyElementsOf(
                                LongStream.range(0, 5_000).boxed().toList());
            }
            confined.close();
            clone.close();
        }

        @Test
        void letsABackgroundTaskReportItsProgressAHundredTimes() {
            List<Integer> shown = new CopyOnWriteArrayList<>();
            AtomicInteger closed = new AtomicInteger();
            Confined<AtomicInteger> progress =
                    Confined.create(options, AtomicInteger::new, bar -> closed.set(bar.get()));
            Confined<AtomicInteger> mine = progress.share();
            try (NativeCallback<OnEvent> task = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                mine.send(bar -> shown.add(bar.incrementAndGet()));
                if (sequence == 99) {
                    mine.close();
                }
            })) {
                Calls.fromThreads(task.pointer(), 1, 100, 0);
            }
            int now = ask(progress, AtomicInteger::get);
            assertThat(now).isEqualTo(100);
            assertThat(shown).isEqualTo(IntStream.rangeClosed(1, 100).boxed().toList());
            progress.close();
            await().untilAsserted(() -> assertThat(closed).hasValue(100));
        }

        @Test
        void wakesTheSchedulerOnceForABurst() throws Exception {
            Confined<Log> confined = log();
            ask(confined, Log::size);
            LoopScheduler loop = (LoopScheduler) scheduler;
            await().until(() -> loop.thread().getState() == Thread.State.WAITING);
            long before = loop.loop().wakeUps();
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch end = new CountDownLatch(1);
            confined.send(log -> {
                begun.countDown();
                awaitLatch(end);
            });
            awaitLatch(begun);
            for (int i = 0; i < 10_000; i++) {
                confined.send(log -> log.add(""));
            }
            end.countDown();
            assertThat(ask(confined, Log::size)).isEqualTo(10_000);
            assertThat(loop.loop().wakeUps() - before).isLessThanOrEqualTo(2); // the burst, and maybe the question
            confined.close();
        }

        @Test
        void queuesOnTheSchedulersThreadToo() {
            Confined<Log> confined = log();
            confined.send(log -> {
                confined.send(inner -> inner.add("second"));
                log.add("first");
            });
            await().until(() -> ask(confined, Log::size) == 2);
            String entries = ask(confined, log -> log.entries.toString());
            assertThat(entries).isEqualTo("[first, second]");
            confined.close();
        }

        @Test
        void aClosureThatThrowsGoesToTheErrorHandlerAndHarmsNobody() {
            Confined<Log> confined = log();
            AssertionError failure = new AssertionError("thrown by a closure");
            confined.send(log -> log.add("before"));
            confined.send(log -> {
                throw failure;
            });
            confined.send(log -> log.add("after"));
            String entries = ask(confined, log -> log.entries.toString());
            assertThat(entries).isEqualTo("[before, after]");
            assertThat(reported).containsExactly(failure);
            confined.close();
        }

        @Test
        void anErrorHandlerThatThrowsHarmsNobodyEither() {
            Confined<Log> confined = Confined.create(
                    options.onError(e -> {
                        throw new IllegalStateException("broken handler", e);
                    }),
                    () -> new Log(scheduler),
                    log -> {
                        log.release();
                        throw new IllegalStateException("broken release");
                    });
            List<Throwable> uncaught = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError("confined-test", (thread, error) -> uncaught.add(error));
            try {
                confined.send(log -> {
                    throw new IllegalStateException("broken closure");
                });
                Log log = ask(confined, value -> value);
                confined.close();
                await().dontCatchUncaughtExceptions()
                        .untilAsserted(() -> assertThat(log.released).hasValue(1));
                scheduler.disposeGracefully().block(Duration.ofSeconds(10)); // it is detached
                assertThat(uncaught).hasSize(2);
            } finally {
                Schedulers.resetOnHandleError("confined-test");
            }
        }

        @Test
        void withoutAnErrorHandlerItIsAnErrorOfTheScheduler() {
            List<Throwable> uncaught = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError("confined-test", (thread, error) -> uncaught.add(error));
            try (Confined<String> confined = Confined.of(scheduler, "", v -> {})) {
                IllegalStateException failure = new IllegalStateException("thrown by a closure");
                confined.send(v -> {
                    throw failure;
                });
                await().dontCatchUncaughtExceptions()
                        .untilAsserted(() -> assertThat(uncaught).containsExactly(failure));
            } finally {
                Schedulers.resetOnHandleError("confined-test");
            }
        }
    }

    @Nested
    class Calling {

        @Test
        void isLazyAndAsksAnewForEachSubscriber() {
            Confined<Log> confined = log();
            Mono<Integer> size = confined.call(log -> {
                log.add("asked");
                return log.size();
            });
            assertThat(ask(confined, Log::size)).isZero();
            assertThat(size.block()).isEqualTo(1);
            assertThat(size.block()).isEqualTo(2);
            confined.close();
        }

        @Test
        void answersOnTheSchedulersThread() {
            try (Confined<String> confined = Confined.of(scheduler, "", v -> {})) {
                assertThat(confined.call(String::length)
                                .map(n -> Thread.currentThread())
                                .block())
                        .isSameAs(thread());
            }
        }

        @Test
        void withoutAnAnswerCompletesEmpty() {
            try (Confined<String> confined = Confined.of(scheduler, "", v -> {})) {
                StepVerifier.create(confined.call(v -> null)).verifyComplete();
            }
        }

        @Test
        void thatThrowsFailsItsMonoAndHarmsNobody() {
            Confined<Log> confined = log();
            Exception checked = new Exception("thrown by a query");
            Mono<Object> failing = confined.call(log -> {
                throw checked;
            });
            StepVerifier.create(failing)
                    .expectErrorSatisfies(e -> assertThat(e).isSameAs(checked))
                    .verify(Duration.ofSeconds(10));
            assertThat(ask(confined, Log::size)).isZero();
            assertThat(reported).isEmpty();
            confined.close();
        }

        @Test
        void cancelledBeforeItRunsIsPrevented() throws Exception {
            Confined<Log> confined = log();
            CountDownLatch end = busy();
            Disposable asking = confined.call(log -> {
                        log.add("asked");
                        return log.size();
                    })
                    .subscribe();
            asking.dispose();
            end.countDown();
            assertThat(ask(confined, Log::size)).isZero();
            confined.close();
        }
    }
}
