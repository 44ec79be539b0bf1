package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.TestEvents;
import reactor.ffi.fixture.TestScheduler;

/** What a registration is given besides callbacks: memory, and the handshake that says when native code is done. */
class NativeSinkTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("NativeSinkTest");

    private final CallbackOptions options = loop.options;
    private final TestEvents events = new TestEvents();

    @Nested
    class ItsArena {

        @Test
        void mayBeUsedFromAnyThread() throws Exception {
            List<Long> seen = new CopyOnWriteArrayList<>();
            Recorder recorder = new Recorder(1);
            NativeFlux.<Long>create(options, sink -> {
                        MemorySegment userData = sink.arena().allocateFrom(ValueLayout.JAVA_LONG, 42);
                        MemorySegment pointer = sink.callback(OnReading.class, (sequence, value, data) -> {
                            seen.add(data.get(ValueLayout.JAVA_LONG, 0));
                            seen.add(sink.arena()
                                    .allocateFrom(ValueLayout.JAVA_LONG, 43)
                                    .get(ValueLayout.JAVA_LONG, 0));
                            sink.next(sequence);
                        });
                        Source source = Source.readings(pointer, userData).start(1, 1, 0);
                        sink.onDispose(source::close);
                    })
                    .take(1)
                    .subscribe(recorder);
            recorder.end();
            assertThat(seen).containsExactly(42L, 43L);
        }

        /** The usual order: the callback, then the user data that is registered with it. */
        @Test
        void outlivesTheSubscriptionWhileALateCallMayComeAlsoIfItWasMadeAfterTheCallback() throws Exception {
            AtomicReference<WeakReference<Arena>> arena = new AtomicReference<>();
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            AtomicLong userData = new AtomicLong();
            AtomicLong late = new AtomicLong();
            OnPointer fallback = data -> late.set(data.get(ValueLayout.JAVA_LONG, 0));
            Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                        pointer.set(sink.callback(OnPointer.class, data -> {}, fallback));
                        arena.set(new WeakReference<>(sink.arena()));
                        userData.set(sink.arena()
                                .allocateFrom(ValueLayout.JAVA_LONG, 42)
                                .address());
                    })
                    .subscribe();
            subscription.dispose();
            loop.settle();
            for (int i = 0; i < 3; i++) {
                System.gc();
            }
            assertThat(arena.get().get()).isNotNull();
            Memory.pointer(pointer.get(), MemorySegment.ofAddress(userData.get()), true);
            assertThat(late).hasValue(42);
        }

        @Test
        void isFreedWhenNativeCodeIsDoneWithTheCallback() throws Exception {
            AtomicReference<WeakReference<Arena>> arena = new AtomicReference<>();
            Disposable subscription = events.flux(options).subscribe();
            arena.set(new WeakReference<>(events.sink.arena()));
            subscription.dispose();
            loop.settle();
            events.sink.release(events.pointer);
            Awaitility.await().atMost(SOON).untilAsserted(() -> {
                System.gc();
                assertThat(arena.get().get()).isNull();
            });
        }
    }

    @Test
    void whatAFallbackThrowsIsAnErrorOfTheScheduler() throws Exception {
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        NativeFlux.<Long>create(
                        options,
                        sink -> pointer.set(sink.callback(OnPointer.class, data -> {}, data -> {
                            throw new IllegalStateException("the fallback's own");
                        })))
                .subscribe()
                .dispose();
        loop.settle();
        try (CapturedLog log = CapturedLog.start()) {
            Memory.pointer(pointer.get(), MemorySegment.NULL, true);
            assertThat(log.text()).contains("the fallback's own");
        }
    }

    @Nested
    class Released {

        @Test
        void aPointerIsInertAtOnceAndItsSlotIsReused() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            MemorySegment first = events.pointer;
            events.sink.release(first);
            events.fire(1, 1);
            MemorySegment second = events.sink.callback(OnEvent.class, (thread, sequence, id) -> events.sink.next(id));
            assertThat(second).isEqualTo(first);
            Calls.fromThreads(second, 1, 1, 2);
            loop.settle();
            assertThat(recorder.values).containsExactly(2L);
            recorder.cancel();
        }

        @Test
        void afterTheEndTooAndOnlyOnce() throws Exception {
            events.flux(options).subscribe().dispose();
            loop.settle();
            MemorySegment pointer = events.pointer;
            NativeSink<Long> ended = events.sink;
            ended.release(pointer);
            Disposable second = events.flux(options).subscribe();
            assertThat(events.pointer).isEqualTo(pointer);
            ended.release(pointer);
            Disposable third = events.flux(options).subscribe();
            assertThat(events.pointer).as("the slot is not given away twice").isNotEqualTo(pointer);
            second.dispose();
            third.dispose();
        }

        @Test
        void aPointerOfSomebodyElseIsIgnored() throws Exception {
            Recorder recorder = new Recorder(1);
            events.flux(options).subscribe(recorder);
            MemorySegment pointer = events.pointer;
            TestEvents other = new TestEvents();
            Disposable subscription = NativeFlux.create(options, other).subscribe();
            other.sink.release(pointer);
            other.sink.release(MemorySegment.NULL);
            Calls.fromThreads(pointer, 1, 1, 5);
            loop.settle();
            assertThat(recorder.values).containsExactly(5L);
            recorder.cancel();
            subscription.dispose();
        }
    }

    @Nested
    class ReleaseNotify {

        private void subscribeTo(AtomicReference<Source> source, AtomicReference<MemorySegment> pointer) {
            NativeFlux.<Long>create(options, sink -> {
                        pointer.set(sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)));
                        source.set(Source.events(pointer.get(), 0));
                        source.get().onDestroyed(sink.releaseNotify(), MemorySegment.NULL);
                        source.get().start(1, -1, 1_000);
                        sink.onDispose(() -> source.get().stopLate(20_000_000));
                    })
                    .take(1)
                    .blockLast(SOON);
        }

        /** The source says so 20 ms after the end, on its own thread: the slots of both pointers are free again. */
        @Test
        void releasesWhatWasMadeBeforeItAlsoAfterTheEnd() throws Exception {
            AtomicReference<Source> source = new AtomicReference<>();
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            subscribeTo(source, pointer);
            Awaitility.await().atMost(SOON).until(() -> source.get().running() == 0);
            Awaitility.await().atMost(SOON).untilAsserted(() -> {
                Disposable subscription = events.flux(options).subscribe();
                MemorySegment next = events.pointer;
                subscription.dispose();
                loop.settle();
                assertThat(next).isEqualTo(pointer.get());
            });
            loop.settle();
            assertThat(source.get().lateCalls()).isPositive();
            source.get().close();
        }

        /** Nobody else here has a pointer of its C type. */
        @Test
        void releasesItself() {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            MemorySegment first = events.sink.releaseNotify();
            Calls.notify(first, MemorySegment.NULL, true);
            assertThat(events.sink.releaseNotify()).isEqualTo(first);
            recorder.cancel();
        }

        @Test
        void releasesOnlyWhatWasMadeSinceTheOneBefore() throws Exception {
            Recorder recorder = new Recorder(Long.MAX_VALUE);
            events.flux(options).subscribe(recorder);
            MemorySegment first = events.sink.releaseNotify();
            MemorySegment second = events.sink.callback(OnEvent.class, (thread, sequence, id) -> events.sink.next(id));
            MemorySegment secondNotify = events.sink.releaseNotify();
            Calls.notify(secondNotify, MemorySegment.NULL, true);
            Calls.fromThreads(second, 1, 1, 1);
            events.fire(2, 1);
            Calls.notify(first, MemorySegment.NULL, true);
            events.fire(3, 1);
            loop.settle();
            assertThat(recorder.values).containsExactly(2L);
            assertThat(loop.metrics().lateCalls()).isEqualTo(2);
            recorder.cancel();
        }
    }
}
