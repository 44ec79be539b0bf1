package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.test.StepVerifier;

/** The statements on loops. The loop is the fixture's, which blocks as pcap_loop does, until it is broken or its count is reached. */
@Timeout(60)
class RunLoopTest {

    private static final String LIMIT = "reactor.ffi.loop.limit";

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("run-loop");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = CallbackOptions.named("runs-test").on(scheduler);
    private final List<String> order = new CopyOnWriteArrayList<>();
    private final AtomicReference<Thread> loopThread = new AtomicReference<>();

    @AfterEach
    void end() {
        System.clearProperty(LIMIT);
    }

    private final class Loop implements Registration<NativeSink<Long>> {

        private final long count;
        private final @Nullable Throwable thrown;

        Loop(long count, @Nullable Throwable thrown) {
            this.count = count;
            this.thrown = thrown;
        }

        @Override
        public void register(NativeSink<Long> sink) {
            sink.onDispose(() -> order.add("loop alive: " + loopThread.get().isAlive()));
            MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
            Source own = Source.events(pointer, 0);
            sink.onDispose(own::close);
            sink.runLoop(() -> {
                loopThread.set(Thread.currentThread());
                long fired = own.run(count, 100_000);
                order.add("loop has ended");
                if (thrown != null) {
                    throw thrown;
                }
                return fired;
            });
            sink.onDispose(() -> {
                order.add("stop");
                own.breakLoop();
            });
        }
    }

    private Flux<Long> loop(long count) {
        return NativeFlux.create(options, new Loop(count, null));
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @Nested
    class TheLoop {

        @Test
        void runsOnAPlatformThreadOfOursAndItsCallbacksBecomeValues() {
            StepVerifier.create(loop(-1).take(100))
                    .expectNextSequence(range(0, 100))
                    .verifyComplete();
            Thread thread = loopThread.get();
            assertThat(thread.isVirtual()).isFalse();
            assertThat(thread.isDaemon()).isTrue();
            assertThat(thread.getName()).isEqualTo("runs-test loop");
            assertThat(thread).isNotSameAs(((LoopScheduler) scheduler).thread());
        }

        @Test
        void isStoppedByTheActionPushedAfterItAndThenJoined() {
            Disposable subscription = loop(-1).subscribe();
            await().until(() -> loopThread.get() != null);
            subscription.dispose();
            await().untilAsserted(
                            () -> assertThat(order).containsExactly("stop", "loop has ended", "loop alive: false"));
        }

        @Test
        void completesTheStreamWhenItEnds() {
            StepVerifier.create(loop(50).doOnComplete(() -> order.add("complete")))
                    .expectNextSequence(range(0, 50))
                    .verifyComplete();
            assertThat(order).containsExactly("loop has ended", "stop", "loop alive: false", "complete");
        }

        @Test
        void failsTheStreamWithWhatItThrowsAfterItsValues() {
            for (Throwable thrown : List.of(new IOException("broken"), new StackOverflowError("on purpose"))) {
                StepVerifier.create(NativeFlux.create(options, new Loop(5, thrown)))
                        .expectNextSequence(range(0, 5))
                        .expectErrorSatisfies(e -> assertThat(e).isSameAs(thrown))
                        .verify(Duration.ofSeconds(10));
            }
        }

        @Test
        void thatThrowsWhenItIsStoppedIsADroppedError() {
            List<Throwable> dropped = new CopyOnWriteArrayList<>();
            Hooks.onErrorDropped(dropped::add);
            try {
                IOException closed = new IOException("closed while it ran");
                Disposable subscription =
                        NativeFlux.create(options, new Loop(-1, closed)).subscribe();
                await().until(() -> loopThread.get() != null);
                subscription.dispose();
                await().untilAsserted(() -> assertThat(dropped).containsExactly(closed));

                AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
                StepVerifier.create(NativeFlux.<Long>create(options, own -> {
                            sink.set(own);
                            new Loop(-1, closed).register(own);
                        }))
                        .thenConsumeWhile(value -> {
                            sink.get().complete();
                            return true;
                        })
                        .verifyComplete();
                await().untilAsserted(() -> assertThat(dropped).containsExactly(closed, closed));
            } finally {
                Hooks.resetOnErrorDropped();
            }
        }

        @Test
        void mayEndItsSubscriptionInACallback() {
            CountDownLatch ended = new CountDownLatch(1);
            Disposable.Swap self = Disposables.swap();
            Flux<Long> stream = NativeFlux.create(options, sink -> {
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    if (sequence == 10) {
                        self.dispose();
                    }
                });
                Source source = Source.events(pointer, 0);
                sink.onDispose(ended::countDown);
                sink.onDispose(source::close);
                sink.runLoop(() -> source.run(-1, 100_000));
                sink.onDispose(source::breakLoop);
            });
            self.update(stream.subscribe());
            awaitLatch(ended);
        }

        @Test
        void thatWaitsForRoomIsReleasedByTheEnd() {
            Recorder noDemand = new Recorder(0);
            NativeFlux.create(options.overflow(Overflow.block(4, Duration.ofHours(1))), new Loop(-1, null))
                    .subscribe(noDemand);
            await().until(() -> loopThread.get() != null && loopThread.get().getState() == Thread.State.TIMED_WAITING);
            noDemand.cancel();
            await().untilAsserted(
                            () -> assertThat(order).containsExactly("stop", "loop has ended", "loop alive: false"));
        }

        @Test
        void endsWithItsScheduler() {
            AtomicReference<Throwable> error = new AtomicReference<>();
            loop(-1).subscribe(value -> {}, error::set);
            await().until(() -> loopThread.get() != null);
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
            assertThat(error.get()).isInstanceOf(RejectedExecutionException.class);
            assertThat(order).containsExactly("stop", "loop has ended", "loop alive: false");
        }

        @Test
        void isNeverThereTwiceWhenTheStreamIsRepeated() {
            AtomicInteger live = new AtomicInteger();
            AtomicInteger most = new AtomicInteger();
            Flux<Integer> stream = NativeFlux.create(
                    options,
                    sink -> sink.runLoop(() -> {
                        most.accumulateAndGet(live.incrementAndGet(), Math::max);
                        sink.next(1);
                        live.decrementAndGet();
                        return 0;
                    }));
            StepVerifier.create(stream.repeat(99)).expectNextCount(100).verifyComplete();
            assertThat(most).hasValue(1);
        }

        @Test
        void mayBeOneOfSeveral() {
            Flux<Integer> stream = NativeFlux.create(options, sink -> {
                CountDownLatch end = new CountDownLatch(1);
                for (int i = 1; i <= 3; i++) {
                    int value = i;
                    sink.runLoop(() -> {
                        sink.next(value);
                        awaitLatch(end);
                        return 0;
                    });
                }
                sink.onDispose(end::countDown);
            });
            assertThat(stream.take(3).collectList().block(Duration.ofSeconds(10)))
                    .containsExactlyInAnyOrder(1, 2, 3);
        }

        @Test
        void isOfASharedStreamToo() {
            Flux<Long> shared = NativeFlux.share(options, new Loop(-1, null));
            StepVerifier.create(shared.take(10)).expectNextCount(10).verifyComplete();
            await().untilAsserted(
                            () -> assertThat(order).containsExactly("stop", "loop has ended", "loop alive: false"));
        }

        @Test
        void isRefusedAfterTheEnd() {
            AtomicReference<NativeSink<Long>> sink = new AtomicReference<>();
            StepVerifier.create(NativeFlux.<Long>create(options, own -> {
                        sink.set(own);
                        own.complete();
                    }))
                    .verifyComplete();
            assertThatIllegalStateException()
                    .isThrownBy(() -> sink.get().runLoop(() -> 0))
                    .withMessageContaining("the subscription of runs-test has ended");
        }
    }

    @Nested
    class TheJoin {

        @Test
        void isDeafToInterruptsAndSetsTheFlagAgain() {
            CountDownLatch stopped = new CountDownLatch(1);
            Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                        sink.onDispose(() -> order.add("interrupted: " + Thread.interrupted()));
                        sink.onDispose(() ->
                                order.add("loop alive: " + loopThread.get().isAlive()));
                        sink.runLoop(() -> {
                            loopThread.set(Thread.currentThread());
                            awaitLatch(stopped);
                            await().during(Duration.ofMillis(100)).until(order::isEmpty); // it takes a while to stop
                            order.add("loop has ended");
                            return 0;
                        });
                        sink.onDispose(() -> {
                            stopped.countDown();
                            Thread.currentThread().interrupt();
                        });
                    })
                    .subscribe();
            await().until(() -> loopThread.get() != null);
            subscription.dispose();
            await().untilAsserted(() ->
                    assertThat(order).containsExactly("loop has ended", "loop alive: false", "interrupted: true"));
        }

        @Test
        void ofALoopWhoseStopWasPushedBeforeItEndsAfterTheLimitWithALog() {
            System.setProperty(LIMIT, "200");
            CountDownLatch stop = new CountDownLatch(1);
            try (CapturedLog log = CapturedLog.start()) {
                Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                            sink.onDispose(() -> {
                                order.add("stop");
                                stop.countDown();
                            });
                            sink.runLoop(() -> {
                                loopThread.set(Thread.currentThread());
                                awaitLatch(stop);
                                return 0;
                            });
                        })
                        .subscribe();
                await().until(() -> loopThread.get() != null);
                long start = System.nanoTime();
                subscription.dispose();
                await().untilAsserted(() -> assertThat(order).containsExactly("stop"));
                assertThat(Duration.ofNanos(System.nanoTime() - start))
                        .isBetween(Duration.ofMillis(200), Duration.ofSeconds(5));
                assertThat(log.text())
                        .contains("the native loop of runs-test still runs after 200 ms")
                        .contains("push the action that stops it after sink.runLoop");
                await().until(() -> !loopThread.get().isAlive());
            }
        }

        @Test
        void hasALimitThatIsANumberOrItDoesNotBegin() {
            System.setProperty(LIMIT, "soon");
            StepVerifier.create(NativeFlux.<Long>create(options, sink -> sink.runLoop(() -> order.add("begun"))))
                    .verifyErrorMessage(
                            "system property reactor.ffi.loop.limit is 'soon'; it must be a number from 0 to 2147483647");
            assertThat(order).isEmpty();
        }

        @Test
        void isWatched() {
            System.setProperty(LIMIT, "400");
            TestScheduler impatient = loop.another("impatient", limits -> limits.warnAfter(Duration.ofMillis(50)));
            CountDownLatch stop = new CountDownLatch(1);
            try (CapturedLog log = CapturedLog.start()) {
                Disposable subscription = NativeFlux.<Long>create(
                                options.on(impatient.scheduler),
                                sink -> sink.runLoop(() -> {
                                    loopThread.set(Thread.currentThread());
                                    awaitLatch(stop);
                                    return 0;
                                }))
                        .subscribe();
                await().until(() -> loopThread.get() != null);
                subscription.dispose();
                await().until(() -> log.text().contains("still runs after 400 ms"));
                assertThat(log.text()).contains("the wait for the native loop of runs-test", "RunLoopTest");
            } finally {
                stop.countDown();
            }
        }
    }

    @Nested
    class ALoopThatWasJoined {

        @Test
        void isNotWatchedAnyMore() {
            TestScheduler impatient = loop.another("impatient", limits -> limits.warnAfter(Duration.ofMillis(500)));
            try (CapturedLog log = CapturedLog.start()) {
                StepVerifier.create(NativeFlux.create(options.on(impatient.scheduler), new Loop(-1, null))
                                .take(1))
                        .expectNextCount(1)
                        .verifyComplete();
                await().during(Duration.ofMillis(1_200))
                        .until(() -> !log.text().contains("the wait for the native loop"));
            }
        }
    }

    @Nested
    class AtExit {

        @Test
        void aLoopIsStoppedAndJoined() {
            var result = ForkedJvm.of(Exits.class).arguments("main").run().assertExitedWith(6);
            assertThat(result.out().lines()).containsExactly("stop", "the loop has ended", "unregistered");
        }

        @Test
        void aLoopThatItselfEndsTheJvmIsLeftAloneAndNamed() {
            var result = ForkedJvm.of(Exits.class).arguments("loop").run().assertExitedWith(6);
            assertThat(result.out()).isEmpty();
            assertThat(result.err()).contains("stays registered", "exits loop");
            assertThat(result.took()).isLessThan(Duration.ofSeconds(8));
        }
    }

    static final class Exits {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch running = new CountDownLatch(1);
            CountDownLatch stop = new CountDownLatch(1);
            NativeFlux.<Long>create(CallbackOptions.named("exits"), sink -> {
                        sink.onDispose(() -> System.out.println("unregistered"));
                        sink.runLoop(() -> {
                            running.countDown();
                            if (args[0].equals("loop")) {
                                System.exit(6);
                            }
                            awaitLatch(stop);
                            System.out.println("the loop has ended");
                            return 0;
                        });
                        sink.onDispose(() -> {
                            System.out.println("stop");
                            stop.countDown();
                        });
                    })
                    .subscribe();
            running.await();
            if (args[0].equals("main")) {
                System.exit(6);
            }
        }
    }
}
