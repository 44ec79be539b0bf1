package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static reactor.ffi.fixture.TestScheduler.SOON;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callers;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.internal.ring.ProducerFuzz.Counts;

/** Native threads that wait for room in a ring: races of their sleep, and what takes seconds. */
class WaitIT {

    private static final int CLOSES = Integer.getInteger("reactor.ffi.test.closes", 5_000);
    private static final Shape SHAPE = Shape.of("wait", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("WaitIT");

    private final Counts counts = new Counts();

    @AfterEach
    void choiceIsOver() {
        System.clearProperty("reactor.ffi.machine.code");
    }

    private Ring ring(Duration limit) {
        assumeTrue(Machine.hasEmitter());
        Ring ring = Rings.open(2, SHAPE.recordSize(), WhenFull.WAIT, () -> {}, counts);
        ring.letWait(limit.toNanos(), 64);
        return ring;
    }

    private MemorySegment pointer(Ring ring) {
        return ListenerPointer.open(SHAPE, ring, 0, new Results(1, 2, 3), counts)
                .pointer();
    }

    private static void takeAll(Ring ring) {
        while (ring.peek(ring.tail()) != 0) {
            ring.take();
        }
        ring.release(false);
    }

    /** A thread that had looked at the ring before the close, and went to sleep after it, would sleep until its limit. */
    @Test
    void aCloseIsNotMissedByThreadsThatGoToSleepMeanwhile() {
        Ring ring = ring(Duration.ofSeconds(10));
        long bell = Words.get(ring.address() + RingLayout.BELL);
        MemorySegment pointer = pointer(ring);
        int stalled = 0;
        for (int i = 0; i < CLOSES && stalled == 0; i++) {
            Callers.fill(pointer, 2, 1);
            while (ring.waiting() == 0) {
                Thread.onSpinWait();
            }
            for (int pause = ThreadLocalRandom.current().nextInt(60); pause > 0; pause--) {
                Thread.onSpinWait();
            }
            ring.close();
            stalled += 2 - Callers.joinFillers(3);
            takeAll(ring);
            ring.open(bell, () -> {}, counts);
        }
        assertThat(stalled).as("threads that slept until their limit").isZero();
        assertThat(ring.waiting()).isZero();
    }

    /** A limit that began anew after each signal would never come. */
    @Test
    void signalsDoNotPutTheLimitOff() {
        Ring ring = ring(Duration.ofMillis(300));
        Callers.fill(pointer(ring), 1, 1);
        while (ring.waiting() == 0) {
            Thread.onSpinWait();
        }
        long start = System.nanoTime();
        while (!ring.isOverflowed() && System.nanoTime() - start < SOON.toNanos()) {
            Callers.interruptFiller();
        }
        assertThat(ring.isOverflowed()).as("the limit has come").isTrue();
        assertThat(Callers.joinFillers(2)).isEqualTo(1);
    }

    /** The scheduler's thread waits for a native thread that waits for room, which only that thread could make. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aLendOfTheTurnThatLastsTurnsThreadsAwayThatWait(int machineCode) throws Exception {
        System.setProperty("reactor.ffi.machine.code", Integer.toString(machineCode));
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        Recorder recorder = new Recorder(Long.MAX_VALUE);
        NativeFlux.<Long>create(
                        loop.options.overflow(Overflow.block(8, Duration.ofHours(1))),
                        sink -> pointer.set(
                                sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                .subscribe(recorder);
        boolean _ = loop.run(() -> loop.scheduler.callBlocking(() -> {
            Calls.fromThreads(pointer.get(), 2, 20, 7);
            return true;
        }));
        assertThat(recorder.error()).hasMessageContaining("is full");
        assertThat(recorder.values).hasSize(8);
        assertThat(loop.metrics().droppedCalls() + loop.metrics().lateCalls()).isEqualTo(32);
    }
}
