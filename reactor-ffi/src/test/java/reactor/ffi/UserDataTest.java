package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
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
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnEventPointer;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Routed;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestScheduler;

/** Callbacks that share a pointer, and that C tells apart by the user data. */
class UserDataTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("UserDataTest");

    private final String name = loop.name;
    private final CallbackOptions options = loop.options;

    static final CallbackType<OnReading> READING =
            CallbackType.of(OnReading.class).userData(2);

    /** Of a C type that nothing else here uses: what is logged once for it is logged in the test that looks. */
    interface OnReadingToo {
        void onReading(long sequence, double value, MemorySegment userData);
    }

    /** What a registration was given. */
    private final List<MemorySegment> pointers = new CopyOnWriteArrayList<>();

    private final List<MemorySegment> userData = new CopyOnWriteArrayList<>();

    /** One routed callback, which is called by hand. */
    private Flux<Long> readings() {
        return NativeFlux.create(options, sink -> {
            pointers.add(sink.callback(READING, (sequence, value, data) -> sink.next(sequence)));
            userData.add(sink.userData());
        });
    }

    @Nested
    class ThePointer {

        @Test
        void isSharedByAllRegistrationsOfOneCType() throws Exception {
            List<Recorder> recorders = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                recorders.add(new Recorder(1));
                readings().take(1).subscribe(recorders.get(i));
            }
            assertThat(new HashSet<>(pointers)).hasSize(1);
            assertThat(new HashSet<>(userData)).hasSize(100);
            for (int i = 0; i < 100; i++) {
                Routed.call(pointers.get(0), i, userData.get(i), true);
            }
            for (int i = 0; i < 100; i++) {
                recorders.get(i).end();
                assertThat(recorders.get(i).values).containsExactly((long) i);
            }
        }

        @Test
        void isTheSameForAnyInterfaceAndHoweverOftenTheTypeWasMade() {
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(
                                CallbackType.of(OnReading.class).userData(2), (sequence, value, data) -> {}));
                    })
                    .subscribe();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(
                                CallbackType.of(OnReadingToo.class).handles(2).userData(2),
                                (sequence, value, data) -> {}));
                    })
                    .subscribe();
            assertThat(pointers.get(1)).isEqualTo(pointers.get(0));
        }

        /** A struct of callbacks with one user data. */
        @Test
        void isAnotherForEachCallbackOfASinkInTheOrderInWhichTheyAreMade() throws Exception {
            List<String> called = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 2; i++) {
                String mine = "sink " + i;
                NativeFlux.<Long>create(options, sink -> {
                            userData.add(sink.userData());
                            for (String which : List.of("start", "data", "end")) {
                                pointers.add(sink.callback(
                                        READING, (sequence, value, data) -> called.add(mine + " " + which)));
                            }
                            pointers.add(sink.callback(
                                    CallbackType.of(OnEvent.class).userData(2),
                                    (thread, sequence, data) -> called.add(mine + " event")));
                        })
                        .subscribe();
            }
            assertThat(pointers.subList(4, 8)).isEqualTo(pointers.subList(0, 4));
            assertThat(new HashSet<>(pointers)).hasSize(4);
            Routed.call(pointers.get(2), 1, userData.get(1));
            Routed.call(pointers.get(0), 1, userData.get(0));
            Calls.n(pointers.get(3), 1, userData.get(1).address());
            assertThat(called).containsExactly("sink 1 end", "sink 0 start", "sink 1 event");
        }

        @Test
        void ofACallbackThatWasReleasedIsNotUsedAgainOnThatSink() {
            AtomicReference<Throwable> refused = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        for (int i = 0; i < 64; i++) {
                            pointers.add(sink.callback(READING, (sequence, value, data) -> {}));
                            sink.release(pointers.get(i));
                        }
                        refused.set(catchThrowable(() -> sink.callback(READING, (sequence, value, data) -> {})));
                    })
                    .subscribe();
            assertThat(refused.get())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("64")
                    .hasMessageContaining("OnReading")
                    .hasMessageContaining("NativeCallback");
            assertThat(new HashSet<>(pointers)).hasSize(64);
            long late = loop.metrics().lateCalls();
            pointers.forEach(pointer -> Routed.call(pointer, 1, userData.get(0)));
            assertThat(loop.metrics().lateCalls() - late).isEqualTo(64);
        }

        @Test
        void isOfTheCallbacksOwnWhereTheTypeHasNoUserDataOnTheSameSinkToo() {
            AtomicInteger own = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {}));
                        pointers.add(sink.callback(OnReading.class, (sequence, value, data) -> own.incrementAndGet()));
                    })
                    .subscribe();
            Routed.call(pointers.get(1), 1, MemorySegment.NULL);
            assertThat(own).hasValue(1);
            assertThat(pointers.get(1)).isNotEqualTo(pointers.get(0));
        }
    }

    @Nested
    class TheUserData {

        @Test
        void isOneForASinkAndNoMemory() {
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        sink.callback(READING, (sequence, value, data) -> {});
                        userData.add(sink.userData());
                    })
                    .subscribe();
            assertThat(userData.get(1)).isEqualTo(userData.get(0));
            assertThat(userData.get(0).byteSize()).isZero();
            assertThat(userData.get(0)).isNotEqualTo(MemorySegment.NULL);
        }

        @Test
        void arrivesAsAHandle() throws Exception {
            AtomicReference<MemorySegment> got = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(READING, (sequence, value, data) -> got.set(data)));
                    })
                    .subscribe();
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(got.get()).isEqualTo(userData.get(0));
            assertThat(got.get().byteSize()).isZero();
            assertThat(got.get().scope().isAlive()).isTrue();
        }

        /** {@code uintptr_t}, {@code union sigval} declared as a long. */
        @Test
        void mayBeAnIntegerOf64Bits() {
            AtomicLong got = new AtomicLong();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(
                                CallbackType.of(OnEvent.class).userData(2), (thread, sequence, data) -> got.set(data)));
                        pointers.add(sink.callback(
                                CallbackType.of(OnEventPointer.class).userData(2), (thread, sequence, data) -> {}));
                    })
                    .subscribe();
            Calls.fromThreads(pointers.get(0), 1, 1, userData.get(0).address());
            assertThat(got).hasValue(userData.get(0).address());
        }

        @Test
        void isNotToBeHadAfterTheEnd() throws Exception {
            AtomicReference<NativeSink<Long>> kept = new AtomicReference<>();
            NativeFlux.<Long>create(options, kept::set).subscribe().dispose();
            loop.settle();
            assertThatThrownBy(() -> kept.get().userData())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining(name);
        }

        @Test
        void survivesTheOtherWordsOfAType() {
            AtomicReference<MemorySegment> got = new AtomicReference<>();
            CallbackType<OnReading> type = READING.lookup(MethodHandles.lookup())
                    .handles()
                    .descriptor(FunctionDescriptor.ofVoid(
                            ValueLayout.JAVA_LONG.withName("sequence"), ValueLayout.JAVA_DOUBLE, ValueLayout.ADDRESS));
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(sink.userData());
                        pointers.add(sink.callback(type, (sequence, value, data) -> got.set(data)));
                    })
                    .subscribe();
            readings().subscribe();
            assertThat(pointers.get(1)).isEqualTo(pointers.get(0));
            Routed.call(pointers.get(0), 1, userData.get(0));
            assertThat(got.get()).isEqualTo(userData.get(0));
        }

        @Test
        void isAPointerOrAnIntegerOf64BitsAmongTheParameters() {
            CallbackType<OnReading> reading = CallbackType.of(OnReading.class);
            for (int index : new int[] {-1, 3, 64, 1}) {
                assertThatThrownBy(() -> reading.userData(index))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("OnReading")
                        .hasMessageContaining("user data");
            }
            CallbackType<OnEvent> event = CallbackType.of(OnEvent.class);
            assertThatThrownBy(() -> event.userData(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("64 bits");
            AddressLayout target = ValueLayout.ADDRESS.withTargetLayout(ValueLayout.JAVA_LONG);
            assertThat(reading.descriptor(
                                    FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_DOUBLE, target))
                            .userData(2))
                    .isNotNull();
        }
    }

    @Nested
    class ACallOfNobody {

        private final AtomicInteger handled = new AtomicInteger();

        private void subscribe() {
            for (int i = 0; i < 70; i++) { // more than one size of table
                NativeFlux.<Long>create(options, sink -> {
                            pointers.add(sink.callback(READING, (sequence, value, data) -> handled.incrementAndGet()));
                            userData.add(sink.userData());
                        })
                        .subscribe();
            }
        }

        @ParameterizedTest
        @EnumSource
        void runsNoHandlerOfAMillion(Routed.Wrong how) {
            subscribe();
            long unknown = PoolMetrics.now().unknown();
            long late = loop.metrics().lateCalls();
            Routed.callWrong(pointers.get(0), userData.get(35), how, 1_000_000);
            assertThat(handled).hasValue(0);
            assertThat(PoolMetrics.now().unknown() - unknown).isEqualTo(1_000_000);
            assertThat(loop.metrics().lateCalls()).isEqualTo(late);
            Routed.call(pointers.get(0), 1, userData.get(35));
            assertThat(handled).hasValue(1);
        }

        @Test
        void isOneWithTheUserDataOfAnotherCTypeOrOfNoSuchCallback() {
            subscribe();
            NativeFlux.<Long>create(options, sink -> {
                        userData.add(0, sink.userData());
                        sink.callback(CallbackType.of(OnEvent.class).userData(2), (thread, sequence, data) -> {});
                    })
                    .subscribe();
            NativeFlux.<Long>create(options, sink -> {
                        sink.callback(READING, (sequence, value, data) -> {});
                        pointers.add(0, sink.callback(READING, (sequence, value, data) -> {}));
                    })
                    .subscribe();
            long unknown = PoolMetrics.now().unknown();
            Routed.call(pointers.get(1), 1, userData.get(0));
            Routed.call(pointers.get(0), 1, userData.get(1));
            assertThat(PoolMetrics.now().unknown() - unknown).isEqualTo(2);
            assertThat(handled).hasValue(0);
        }

        @Test
        void getsTheZeroOfTheResult() {
            AtomicInteger fellBack = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(
                                CallbackType.of(OnAsk.class).userData(2),
                                (thread, sequence, data) -> 1,
                                (thread, sequence, data) -> fellBack.incrementAndGet()));
                    })
                    .subscribe();
            try (Source source = Source.asking(pointers.get(0), 42, 0)) {
                source.start(1, 10, 0);
                source.await();
                source.stop();
                assertThat(source.fallbackAnswers()).isEqualTo(10);
            }
            assertThat(fellBack).hasValue(0);
        }

        interface OnlyHere {
            void call(short only, MemorySegment here, byte once);
        }

        @Test
        void isLoggedOnceForEachCTypeWithItsUserDataAndNotOnItsThread() {
            CallbackType<OnlyHere> type = CallbackType.of(OnlyHere.class).userData(1);
            NativeFlux.<Long>create(options, sink -> pointers.add(sink.callback(type, (only, here, once) -> {})))
                    .subscribe();
            OnlyHere call = CFunction.at(pointers.get(0), OnlyHere.class);
            try (CapturedLog log = CapturedLog.start()) {
                call.call((short) 1, MemorySegment.ofAddress(0xABCDE), (byte) 1);
                Awaitility.await().atMost(SOON).until(() -> log.text().contains("0xabcde"));
                assertThat(log.text())
                        .contains("sink.userData()")
                        .contains("OnlyHere")
                        .contains("parameter 1")
                        .doesNotContain("[" + Thread.currentThread().getName() + "]");
                call.call((short) 1, MemorySegment.ofAddress(0xFEDCB), (byte) 1);
                Awaitility.await()
                        .during(Duration.ofMillis(300))
                        .atMost(SOON)
                        .until(() -> !log.text().contains("0xfedcb"));
                assertThat(log.count("0xabcde")).isEqualTo(1);
            }
        }
    }

    @Nested
    class AfterTheEnd {

        @Test
        void aCallIsLateForItsSourceUntilItsIndexHasANewLifeThenUnknown() throws Exception {
            Disposable first = readings().subscribe();
            first.dispose();
            loop.settle();
            long unknown = PoolMetrics.now().unknown();
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(loop.metrics().lateCalls()).isEqualTo(2);
            assertThat(PoolMetrics.now().unknown()).isEqualTo(unknown);

            Recorder next = new Recorder(Long.MAX_VALUE);
            readings().subscribe(next);
            assertThat(userData.get(1)).isNotEqualTo(userData.get(0));
            assertThat(index(userData.get(1))).as("the index is free at once").isEqualTo(index(userData.get(0)));
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(loop.metrics().lateCalls()).isEqualTo(2);
            assertThat(PoolMetrics.now().unknown() - unknown).isEqualTo(1);
            assertThat(next.values).isEmpty();
        }

        @Test
        void theFallbackAnswersAndKeepsTheIndex() throws Exception {
            AtomicInteger answered = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(
                                READING,
                                (sequence, value, data) -> {},
                                (sequence, value, data) -> answered.incrementAndGet()));
                        userData.add(sink.userData());
                    })
                    .subscribe()
                    .dispose();
            loop.settle();
            int quarantined = PoolMetrics.now().quarantined();
            assertThat(quarantined).isPositive();
            for (int i = 0; i < 5; i++) {
                Disposable other = readings().subscribe();
                Routed.call(pointers.get(0), 1, userData.get(0), true);
                assertThat(index(userData.get(i + 1))).isNotEqualTo(index(userData.get(0)));
                other.dispose();
                loop.settle();
            }
            assertThat(answered).hasValue(5);
            assertThat(loop.metrics().lateCalls()).isEqualTo(5);
        }

        @Test
        void theArenaIsKeptWithTheIndex() throws Exception {
            AtomicReference<WeakReference<Object>> arena = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {}));
                        userData.add(sink.userData());
                        arena.set(new WeakReference<>(sink.arena()));
                    })
                    .subscribe()
                    .dispose();
            loop.settle();
            readings().subscribe();
            assertThat(index(userData.get(1))).isNotEqualTo(index(userData.get(0)));
            for (int i = 0; i < 3; i++) {
                System.gc();
            }
            assertThat(arena.get().get()).isNotNull();
        }

        @Test
        void aReleaseLetsGoOfTheArenaAtOnce() throws Exception {
            AtomicReference<WeakReference<Object>> arena = new AtomicReference<>();
            AtomicReference<NativeSink<Long>> kept = new AtomicReference<>();
            AtomicInteger answered = new AtomicInteger();
            NativeFlux.<Long>create(options, sink -> {
                        kept.set(sink);
                        pointers.add(sink.callback(
                                READING,
                                (sequence, value, data) -> {},
                                (sequence, value, data) -> answered.incrementAndGet()));
                        userData.add(sink.userData());
                        arena.set(new WeakReference<>(sink.arena()));
                    })
                    .subscribe()
                    .dispose();
            loop.settle();
            int quarantined = PoolMetrics.now().quarantined();
            kept.get().release(pointers.get(0));
            assertThat(PoolMetrics.now().quarantined()).isLessThan(quarantined);
            Awaitility.await().atMost(SOON).until(() -> {
                System.gc();
                return arena.get().get() == null;
            });
            Routed.call(pointers.get(0), 1, userData.get(0), true);
            assertThat(answered).hasValue(0);
            assertThat(loop.metrics().lateCalls()).isEqualTo(1);
        }

        /** What a release after the end must not do to whoever has the slot now. */
        @Test
        void aReleaseDoesNothingToTheNextLife() throws Exception {
            AtomicReference<NativeSink<Long>> kept = new AtomicReference<>();
            NativeFlux.<Long>create(options, sink -> {
                        kept.set(sink);
                        pointers.add(sink.callback(READING, (sequence, value, data) -> {}));
                        userData.add(sink.userData());
                    })
                    .subscribe()
                    .dispose();
            loop.settle();
            AtomicInteger answered = new AtomicInteger();
            Disposable next = NativeFlux.<Long>create(options, sink -> {
                        pointers.add(sink.callback(
                                READING,
                                (sequence, value, data) -> sink.next(sequence),
                                (sequence, value, data) -> answered.incrementAndGet()));
                        userData.add(sink.userData());
                    })
                    .subscribe();
            assertThat(index(userData.get(1))).isEqualTo(index(userData.get(0)));
            Routed.call(pointers.get(0), 1, userData.get(1), true);
            Awaitility.await().atMost(SOON).until(() -> loop.metrics().delivered() == 1);
            next.dispose();
            loop.settle();
            kept.get().release(pointers.get(0));
            Routed.call(pointers.get(0), 1, userData.get(1), true);
            assertThat(answered).hasValue(1);
        }
    }

    private static long index(MemorySegment userData) {
        return userData.address() & 0x3fffff;
    }
}
