package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.FullHeap;
import reactor.ffi.fixture.Shape;
import reactor.ffi.fixture.Source;

/**
 * Promises 2 and 3: whatever user code throws, on whichever thread, C gets an answer, the stream gets the error, and the JVM
 * lives. Each main ends by itself: that the JVM exits says that what was registered has been unregistered.
 */
class ThrowingIT {

    private static final long MS = 1_000_000;
    private static final long FALLBACK = -7;

    private static ForkedJvmResult run(Class<?> main, String... arguments) {
        return ForkedJvm.of(main)
                .jvmOptions("-Xmx64m", "-XX:+UseSerialGC")
                .arguments(arguments)
                .timeout(Duration.ofSeconds(30))
                .run()
                .assertExitedCleanly();
    }

    @ParameterizedTest
    @EnumSource
    void aHandlerThatThrowsEndsItsStreamAndCGetsTheFallback(Thrown thrown) {
        run(ThrowingHandler.class, thrown.name())
                .assertOut("onError " + thrown.type.getName(), "stopped", "wrong answers 0", "failed true");
    }

    static final class ThrowingHandler {
        public static void main(String[] args) {
            Thrown thrown = Thrown.valueOf(args[0]);
            NativeFlux.<Long>create(CallbackOptions.named("throwing"), sink -> {
                        OnAsk handler = (thread, sequence, id) -> {
                            sink.next(sequence);
                            if (sequence > 2) {
                                thrown.raise();
                            }
                            return sequence + id;
                        };
                        Source source = Source.asking(
                                sink.callback(OnAsk.class, handler, (thread, sequence, id) -> FALLBACK), 1, FALLBACK);
                        source.start(2, -1, MS);
                        sink.onDispose(() -> {
                            source.stop();
                            System.out.println("stopped, wrong answers " + source.wrongAnswers());
                        });
                    })
                    .subscribe(value -> {}, error -> {
                        System.out.println("onError " + error.getClass().getName());
                        System.out.println(
                                "failed " + (CallbackMetrics.of("throwing").failedCalls() > 0));
                    });
        }
    }

    /** Not with a struct: {@code ExceptionHazardsIT.aFullHeapAtACallWithAStructByValue}. */
    @ParameterizedTest
    @EnumSource(names = {"NUMBERS", "POINTERS"})
    void aHandlerThatThrowsWithTheHeapFullEndsItsStream(Shape shape) {
        run(HeapFull.class, shape.name()).assertOut("onError java.lang.OutOfMemoryError", "stopped");
    }

    static final class HeapFull {
        public static void main(String[] args) throws Exception {
            NativeFlux.<Long>create(sink -> {
                        OnEvent handler = (thread, sequence, id) -> {
                            sink.next(sequence);
                            if (sequence == 3) {
                                FullHeap.fill();
                            }
                        };
                        MemorySegment pointer =
                                Shape.valueOf(args[0]).event(sink::callback, handler, (thread, sequence, id) -> {});
                        Source source = Source.events(pointer, 1).start(1, -1, 5 * MS);
                        sink.onDispose(() -> {
                            source.stop();
                            System.out.println("stopped");
                        });
                    })
                    .subscribe(
                            value -> {},
                            error -> System.out.println(
                                    "onError " + error.getClass().getName()));
            FullHeap.makeRoomAMomentLater();
        }
    }

    static Stream<Arguments> policies() {
        return Stream.of("unbounded", "dropOldest")
                .flatMap(policy -> Stream.of(Shape.values()).map(shape -> arguments(policy, shape)));
    }

    /** Interpreted: each step of a hand-over is a call, and the end of the stack comes at every one of them. */
    @ParameterizedTest
    @MethodSource("policies")
    void aHandOverAtTheEndOfTheStackLeavesNoHoleInTheQueue(String policy, Shape shape) {
        ForkedJvm.of(EndOfStack.class)
                .jvmOptions("-Xint", "-XX:+UseSerialGC")
                .arguments(policy, shape.name())
                .timeout(Duration.ofSeconds(30))
                .run()
                .assertExitedCleanly()
                .assertOut("stack ends 200", "last value", "complete");
    }

    static final class EndOfStack {

        private static int depth;

        public static void main(String[] args) {
            Overflow overflow = args[0].equals("unbounded") ? Overflow.unbounded() : Overflow.dropOldest(4);
            NativeFlux.<Long>create(CallbackOptions.named("deep").overflow(overflow), sink -> {
                        int[] ends = new int[1];
                        OnEvent handler = (thread, sequence, id) -> {
                            try {
                                depth = 0;
                                handOver(sink, (int) id);
                            } catch (StackOverflowError end) {
                                ends[0]++;
                            }
                        };
                        MemorySegment pointer =
                                Shape.valueOf(args[1]).event(sink::callback, handler, (thread, sequence, id) -> {});
                        for (int i = 0; i < 200; i++) {
                            Calls.withStack(pointer, 200_000 + 16L * i, i);
                        }
                        System.out.println("stack ends " + ends[0]);
                        sink.next(-1L);
                        sink.complete();
                    })
                    .subscribe(
                            value -> {
                                if (value < 0) {
                                    System.out.println("last value");
                                }
                            },
                            Throwable::printStackTrace,
                            () -> System.out.println("complete"));
        }

        /** Down to the end; some values on the way, all of the last ones. */
        @SuppressWarnings("InfiniteRecursion")
        private static void handOver(NativeSink<Long> sink, int id) {
            if (++depth > 300) {
                sink.next((long) id);
            }
            handOver(sink, id);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSubscriberThatThrowsCancelsAndIsHeardOf(Thrown thrown) {
        ForkedJvmResult result = run(ThrowingSubscriber.class, thrown.name()).assertOut("stopped", "still alive");
        assertThat(result.out() + result.err()).contains(thrown.type.getName());
    }

    static final class ThrowingSubscriber {
        public static void main(String[] args) {
            Thrown thrown = Thrown.valueOf(args[0]);
            CallbackScheduler scheduler = CallbackScheduler.create("throwing");
            events(CallbackOptions.named("throwing").on(scheduler), () -> after(scheduler))
                    .subscribe(
                            value -> thrown.raise(),
                            error -> System.out.println(
                                    "onError " + error.getClass().getName()));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRawSubscriberThatThrowsFromEachMethodEndsNothingElse(Thrown thrown) {
        ForkedJvmResult result = run(RawSubscriber.class, thrown.name())
                .assertOut(
                        "stopped onNext", "stopped onComplete", "stopped onError", "onSubscribe threw", "still alive");
        assertThat(result.err()).contains(thrown.type.getName());
    }

    static final class RawSubscriber {
        public static void main(String[] args) throws Exception {
            Thrown thrown = Thrown.valueOf(args[0]);
            CallbackScheduler scheduler = CallbackScheduler.create("throwing");
            CallbackOptions options = CallbackOptions.named("throwing").on(scheduler);
            for (String where : List.of("onNext", "onComplete", "onError", "onSubscribe")) {
                CountDownLatch stopped = new CountDownLatch(where.equals("onSubscribe") ? 0 : 1);
                Flux<Long> events = NativeFlux.create(options, sink -> {
                    Source source = Source.events(
                                    sink.callback(OnEvent.class, (thread, sequence, id) -> {
                                        sink.next(sequence);
                                        if (where.equals("onComplete")) {
                                            sink.complete();
                                        } else if (where.equals("onError")) {
                                            sink.error(new IllegalArgumentException("the source's own"));
                                        }
                                    }),
                                    1)
                            .start(1, -1, MS);
                    sink.onDispose(() -> {
                        source.stop();
                        System.out.println("stopped " + where);
                        stopped.countDown();
                    });
                });
                try {
                    events.subscribe(new Throwing(thrown, where));
                } catch (Throwable _) {
                    System.out.println(where + " threw");
                }
                stopped.await();
            }
            after(scheduler);
        }
    }

    private record Throwing(Thrown thrown, String where) implements CoreSubscriber<Long> {

        private void raise(String here) {
            if (where.equals(here)) {
                thrown.raise();
            }
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
            raise("onSubscribe");
        }

        @Override
        public void onNext(Long value) {
            raise("onNext");
        }

        @Override
        public void onError(Throwable error) {
            raise("onError");
        }

        @Override
        public void onComplete() {
            raise("onComplete");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSubscriberThatThrowsBelowCOnTheSchedulersThreadDoesNotUnwindC(Thrown thrown) {
        run(ThrowingHere.class, thrown.name()).assertOut("C returned", "stopped", "still alive");
    }

    static final class ThrowingHere {
        public static void main(String[] args) {
            Thrown thrown = Thrown.valueOf(args[0]);
            CallbackScheduler scheduler = CallbackScheduler.create("throwing");
            NativeFlux.<Long>create(CallbackOptions.named("throwing").on(scheduler), sink -> {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        scheduler.schedule(() -> {
                            Calls.n(pointer, 3, 1);
                            System.out.println("C returned");
                        });
                        sink.onDispose(() -> {
                            System.out.println("stopped");
                            after(scheduler);
                        });
                    })
                    .subscribe(new Throwing(thrown, "onNext"));
        }
    }

    @Test
    void onNextDroppedFailDoesNotReachC() {
        run(DroppedFail.class).assertOut("C returned", "stopped", "still alive");
    }

    static final class DroppedFail {
        public static void main(String[] args) {
            Hooks.onNextDroppedFail();
            CallbackScheduler scheduler = CallbackScheduler.create("dropping");
            NativeFlux.<Long>create(CallbackOptions.named("dropping").on(scheduler), sink -> {
                        MemorySegment pointer =
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                        scheduler.schedule(() -> {
                            Calls.n(pointer, 3, 1);
                            Calls.fromThreads(pointer, 2, 3, 1);
                            System.out.println("C returned");
                        });
                        sink.onDispose(() -> {
                            System.out.println("stopped");
                            after(scheduler);
                        });
                    })
                    .flatMap(value ->
                            Flux.error(new IllegalStateException("of the second value, the first has ended it")))
                    .onErrorStop()
                    .subscribe(value -> {}, error -> {});
        }
    }

    @Test
    void anOnErrorDroppedHookThatThrowsDoesNotReachC() {
        run(ErrorDropped.class).assertOut("dropped first", "dropped the hook's own", "stopped", "still alive");
    }

    static final class ErrorDropped {
        public static void main(String[] args) {
            Hooks.onErrorDropped(error -> {
                System.out.println("dropped " + error.getMessage());
                throw new IllegalStateException("the hook's own", error);
            });
            CallbackScheduler scheduler = CallbackScheduler.create("dropping");
            CountDownLatch cancelled = new CountDownLatch(1);
            NativeFlux.<Long>create(CallbackOptions.named("dropping").on(scheduler), sink -> {
                        Source source = Source.events(
                                        sink.callback(OnEvent.class, (thread, sequence, id) -> {
                                            sink.next(sequence);
                                            await(cancelled);
                                            sink.error(new IllegalArgumentException("first"));
                                        }),
                                        1)
                                .start(1, -1, MS);
                        sink.onDispose(() -> {
                            System.out.println("stopped");
                            after(scheduler);
                            throw new IllegalArgumentException("second");
                        });
                        sink.onDispose(source::stop);
                    })
                    .doOnCancel(cancelled::countDown)
                    .take(1)
                    .subscribe();
        }
    }

    @Test
    void aDiscardHookThatThrowsDoesNotReachC() {
        run(Discarding.class).assertOut("stopped", "still alive");
    }

    static final class Discarding {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("discarding");
            events(
                            CallbackOptions.named("discarding").on(scheduler).overflow(Overflow.dropOldest(1)),
                            () -> after(scheduler))
                    .limitRate(1)
                    .delayElements(Duration.ofMillis(5))
                    .take(10)
                    .doOnDiscard(Long.class, value -> {
                        throw new StackOverflowError("of the discard hook");
                    })
                    .subscribe();
        }
    }

    private static Flux<Long> events(CallbackOptions options, Runnable stopped) {
        return NativeFlux.create(options, sink -> {
            Source source = Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 1)
                    .start(2, -1, MS);
            sink.onDispose(() -> {
                source.stop();
                System.out.println("stopped");
                stopped.run();
            });
        });
    }

    /** The scheduler takes another stream: what one has thrown is nothing to the next. */
    private static void after(CallbackScheduler scheduler) {
        NativeFlux.<Long>create(CallbackOptions.named("after").on(scheduler), sink -> {
                    MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                    Calls.fromThreads(pointer, 1, 3, 1);
                })
                .take(3)
                .collectList()
                .subscribe(values -> System.out.println("still alive " + values));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
