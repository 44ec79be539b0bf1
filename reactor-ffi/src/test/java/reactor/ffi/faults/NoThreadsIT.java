package reactor.ffi.faults;

import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCall;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.NoThreads;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Values;

/**
 * A moment in which no thread can be started: what needs one fails there, with an error that reaches the caller or the
 * subscriber, and leaves nothing behind. When threads are to be had again all of it works, and the JVM exits by itself.
 */
@EnabledOnOs(OS.LINUX)
class NoThreadsIT {

    private static final Duration LIMIT = Duration.ofSeconds(20);

    @ParameterizedTest
    @EnumSource
    void leavesNothingBehind(What what) {
        run(what, "alone");
    }

    /** The thread that keeps the JVM up runs already, and so a ref needs none; the scheduler's does not. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "REF")
    void leavesNothingBehindWhereSomethingElseKeepsTheJvmUp(What what) {
        run(what, "kept up");
    }

    private static void run(What what, String how) {
        ForkedJvm.of(Child.class)
                .jvmOptions(NoThreads.JVM_OPTION, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .arguments(what.name(), how)
                .timeout(Duration.ofSeconds(60))
                .run()
                .assertExitedCleanly()
                .assertOut(what.outcome.split("; "));
    }

    enum What {
        STREAM("onError OutOfMemoryError; refs 0 sources 0; then 3 values"),
        SHARED_STREAM("onError OutOfMemoryError; refs 0 sources 0; then 3 values"),
        EXCHANGE("onError OutOfMemoryError; refs 0 sources 0; then 3 values"),
        CONFINED("thrown OutOfMemoryError; refs 0 sources 0; then value"),
        THREAD_SAFE("thrown OutOfMemoryError; refs 0 sources 0; then answered"),
        SYNCHRONOUS("thrown OutOfMemoryError; refs 0 sources 0; then answered"),
        DIRECT("thrown OutOfMemoryError; then answered"),
        CALL("the fallback; then the answer"),
        REF("thrown OutOfMemoryError; refs 0; then 1"),
        TASK("thrown OutOfMemoryError; then ran 1"),
        OFFLOAD("onError OutOfMemoryError; then result"),
        LEND("lent; then lent"),
        CLOSED("closed; then closed"),
        DISPOSED("then disposed");

        private final String outcome;

        What(String outcome) {
            this.outcome = outcome;
        }
    }

    static final class Child {

        private static final CallbackScheduler SCHEDULER =
                CallbackScheduler.create(SchedulerOptions.named("threadless").warnAfter(Duration.ofMillis(50)));
        private static final CallbackOptions OPTIONS =
                CallbackOptions.named("threadless").on(SCHEDULER);

        public static void main(String[] args) throws Throwable {
            if (!args[0].equals("LEND")) { // that one needs a JVM in which nothing was lent so far
                warmUp();
            }
            CallbackScheduler other = CallbackScheduler.create("other");
            if (args[1].equals("kept up")) {
                other.ref();
            }
            switch (What.valueOf(args[0])) {
                case STREAM -> stream(NativeFlux.create(OPTIONS, Child::register));
                case SHARED_STREAM -> stream(NativeFlux.share(OPTIONS, Child::register));
                case EXCHANGE ->
                    stream(NativeFlux.<Long, Long>exchange(OPTIONS, sink -> {
                                Source source = Source.asking(
                                        sink.callback(
                                                OnAsk.class, (thread, sequence, id) -> sink.ask(sequence, LIMIT, -1L)),
                                        0,
                                        -1);
                                source.start(1, -1, 1_000_000);
                                sink.onDispose(source::stop);
                            })
                            .map(exchange -> {
                                exchange.reply(exchange.request());
                                return exchange.request();
                            }));
                case CONFINED ->
                    twice(() -> {
                        try (Confined<String> value = Confined.create(OPTIONS, () -> "value", last -> {})) {
                            return value.call(it -> it).block(LIMIT);
                        }
                    });
                case THREAD_SAFE ->
                    twice(() -> answered(NativeCallback.threadSafe(SCHEDULER, EchoSegment.class, it -> it)));
                case SYNCHRONOUS ->
                    twice(() -> {
                        try (NativeCallback<EchoSegment> callback =
                                NativeCallback.synchronous(SCHEDULER, EchoSegment.class, it -> it)) {
                            return Mono.fromCallable(() -> asked(callback, false))
                                    .subscribeOn(SCHEDULER)
                                    .block(LIMIT);
                        }
                    });
                case DIRECT -> twice(() -> answered(NativeCallback.direct(EchoSegment.class, it -> it)));
                case CALL -> call();
                case REF -> twice(() -> "" + SCHEDULER.ref());
                case TASK -> {
                    AtomicInteger ran = new AtomicInteger();
                    twice(() -> {
                        CountDownLatch done = new CountDownLatch(1);
                        SCHEDULER.schedule(ran::incrementAndGet);
                        SCHEDULER.schedule(done::countDown);
                        awaitLatch(done);
                        return "ran " + ran;
                    });
                }
                case OFFLOAD -> offload();
                case LEND -> lend();
                case CLOSED -> closed();
                case DISPOSED -> disposed();
            }
            other.unref();
            SCHEDULER.dispose(); // takes its refs with it
        }

        /** Links what needs memory, without the threads that a callback or a confined value needs. */
        private static void warmUp() {
            NativeFlux.create(CallbackOptions.named("warm").keepAlive(false), sink -> {
                        MemorySegment pointer = sink.callback(EchoSegment.class, it -> it);
                        Values.askPointer(pointer, MemorySegment.NULL, false);
                        sink.complete();
                    })
                    .blockLast(LIMIT);
        }

        private static String answered(NativeCallback<EchoSegment> callback) {
            try (callback) {
                return asked(callback, true);
            }
        }

        private static String asked(NativeCallback<EchoSegment> callback, boolean onThread) {
            MemorySegment given = MemorySegment.ofAddress(0x1234_5678_9abcL);
            return Values.askPointer(callback.pointer(), given, onThread).equals(given) ? "answered" : "the fallback";
        }

        private static void left() {
            System.out.println("refs " + SCHEDULER.refCount() + " sources "
                    + SchedulerMetrics.of(SCHEDULER).sources());
        }

        private static void twice(NativeCall<?> what) throws Throwable {
            NoThreads.begin();
            for (int i = 0; i < 3; i++) {
                try {
                    System.out.println("without a thread: " + what.call());
                } catch (Throwable thrown) {
                    System.out.println("thrown " + thrown.getClass().getSimpleName());
                }
            }
            left();
            NoThreads.end();
            System.out.println("then " + what.call());
        }

        private static void register(NativeSink<Long> sink) {
            Source source =
                    Source.events(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 1);
            source.start(1, -1, 1_000_000);
            sink.onDispose(source::stop);
        }

        private static void stream(Flux<Long> flux) {
            NoThreads.begin();
            for (int i = 0; i < 3; i++) {
                try {
                    flux.subscribe(
                            value -> {},
                            error -> System.out.println(
                                    "onError " + error.getClass().getSimpleName()));
                } catch (Throwable thrown) {
                    System.out.println("thrown " + thrown.getClass().getSimpleName());
                }
            }
            left();
            NoThreads.end();
            System.out.println("then " + flux.take(3).count().block(LIMIT) + " values");
        }

        /** The scheduler's thread has not started when native code calls. */
        private static void call() throws Throwable {
            try (NativeCallback<EchoSegment> callback = NativeCallback.threadSafe(
                    OPTIONS.onError(error -> System.out.println(error.getClass().getSimpleName())),
                    CallbackType.of(EchoSegment.class),
                    it -> it,
                    it -> MemorySegment.NULL)) {
                NoThreads.begin();
                System.out.println(asked(callback, true));
                NoThreads.end();
                System.out.println(asked(callback, true).equals("answered") ? "then the answer" : "no answer");
            }
        }

        private static void offload() {
            Mono<String> offload = SCHEDULER.offload(() -> "result");
            NoThreads.begin();
            for (int i = 0; i < 3; i++) {
                offload.subscribe(
                        value -> System.out.println("without a thread: " + value),
                        error ->
                                System.out.println("onError " + error.getClass().getSimpleName()));
            }
            left();
            NoThreads.end();
            System.out.println("then " + offload.block(LIMIT));
        }

        /** The first lend of all starts the thread that warns. */
        private static void lend() {
            Mono<String> lend = Mono.fromCallable(() -> SCHEDULER.callBlocking(() -> {
                        Thread.sleep(200); // a lend that lasts longer than the warning time is what is tested
                        return "lent";
                    }))
                    .subscribeOn(SCHEDULER);
            Mono.fromRunnable(() -> {}).subscribeOn(SCHEDULER).block(LIMIT);
            NoThreads.begin();
            System.out.println(lend.block(LIMIT));
            NoThreads.end();
            System.out.println("then " + lend.block(LIMIT));
        }

        /** A handler runs while its callback is closed, and leaves before threads are to be had again. */
        private static void closed() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch leave = new CountDownLatch(1);
            AtomicBoolean left = new AtomicBoolean();
            NativeCallback<OnEvent> callback = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                inside.countDown();
                awaitLatch(leave);
                left.set(true);
            });
            Thread caller = new Thread(() -> Calls.n(callback.pointer(), 1, 0));
            caller.start();
            awaitLatch(inside);
            NoThreads.begin();
            callback.close();
            callback.closed().subscribe(null, null, () -> System.out.println(left.get() ? "closed" : "too early"));
            NoThreads.end();
            leave.countDown();
            caller.join();
            callback.closed().block(LIMIT);
            System.out.println("then closed");
        }

        private static void disposed() {
            SCHEDULER.schedule(() -> {});
            NoThreads.begin();
            SCHEDULER.dispose();
            SCHEDULER.disposeGracefully().block(LIMIT);
            NoThreads.end();
            System.out.println("then disposed");
        }
    }
}
