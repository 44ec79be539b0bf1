package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static reactor.ffi.fixture.Latches.awaitLatch;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Routed;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestScheduler;

/** What is promised of callbacks with a pointer of their own is promised of those that share theirs. */
class UserDataLifeTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("UserDataLifeTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final String name = loop.name;
    private final CallbackOptions options = loop.options;

    private static final CallbackType<OnReading> READING = UserDataTest.READING;
    private static final CallbackType<OnAsk> ASK = CallbackType.of(OnAsk.class).userData(2);

    private final List<MemorySegment> pointers = new CopyOnWriteArrayList<>();
    private final List<MemorySegment> userData = new CopyOnWriteArrayList<>();

    private static long index(MemorySegment userData) {
        return userData.address() & 0x3fffff;
    }

    @Nested
    class TheBoundary {

        @Test
        void endsTheStreamWithWhatAHandlerThrowsAndTheFallbackAnswers() throws Exception {
            Recorder recorder = new Recorder(1);
            AtomicReference<MemorySegment> handedBack = new AtomicReference<>();
            AtomicInteger answered = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(
                                READING,
                                (sequence, value, data) -> {
                                    throw new IllegalStateException("on purpose");
                                },
                                (sequence, value, data) -> {
                                    handedBack.set(data);
                                    answered.incrementAndGet();
                                }));
                    })
                    .subscribe(recorder);
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(recorder.error()).hasMessage("on purpose");
            assertThat(answered).hasValue(1);
            assertThat(handedBack.get()).isEqualTo(userData.get(0));
            assertThat(loop.metrics().failedCalls()).isEqualTo(1);
        }

        interface WithPointerAndStruct {
            MemorySegment call(MemorySegment userData, MemorySegment text, MemorySegment point, short last);
        }

        private static final StructLayout POINT =
                MemoryLayout.structLayout(ValueLayout.JAVA_INT.withName("x"), ValueLayout.JAVA_INT.withName("y"));

        /** The user data is first; a pointer, a struct by value and a small number follow; a struct is the result. */
        @Test
        void scopesTheOtherArgumentsAndCopiesAStructResult() throws Exception {
            CallbackType<WithPointerAndStruct> type = CallbackType.of(WithPointerAndStruct.class)
                    .descriptor(FunctionDescriptor.of(
                            POINT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, POINT, ValueLayout.JAVA_SHORT))
                    .userData(0);
            List<MemorySegment> kept = new ArrayList<>();
            AtomicReference<String> read = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(type, (data, text, point, last) -> {
                            kept.addAll(List.of(data, text, point));
                            read.set(text.getString(0) + point.get(ValueLayout.JAVA_INT, 4) + last);
                            return point;
                        }));
                    })
                    .subscribe();
            WithPointerAndStruct call = CFunction.at(pointers.get(0), type);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment point = arena.allocate(POINT);
                point.set(ValueLayout.JAVA_INT, 4, 7);
                MemorySegment result = call.call(userData.get(0), arena.allocateFrom("text"), point, (short) 9);
                assertThat(result.get(ValueLayout.JAVA_INT, 4)).isEqualTo(7);
            }
            assertThat(read).hasValue("text79");
            assertThat(kept.get(0).scope().isAlive()).isTrue();
            assertThatThrownBy(() -> kept.get(1).getString(0)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> kept.get(2).get(ValueLayout.JAVA_INT, 0))
                    .isInstanceOf(IllegalStateException.class);
        }

        @Test
        void nestsAndRefusesTheCallThatIsTooDeep() {
            AtomicInteger depth = new AtomicInteger();
            AtomicReference<Throwable> error = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {
                            if (sequence < 1_000) {
                                depth.incrementAndGet();
                                Routed.call(pointers.get(0), sequence + 1, data);
                            }
                        }));
                    })
                    .subscribe(value -> {}, error::set);
            Routed.call(pointers.get(0), 0, userData.get(0), true);
            assertThat(depth.get()).isBetween(16, 1_000);
            assertThat(loop.metrics().refusedCalls()).isEqualTo(depth.get() == 1_000 ? 0 : 1);
        }
    }

    @Nested
    class TheEnd {

        /** The index is not another's while the handler of this one runs: else nobody would wait for it. */
        @Test
        void waitsUntilTheHandlersHaveLeft() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch leave = new CountDownLatch(1);
            AtomicBoolean over = new AtomicBoolean();
            AtomicBoolean ranOn = new AtomicBoolean();
            CountDownLatch ended = new CountDownLatch(1);
            Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        sink.onDispose(() -> {
                            over.set(true);
                            ended.countDown();
                        });
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {
                            inside.countDown();
                            awaitLatch(leave);
                            ranOn.set(over.get());
                        }));
                    })
                    .subscribe();
            Thread caller = new Thread(() -> Routed.call(pointers.get(0), 1, userData.get(0), true));
            caller.start();
            awaitLatch(inside);
            subscription.dispose();
            Awaitility.await().during(Duration.ofMillis(200)).until(() -> !over.get());
            leave.countDown();
            awaitLatch(ended);
            caller.join();
            assertThat(ranOn).isFalse();
        }

        /** The action that unregisters may still need the callback. */
        @Test
        void undoesWhatWasMadeAfterACallbackWhileTheCallbackWorks() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            List<Long> seen = new CopyOnWriteArrayList<>();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(READING, (sequence, value, data) -> seen.add(sequence)));
                        sink.onDispose(() -> Routed.call(pointers.get(0), 42, userData.get(0), true));
                        userData.add(sink.userData());
                    })
                    .subscribe(recorder);
            recorder.cancel();
            loop.settle();
            assertThat(seen).containsExactly(42L);
            assertThat(loop.metrics().lateCalls()).isZero();
        }

        /** A second for each such callback; then the index is left out until the handler has gone. */
        @Test
        void leavesAnIndexOutWhoseHandlerDoesNotLeave() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch leave = new CountDownLatch(1);
            CountDownLatch ended = new CountDownLatch(1);
            Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        sink.onDispose(ended::countDown);
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {
                            inside.countDown();
                            awaitLatch(leave);
                        }));
                    })
                    .subscribe();
            Thread caller = new Thread(() -> Routed.call(pointers.get(0), 1, userData.get(0), true));
            caller.start();
            awaitLatch(inside);
            subscription.dispose();
            awaitLatch(ended);
            loop.settle();
            for (int i = 0; i < 200; i++) {
                cycle();
            }
            assertThat(userData.subList(1, 201)).noneMatch(other -> index(other) == index(userData.get(0)));
            leave.countDown();
            caller.join();
        }

        private void cycle() throws Exception {
            Disposable next = NativeFlux.<Long>create(options, sink -> {
                        MemorySegment pointer = sink.callback(READING, (sequence, value, data) -> {});
                        userData.add(sink.userData());
                        sink.release(pointer); // so that nobody waits for its handlers
                    })
                    .subscribe();
            next.dispose();
            loop.settle();
        }

        @Test
        void ofReleasedOnesNeedsFewIndexes() throws Exception {
            for (int i = 0; i < 300; i++) {
                cycle();
            }
            assertThat(userData.stream().map(UserDataLifeTest::index).distinct())
                    .hasSizeLessThan(64);
        }

        @Test
        void ofARegistrationThatThrowsFreesTheIndex() throws Exception {
            for (int i = 0; i < 3; i++) {
                NativeFlux.<Long>create(options, sink -> {
                            sink.callback(READING, (sequence, value, data) -> {});
                            userData.add(sink.userData());
                            throw new IllegalStateException("on purpose");
                        })
                        .subscribe(value -> {}, error -> {});
                loop.settle();
            }
            assertThat(userData.stream().map(UserDataLifeTest::index).distinct())
                    .hasSize(1);
            assertThat(new HashSet<>(userData)).hasSize(3);
        }
    }

    @Nested
    class ReleaseNotify {

        @Test
        void isSharedWhereAllCallbacksSinceTheLastOneAre() throws Exception {
            List<MemorySegment> notifies = new ArrayList<>();
            List<Long> seen = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 2; i++) {
                NativeFlux.<Long>create(options, sink -> {
                            userData.add(sink.userData());
                            pointers.add(sink.callback(READING, (sequence, value, data) -> seen.add(sequence)));
                            notifies.add(sink.releaseNotify());
                        })
                        .subscribe();
            }
            assertThat(notifies.get(1)).isEqualTo(notifies.get(0));
            Calls.notify(notifies.get(0), userData.get(0), true);
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            Routed.call(pointers.get(0), 2, userData.get(1), true);
            assertThat(seen).containsExactly(2L);
            assertThat(loop.metrics().lateCalls()).isEqualTo(1);
        }

        @Test
        void isOfTheSinksOwnWhereOneOfThemIsNot() {
            List<MemorySegment> notifies = new ArrayList<>();
            List<Long> seen = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 2; i++) {
                NativeFlux.<Long>create(options, sink -> {
                            userData.add(sink.userData());
                            pointers.add(sink.callback(READING, (sequence, value, data) -> seen.add(sequence)));
                            sink.callback(OnReading.class, (sequence, value, data) -> seen.add(sequence));
                            notifies.add(sink.releaseNotify());
                        })
                        .subscribe();
            }
            assertThat(notifies.get(1)).isNotEqualTo(notifies.get(0));
            Calls.notify(notifies.get(0), MemorySegment.NULL, true);
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(seen).isEmpty();
        }

        @Test
        void letsGoOfTheArenaWhenItIsCalledAfterTheEnd() throws Exception {
            AtomicReference<WeakReference<Object>> arena = new AtomicReference<>();
            AtomicReference<MemorySegment> notify = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(
                                sink.callback(READING, (sequence, value, data) -> {}, (sequence, value, data) -> {}));
                        notify.set(sink.releaseNotify());
                        arena.set(new WeakReference<>(sink.arena()));
                    })
                    .subscribe()
                    .dispose();
            loop.settle();
            int quarantined = PoolMetrics.now().quarantined();
            assertThat(quarantined).isPositive();
            Calls.notify(notify.get(), userData.get(0), true);
            assertThat(PoolMetrics.now().quarantined()).isLessThan(quarantined);
            Awaitility.await().atMost(SOON).until(() -> {
                System.gc();
                return arena.get().get() == null;
            });
        }
    }

    @Nested
    class OtherKinds {

        enum Kind {
            THREAD_SAFE,
            SYNCHRONOUS,
            DIRECT
        }

        private NativeCallback<OnAsk> make(Kind kind, OnAsk handler, OnAsk fallback) {
            return switch (kind) {
                case THREAD_SAFE -> NativeCallback.threadSafe(answering(), ASK, handler, fallback);
                case SYNCHRONOUS -> NativeCallback.synchronous(answering(), ASK, handler, fallback);
                case DIRECT -> NativeCallback.direct(answering(), ASK, handler, fallback);
            };
        }

        private CallbackOptions answering() {
            return CallbackOptions.named(name).on(scheduler);
        }

        @ParameterizedTest
        @EnumSource
        void aNativeCallbackOfEachKindHasUserDataOfItsOwn(Kind kind) throws Exception {
            List<NativeCallback<OnAsk>> made = new ArrayList<>();
            for (int i = 0; i < 70; i++) {
                long mine = i;
                made.add(make(kind, (thread, sequence, data) -> 1000 + mine, (thread, sequence, data) -> -mine));
            }
            assertThat(made.stream().map(NativeCallback::pointer).distinct()).hasSize(1);
            assertThat(made.stream().map(NativeCallback::userData).distinct()).hasSize(70);
            OnAsk c = CFunction.at(made.get(0).pointer(), OnAsk.class);
            for (int i = 0; i < 70; i++) {
                long data = made.get(i).userData().address();
                assertThat(loop.run(() -> c.onAsk(0, 0, data))).isEqualTo(1000 + i);
            }
            for (int i = 0; i < 70; i++) {
                made.get(i).close();
                long data = made.get(i).userData().address();
                assertThat(c.onAsk(0, 0, data)).isEqualTo(-i);
            }
            made.get(3).release();
            assertThat(c.onAsk(0, 0, made.get(3).userData().address())).isZero();
            assertThat(loop.metrics().lateCalls()).isEqualTo(71);
        }

        @Test
        void aNativeCallbackWithoutFallbackGivesItsIndexBackAtOnce() {
            List<MemorySegment> seen = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                try (NativeCallback<OnAsk> callback =
                        NativeCallback.direct(answering(), ASK, (thread, sequence, data) -> data, null)) {
                    OnAsk c = CFunction.at(callback.pointer(), OnAsk.class);
                    long mine = callback.userData().address();
                    assertThat(c.onAsk(0, 0, mine)).isEqualTo(mine);
                    seen.add(callback.userData());
                }
            }
            assertThat(new HashSet<>(seen)).hasSize(100);
            assertThat(seen.stream().map(UserDataLifeTest::index).distinct()).hasSizeLessThan(3);
        }

        @Test
        void aNativeCallbackOfATypeWithoutSaysSo() {
            try (NativeCallback<OnAsk> callback = NativeCallback.direct(OnAsk.class, (thread, sequence, data) -> 1)) {
                assertThatThrownBy(callback::userData)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("OnAsk")
                        .hasMessageContaining("userData(index)");
            }
        }

        @Test
        void anExchangeAnswersWhoHasAsked() {
            List<Source> sources = new ArrayList<>();
            Flux<Exchange<Long, Long>> asks =
                    NativeFlux.exchange(CallbackOptions.named(name).on(scheduler), (ExchangeSink<Long, Long> sink) -> {
                        MemorySegment pointer = sink.callback(
                                ASK,
                                (thread, sequence, data) -> sink.ask(sequence + data, SOON, -1L),
                                (thread, sequence, data) -> -1L);
                        Source source = Source.asking(pointer, sink.userData().address(), -1);
                        sources.add(source);
                        source.start(2, 100, 0);
                        sink.onDispose(source::stop);
                    });
            List<Disposable> subscriptions = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                subscriptions.add(asks.subscribe(x -> x.reply(x.request())));
            }
            for (Source source : sources) {
                Awaitility.await().atMost(SOON).until(() -> source.rightAnswers() == 200);
                assertThat(source.wrongAnswers()).isZero();
            }
            subscriptions.forEach(Disposable::dispose);
        }

        @Test
        void aSharedStreamHasOneUserDataForAllItsSubscribers() throws Exception {
            Flux<Long> shared = NativeFlux.share(options, sink -> {
                pointers.add(sink.callback(READING, (sequence, value, data) -> sink.next(sequence)));
                userData.add(sink.userData());
            });
            Recorder first = new Recorder(Long.MAX_VALUE);
            Recorder second = new Recorder(Long.MAX_VALUE);
            shared.subscribe(first);
            shared.subscribe(second);
            loop.settle();
            Routed.call(pointers.get(0), 7, userData.get(0), true);
            loop.settle();
            assertThat(first.values).containsExactly(7L);
            assertThat(second.values).containsExactly(7L);
            first.cancel();
            second.cancel();
            loop.settle();
            Recorder third = new Recorder(Long.MAX_VALUE);
            shared.subscribe(third);
            loop.settle();
            Routed.call(pointers.get(0), 8, userData.get(0), true);
            Routed.call(pointers.get(1), 9, userData.get(1), true);
            loop.settle();
            assertThat(third.values).containsExactly(9L);
        }

        @Test
        void aTickerThatStartsAThreadForEachEventIsToldApart() {
            List<Long> wrong = new CopyOnWriteArrayList<>();
            AtomicInteger ticks = new AtomicInteger();
            CallbackType<OnPointer> type = CallbackType.of(OnPointer.class).userData(0);
            Flux<Long> tickers = NativeFlux.create(options.overflow(Overflow.dropOldest(16)), sink -> {
                MemorySegment mine = sink.userData();
                MemorySegment pointer = sink.callback(type, data -> {
                    ticks.incrementAndGet();
                    if (!data.equals(mine)) {
                        wrong.add(data.address());
                    }
                    sink.next(data.address());
                });
                MemorySegment ticker = Calls.startTicker(pointer, mine, 1_000_000);
                sink.onDispose(() -> Calls.deleteTicker(ticker));
            });
            List<Disposable> subscriptions = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                subscriptions.add(tickers.subscribe());
            }
            Awaitility.await().atMost(SOON).until(() -> ticks.get() > 40);
            subscriptions.forEach(Disposable::dispose);
            assertThat(wrong).isEmpty();
        }
    }
}
