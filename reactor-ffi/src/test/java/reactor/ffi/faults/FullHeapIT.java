package reactor.ffi.faults;

import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.FullHeap;
import reactor.ffi.fixture.Shape;
import reactor.ffi.fixture.Source;

/**
 * User code that fills the heap and throws what comes of that, with no memory left for anybody until a moment later: C gets
 * the fallback, the stream its end, and the JVM exits by itself, so what was registered is unregistered. (A handler of a
 * stream: {@code ThrowingIT.aHandlerThatThrowsWithTheHeapFullEndsItsStream}.)
 */
class FullHeapIT {

    private static final long MS = 1_000_000;

    /** Not with a struct: {@code ExceptionHazardsIT.aFullHeapAtACallWithAStructByValue}. */
    static Stream<Arguments> everywhere() {
        return Stream.of(Where.values())
                .flatMap(where -> Stream.of(Shape.NUMBERS, Shape.POINTERS).map(shape -> arguments(where, shape)));
    }

    @ParameterizedTest
    @MethodSource("everywhere")
    void whoeverFillsItEverythingEndsInOrder(Where where, Shape shape) {
        ForkedJvm.of(Full.class)
                .jvmOptions("-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .arguments(where.name(), shape.name())
                .timeout(Duration.ofSeconds(30))
                .run()
                .assertExitedCleanly()
                .assertOut("full", "wrong answers 0", where.outcome);
    }

    enum Where {
        SHARED_HANDLER("onError OutOfMemoryError"),
        HANDLER_THAT_ASKS("onError OutOfMemoryError"),
        ON_NEXT("stopped"),
        ANSWERED_HANDLER("failed 1"),
        DIRECT_HANDLER("failed 1"),
        CLOSURE("released");

        private final String outcome;

        Where(String outcome) {
            this.outcome = outcome;
        }
    }

    static final class Full {

        private static Shape shape = Shape.NUMBERS;

        /** A fallback with pointers needs memory for them; where there is none, C gets a zero. */
        private static long fallback = -7;

        private static final Thread MAKES_ROOM = new Thread(Full::makeRoom);

        private static final CallbackOptions OPTIONS =
                CallbackOptions.named("full").on(CallbackScheduler.create("full"));

        public static void main(String[] args) throws Exception {
            Hooks.onErrorDropped(error -> {});
            Schedulers.onHandleError((thread, error) -> {});
            MAKES_ROOM.start();
            Where where = Where.valueOf(args[0]);
            shape = Shape.valueOf(args[1]);
            fallback = shape == Shape.POINTERS ? 0 : fallback;
            switch (where) {
                case SHARED_HANDLER ->
                    subscribe(NativeFlux.share(
                            OPTIONS, sink -> register(sink, value -> sink.next(value), value -> fillAt(3, value))));
                case HANDLER_THAT_ASKS ->
                    NativeFlux.<Long, Long>exchange(
                                    OPTIONS,
                                    sink -> register(
                                            sink,
                                            value -> sink.ask(value, Duration.ofSeconds(20), fallback),
                                            value -> fillAt(3, value)))
                            .subscribe(exchange -> exchange.reply(1L), Full::print);
                case ON_NEXT ->
                    NativeFlux.<Long>create(OPTIONS, sink -> register(sink, value -> sink.next(value), value -> {}))
                            .subscribe(value -> fillAt(3, value), Full::print);
                case ANSWERED_HANDLER -> answered(shape.ask(Full::threadSafe, Full::answer, FALL_BACK));
                case DIRECT_HANDLER -> answered(shape.ask(Full::direct, Full::answer, FALL_BACK));
                case CLOSURE -> {
                    Confined<String> value =
                            Confined.of(OPTIONS.scheduler(), "value", last -> System.out.println("released"));
                    value.send(object -> FullHeap.fill());
                    value.close();
                    System.out.println("wrong answers 0");
                }
            }
            MAKES_ROOM.join();
        }

        private static final OnAsk FALL_BACK = (thread, sequence, id) -> fallback;

        private static <F> NativeCallback<F> threadSafe(CallbackType<F> type, F handler, F fallback) {
            return NativeCallback.threadSafe(OPTIONS, type, handler, fallback);
        }

        private static <F> NativeCallback<F> direct(CallbackType<F> type, F handler, F fallback) {
            return NativeCallback.direct(OPTIONS, type, handler, fallback);
        }

        private static long answer(int thread, long sequence, long id) {
            fillAt(1, sequence);
            return sequence + id;
        }

        /** This thread does nothing while there is no memory. */
        private static void answered(NativeCallback<?> callback) throws InterruptedException {
            try (callback;
                    Source source = Source.asking(callback.pointer(), 1, fallback)) {
                source.start(1, 3, 300 * MS); // there is memory again for the last of the three
                MAKES_ROOM.join();
                source.await();
                System.out.println("wrong answers " + source.wrongAnswers());
                System.out.println("failed " + CallbackMetrics.of("full").failedCalls());
            }
        }

        private static void subscribe(Flux<Long> flux) {
            flux.subscribe(value -> {}, Full::print);
        }

        private static void print(Throwable error) {
            System.out.println("onError " + error.getClass().getSimpleName());
        }

        private static void register(NativeSink<?> sink, Consumer<Long> first, Consumer<Long> then) {
            OnAsk handler = (thread, sequence, id) -> {
                first.accept(sequence);
                then.accept(sequence);
                return sequence + id;
            };
            Source source = Source.asking(shape.ask(sink::callback, handler, FALL_BACK), 1, fallback);
            source.start(1, -1, 5 * MS); // fewer than 128 calls: see ExceptionHazardsIT
            sink.onDispose(() -> {
                source.stop();
                System.out.println("stopped, wrong answers " + source.wrongAnswers());
            });
        }

        private static void fillAt(long at, long value) {
            if (value == at) {
                FullHeap.fill();
            }
        }

        private static void makeRoom() {
            try {
                FullHeap.makeRoomAMomentLater();
                System.out.println("full");
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
