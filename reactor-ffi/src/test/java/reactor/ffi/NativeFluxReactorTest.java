package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import io.micrometer.context.ContextRegistry;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.reactivestreams.Subscription;
import reactor.core.Scannable;
import reactor.core.Scannable.Attr;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Operators;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Raw;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;

/** What Reactor's own sources do besides emitting: context, hooks, scanning. */
class NativeFluxReactorTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("NativeFluxReactorTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final String name = loop.name;
    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    @Nested
    class Context {

        @Test
        void theRegistrationSeesTheSubscribersContext() {
            String seen = NativeFlux.<String>create(options, sink -> {
                        sink.next(sink.contextView().get("user"));
                        sink.complete();
                    })
                    .contextWrite(context -> context.put("user", "ada"))
                    .blockLast(SOON);
            assertThat(seen).isEqualTo("ada");
        }

        @Test
        void theDiscardHookIsTheOneOfTheContext() throws Exception {
            List<Object> outer = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(0);
            events.flux(options)
                    .contextWrite(context -> Operators.enableOnDiscard(context, outer::add))
                    .subscribe(recorder);
            events.fire(1, 2);
            recorder.cancel();
            loop.settle();
            assertThat(outer).containsExactly(1L, 2L);
        }
    }

    @Nested
    class AutomaticContextPropagation {

        private static final ThreadLocal<String> USER = new ThreadLocal<>();

        private Flux<Long> three() {
            return NativeFlux.create(options, sink -> {
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    sink.next(sequence);
                    if (sequence == 2) {
                        sink.complete();
                    }
                });
                Source source = Source.events(pointer, 0);
                sink.onDispose(source::close);
                source.start(1, 3, 0);
            });
        }

        private void propagating(Runnable test) throws Exception {
            ContextRegistry.getInstance().registerThreadLocalAccessor("user", USER);
            Hooks.enableAutomaticContextPropagation();
            USER.set("ada");
            try {
                test.run();
            } finally {
                USER.remove();
                Hooks.disableAutomaticContextPropagation();
                loop.settle(); // a task without the hook: what those before it had set is taken back, with the accessor
                // still there
                ContextRegistry.getInstance().removeThreadLocalAccessor("user");
            }
        }

        @Test
        void threadLocalsAreThereInOnNextAndInTheTerminalSignal() throws Exception {
            List<String> seen = new CopyOnWriteArrayList<>();
            propagating(() -> three().doOnNext(value -> seen.add(USER.get()))
                    .doOnComplete(() -> seen.add("end " + USER.get()))
                    .blockLast(SOON));
            assertThat(seen).containsExactly("ada", "ada", "ada", "end ada");
        }

        @Test
        void afterAnOperatorThatSubscribesAgainToo() throws Exception {
            List<String> seen = new CopyOnWriteArrayList<>();
            propagating(() -> three().repeat(1)
                    .doOnNext(value -> seen.add(USER.get()))
                    .flatMap(value -> three().doOnNext(inner -> seen.add(USER.get())))
                    .blockLast(SOON));
            assertThat(seen).hasSize(6 + 18).containsOnly("ada");
        }

        @Test
        void inEachSubscriberOfASharedStreamItsOwn() throws Exception {
            List<String> seen = new CopyOnWriteArrayList<>();
            propagating(() -> {
                Flux<Long> shared = NativeFlux.share(options, events);
                CountDownLatch ended = new CountDownLatch(2);
                for (String user : List.of("ada", "grace")) {
                    USER.set(user);
                    shared.doOnNext(value -> seen.add(user + " " + USER.get() + " " + value))
                            .doOnComplete(() -> seen.add(user + " " + USER.get() + " end"))
                            .doFinally(signal -> ended.countDown())
                            .contextCapture() // which a block() does by itself
                            .subscribe();
                }
                USER.set("nobody");
                Awaitility.await().until(() -> loop.metrics().subscribers() == 2 && events.registered.get() == 1);
                assertThatCode(() -> loop.settle()).doesNotThrowAnyException(); // both have joined
                events.fire(1, 2);
                events.sink.complete();
                awaitLatch(ended);
            });
            assertThat(seen)
                    .containsExactlyInAnyOrder(
                            "ada ada 1",
                            "ada ada 2",
                            "ada ada end",
                            "grace grace 1",
                            "grace grace 2",
                            "grace grace end");
        }

        @Test
        void inWhoeverAnswersAnExchange() throws Exception {
            List<String> seen = new CopyOnWriteArrayList<>();
            AtomicLong right = new AtomicLong();
            propagating(() -> NativeFlux.<Long, Long>exchange(options, sink -> {
                        MemorySegment pointer = sink.callback(
                                OnAsk.class, (thread, sequence, id) -> sink.ask(sequence + id, SOON, -1L));
                        Source source = Source.asking(pointer, 40, -1);
                        sink.onDispose(() -> {
                            source.await();
                            right.set(source.rightAnswers());
                            source.close();
                        });
                        source.start(1, 3, 0);
                    })
                    .doOnNext(exchange -> {
                        seen.add(USER.get());
                        exchange.reply(exchange.request());
                    })
                    .take(3)
                    .blockLast(SOON));
            loop.settle();
            assertThat(seen).containsExactly("ada", "ada", "ada");
            assertThat(right).hasValue(3);
        }

        @Test
        void theSchedulersThreadKeepsNothing() throws Exception {
            propagating(() -> three().blockLast(SOON));
            assertThat(loop.run(() -> String.valueOf(USER.get()))).isEqualTo("null");
        }
    }

    @Nested
    class AssemblyHooks {

        @Test
        void onEachOperatorSeesIt() {
            List<String> assembled = new CopyOnWriteArrayList<>();
            Hooks.onEachOperator("test", publisher -> {
                assembled.add(publisher.getClass().getSimpleName());
                return publisher;
            });
            try {
                events.flux(options);
                assertThat(assembled).containsExactly("FluxNative");
            } finally {
                Hooks.resetOnEachOperator("test");
            }
        }

        @Test
        void onLastOperatorSeesIt() throws Exception {
            List<String> last = new CopyOnWriteArrayList<>();
            Hooks.onLastOperator("test", publisher -> {
                last.add(publisher.getClass().getSimpleName());
                return publisher;
            });
            try {
                events.flux(options).subscribe().dispose();
                assertThat(last).containsExactly("FluxNative");
            } finally {
                Hooks.resetOnLastOperator("test");
            }
        }

        @Test
        void onOperatorDebugSaysWhereItWasAssembled() throws Exception {
            Hooks.onOperatorDebug();
            try {
                Recorder recorder = new Recorder(1);
                events.flux(options).map(value -> -value).subscribe(recorder);
                events.sink.error(new IllegalStateException("gone"));
                assertThat(recorder.error().getSuppressed()[0])
                        .hasMessageContaining("FluxNative.create")
                        .hasMessageContaining("Flux.map")
                        .hasMessageContaining(getClass().getSimpleName());
            } finally {
                Hooks.resetOnOperatorDebug();
            }
        }
    }

    @Nested
    class Scanning {

        private final AtomicReference<Subscription> subscription = new AtomicReference<>();

        private final Raw subscriber = new Raw() {
            @Override
            public void onSubscribe(Subscription s) {
                subscription.set(s);
            }
        };

        private Scannable subscribe() {
            events.flux(options).subscribe(subscriber);
            return Scannable.from(subscription.get());
        }

        @Test
        void theFluxSaysWhereItRuns() {
            Scannable flux = Scannable.from(events.flux(options));
            assertThat(flux.isScanAvailable()).isTrue();
            assertThat(flux.scan(Attr.RUN_ON)).isSameAs(scheduler);
            assertThat(flux.scan(Attr.RUN_STYLE)).isEqualTo(Attr.RunStyle.ASYNC);
            assertThat(flux.name()).isEqualTo(name);
            assertThat(Scannable.from(events.flux(options).map(value -> value)).parents())
                    .hasSize(1);
        }

        @Test
        void theSubscriptionSaysWhatItHolds() throws Exception {
            Scannable scan = subscribe();
            subscription.get().request(5);
            Runnable release = loop.hold();
            events.fire(1, 3);
            assertThat(scan.scanUnsafe(Attr.ACTUAL)).isSameAs(subscriber);
            assertThat(scan.scan(Attr.REQUESTED_FROM_DOWNSTREAM)).isEqualTo(5);
            assertThat(scan.scan(Attr.BUFFERED)).isEqualTo(3);
            assertThat(scan.scan(Attr.CAPACITY)).isEqualTo(64);
            assertThat(scan.scan(Attr.RUN_ON)).isSameAs(scheduler);
            assertThat(scan.scan(Attr.TERMINATED)).isFalse();
            assertThat(scan.scan(Attr.CANCELLED)).isFalse();
            assertThat(scan.scan(Attr.ERROR)).isNull();
            assertThat(subscription.get().toString()).contains(name).contains("block(64");

            events.sink.error(new IllegalStateException("gone"));
            assertThat(scan.scan(Attr.TERMINATED)).as("with values queued").isFalse();
            release.run();
            loop.settle();
            assertThat(scan.scan(Attr.BUFFERED)).isZero();
            assertThat(scan.scan(Attr.REQUESTED_FROM_DOWNSTREAM)).isEqualTo(2);
            assertThat(scan.scan(Attr.TERMINATED)).isTrue();
            assertThat(scan.scan(Attr.ERROR)).hasMessage("gone");
        }

        @Test
        void theSubscriptionSaysThatItIsCancelled() throws Exception {
            Scannable scan = subscribe();
            subscription.get().cancel();
            assertThat(scan.scan(Attr.CANCELLED)).isTrue();
            loop.settle();
            assertThat(scan.scan(Attr.TERMINATED)).isFalse();
        }

        @Test
        void theSubscriptionSaysThatItIsCompleted() throws Exception {
            Scannable scan = subscribe();
            events.sink.complete();
            loop.settle();
            assertThat(scan.scan(Attr.TERMINATED)).isTrue();
            assertThat(scan.scan(Attr.ERROR)).isNull();
        }
    }

    @Nested
    class Metrics {

        @Test
        void countWhatBecameOfEachCallAndEachValue() throws Exception {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            Recorder recorder = new Recorder(3);
            NativeFlux.<Long>create(
                            options,
                            sink -> pointer.set(sink.callback(OnEvent.class, (thread, i, id) -> {
                                if (i == 5) {
                                    throw new IllegalStateException("the sixth");
                                }
                                sink.next(i);
                            })))
                    .subscribe(recorder);
            Runnable release = loop.hold();
            Calls.fromThreads(pointer.get(), 1, 8, 0);
            release.run();
            loop.settle();
            recorder.cancel();
            loop.settle();
            Calls.fromThreads(pointer.get(), 1, 4, 0);
            assertThat(loop.metrics())
                    .hasToString(
                            "CallbackMetrics[name=" + name
                                    + ", events=7, delivered=3, discarded=4, dropped=0, reserved=0,"
                                    + " lateCalls=4, failedCalls=1, refusedCalls=0, handledCalls=0, droppedCalls=0, cutCalls=0, mostQueuedCalls=0, queued=0, waiting=0, subscribers=0]");
        }

        @Test
        void areZeroForANameThatNobodyUsed() {
            assertThat(CallbackMetrics.of("nobody"))
                    .hasToString(
                            "CallbackMetrics[name=nobody, events=0, delivered=0, discarded=0, dropped=0, reserved=0,"
                                    + " lateCalls=0, failedCalls=0, refusedCalls=0, handledCalls=0, droppedCalls=0, cutCalls=0, mostQueuedCalls=0, queued=0, waiting=0, subscribers=0]");
        }
    }
}
