package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.ffi.internal.ring.ProducerFuzz.Counts;

/** A ring, its producers, and what lies between two lives of its memory. */
@SuppressWarnings("restricted")
class RingTest {

    private static final FunctionDescriptor TYPE = FunctionDescriptor.of(JAVA_INT, JAVA_LONG);
    private static final Shape SHAPE = Shape.of("test", TYPE);
    private static final Results RESULTS = new Results(1, 2, 3);

    private final Counts counts = new Counts();
    private final AtomicInteger rung = new AtomicInteger();
    private final Arena arena = Arena.ofConfined();

    /** Who writes into the ring. */
    enum Producer {
        MACHINE_CODE {
            @Override
            MethodHandle on(RingTest test, Ring ring, long info) {
                assumeTrue(Machine.hasEmitter());
                return call(ListenerPointer.open(SHAPE, ring, info, RESULTS, test.counts)
                        .pointer());
            }
        },
        UPCALL {
            @Override
            MethodHandle on(RingTest test, Ring ring, long info) {
                MethodHandle entry =
                        JavaProducer.entry(SHAPE, TYPE).bindTo(new JavaProducer(ring, info, RESULTS, test.counts));
                return call(Linker.nativeLinker().upcallStub(entry, TYPE, test.arena));
            }
        };

        abstract MethodHandle on(RingTest test, Ring ring, long info);
    }

    private static MethodHandle call(MemorySegment pointer) {
        return Linker.nativeLinker().downcallHandle(pointer, TYPE);
    }

    @AfterEach
    void closeTheArena() {
        arena.close();
    }

    private Ring ring(int capacity, boolean closesWhenFull) {
        return Rings.open(capacity, SHAPE.recordSize(), closesWhenFull, rung::incrementAndGet, counts);
    }

    private static long take(Ring ring) {
        long record = ring.peek(ring.tail());
        assertThat(record).isNotZero();
        ring.take();
        return Words.get(record + RingLayout.ARGUMENTS);
    }

    /** The tail that a producer has read may lie behind the head, when it is held up before it compares the two. */
    @ParameterizedTest
    @EnumSource
    void aTailThatLiesBehindTheHeadIsNotTakenForAFullRing(Producer producer) throws Throwable {
        Ring ring = ring(8, false);
        MethodHandle call = producer.on(this, ring, 0);
        Words.setVolatile(ring.address() + RingLayout.HEAD, ring.tail() + 1);
        assertThat((int) call.invokeExact(5L)).isEqualTo(1);
        Words.setVolatile(ring.address() + RingLayout.HEAD, ring.tail() - 1);
        assertThat(take(ring)).isEqualTo(5);
    }

    @ParameterizedTest
    @EnumSource
    void theRoomOfWhatWasTakenIsUsedAgain(Producer producer) throws Throwable {
        Ring ring = ring(2, false);
        MethodHandle call = producer.on(this, ring, 0);
        for (long round = 0; round < 5; round++) {
            assertThat((int) call.invokeExact(round)).isEqualTo(1);
            assertThat((int) call.invokeExact(round + 100)).isEqualTo(1);
            assertThat((int) call.invokeExact(round + 200)).isEqualTo(2);
            assertThat(take(ring)).isEqualTo(round);
            assertThat((int) call.invokeExact(round + 300))
                    .as("not given back yet")
                    .isEqualTo(2);
            assertThat(take(ring)).isEqualTo(round + 100);
            ring.release();
        }
        ring.close();
        ring.end();
    }

    @ParameterizedTest
    @EnumSource
    void aRingThatClosesWhenFullStaysClosedAndTells(Producer producer) throws Throwable {
        Ring ring = ring(1, true);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        assertThat(ring.isOverflowed()).isFalse();
        assertThat((int) call.invokeExact(2L)).isEqualTo(2);
        assertThat(ring.isOverflowed()).isTrue();
        assertThat(take(ring)).isEqualTo(1);
        ring.release();
        assertThat((int) call.invokeExact(3L)).as("nothing follows a gap").isEqualTo(3);
        ring.close();
        assertThat(ring.isOverflowed()).isFalse();
        ring.end();
    }

    /** Takes over the record that a producer would get, as one does that is stopped there. */
    private static long claim(Ring ring) {
        long tail = ring.tail();
        assertThat(Words.compareAndSet(ring.address() + RingLayout.TAIL, tail, tail + 1))
                .isTrue();
        return tail;
    }

    private static void complete(Ring ring, long position) {
        Words.setRelease(ring.record(position) + RingLayout.SEQUENCE, position + 1);
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsTakenPastARecordThatIsNotComplete(Producer producer) throws Throwable {
        Ring ring = ring(8, false);
        MethodHandle call = producer.on(this, ring, 0);
        long hole = claim(ring);
        assertThat((int) call.invokeExact(2L)).isEqualTo(1);
        assertThat(ring.peek(ring.tail())).isZero();
        assertThat(ring.isEmpty()).isFalse();
        complete(ring, hole);
        assertThat(ring.peek(ring.tail())).isNotZero();
        ring.take();
        assertThat(take(ring)).isEqualTo(2);
    }

    @Test
    void aRingIsUsedAgainOnceAllThatWasClaimedHasBeenTaken() {
        Ring first = ring(16, false);
        long hole = claim(first);
        first.close();
        first.end();
        Ring second = ring(16, false);
        assertThat(second).as("a producer still writes into the first").isNotSameAs(first);
        complete(first, hole);
        assertThat(ring(16, false)).isSameAs(first);
        assertThat(counts.late).as("the call that came after the end").hasValue(1);
    }

    /** The producer had claimed its record before the end, and completes the record after it. */
    @Test
    void aCallThatCompletesAfterTheEndIsCountedWithoutAnotherOwner() {
        Ring ring = ring(128, true);
        long hole = claim(ring);
        ring.close();
        assertThat(ring.countLate(counts)).isTrue();
        complete(ring, hole);
        assertThat(ring.countLate(counts)).isTrue();
        assertThat(counts.late)
                .as("not ended yet: the owner may take the record")
                .hasValue(0);
        ring.end();
        assertThat(ring.countLate(counts)).isTrue();
        assertThat(counts.late).hasValue(1);
        assertThat(ring.countLate(counts)).isTrue();
        assertThat(counts.late).as("once").hasValue(1);
        assertThat(Rings.open(128, SHAPE.recordSize(), true, rung::incrementAndGet, new Counts()))
                .isSameAs(ring);
        assertThat(ring.countLate(counts)).as("another owner").isFalse();
    }

    @Test
    void aRingIsUsedAgainOnlyForTheSameSizeAndPolicy() {
        Ring first = ring(32, false);
        first.close();
        first.end();
        assertThat(ring(32, true)).isNotSameAs(first);
        assertThat(ring(64, false)).isNotSameAs(first);
        assertThat(ring(32, false)).isSameAs(first);
    }

    private static int state(Ring ring) {
        return Words.getIntVolatile(ring.address() + RingLayout.STATE);
    }

    @Test
    void theBellRingsOnceForABurstAndAgainOnceTheConsumerHasLooked() throws Throwable {
        Ring ring = ring(64, false);
        MethodHandle call = Producer.MACHINE_CODE.on(this, ring, 0);
        for (int round = 1; round <= 50; round++) {
            assertThat(state(ring)).isEqualTo(RingLayout.IDLE);
            for (long i = 0; i < 10; i++) {
                assertThat((int) call.invokeExact(i)).isEqualTo(1);
                assertThat(state(ring)).isNotEqualTo(RingLayout.IDLE);
            }
            Awaitility.await().until(() -> state(ring) == RingLayout.ACTIVE);
            for (int i = 0; i < 10; i++) {
                assertThat(take(ring)).isEqualTo(i);
            }
            ring.release();
            ring.rearm();
            assertThat(ring.isEmpty()).isTrue();
        }
        assertThat(rung).hasValueGreaterThanOrEqualTo(50);
    }

    /** The consumer has looked, and found neither a record nor an overflow, before the producer closes the ring. */
    @Test
    void aProducerThatClosesTheRingRingsForThat() throws Throwable {
        Ring ring = ring(1, true);
        MethodHandle call = Producer.MACHINE_CODE.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        Awaitility.await().until(() -> state(ring) == RingLayout.ACTIVE);
        ring.rearm();
        assertThat((int) call.invokeExact(2L)).isEqualTo(2);
        assertThat(state(ring)).isNotEqualTo(RingLayout.IDLE);
        Awaitility.await().until(() -> state(ring) == RingLayout.ACTIVE);
    }

    /** As a producer that was killed after it had marked the ring, and before it had pushed it on the bell's stack. */
    @Test
    void aRingThatNobodyHasToldOfIsFoundWithinASecond() {
        assumeTrue(Machine.hasEmitter());
        Ring ring = ring(64, false);
        Words.setIntVolatile(ring.address() + RingLayout.STATE, RingLayout.RUNG);
        long position = claim(ring);
        complete(ring, position);
        Awaitility.await().until(() -> rung.get() > 0);
        assertThat(ring.peek(ring.tail())).isNotZero();
        ring.take();
        ring.release();
    }

    @Test
    void aPointerIsBoundAgainAtOnceIfItWasReleasedAndLaterIfItWasRetired() {
        assumeTrue(Machine.hasEmitter());
        Ring ring = ring(64, false);
        Shape own =
                Shape.of("own", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG));
        ListenerPointer released = ListenerPointer.open(own, ring, 0, RESULTS, counts);
        released.release();
        released.release();
        ListenerPointer retired = ListenerPointer.open(own, ring, 0, RESULTS, counts);
        assertThat(retired.pointer()).isEqualTo(released.pointer());
        retired.retire();
        retired.retire();
        assertThat(ListenerPointer.open(own, ring, 0, RESULTS, counts).pointer())
                .isNotEqualTo(retired.pointer());
        released.release(); // of another's, by now
        retired.release();
        ListenerPointer next = ListenerPointer.open(own, ring, 0, RESULTS, counts);
        assertThat(next.pointer()).isEqualTo(retired.pointer());
    }

    @Test
    void lateCallsCountForTheLastOwnerUntilThePointerIsBoundAgain() throws Throwable {
        assumeTrue(Machine.hasEmitter());
        Ring ring = ring(64, false);
        ListenerPointer pointer = ListenerPointer.open(SHAPE, ring, 0, RESULTS, counts);
        MethodHandle call = call(pointer.pointer());
        pointer.retire();
        assertThat((int) call.invokeExact(1L)).isEqualTo(3);
        assertThat(pointer.count()).isTrue();
        assertThat(counts.late).hasValue(1);
        pointer.release();
        assertThat((int) call.invokeExact(1L)).isEqualTo(3);
        Counts others = new Counts();
        ListenerPointer next = ListenerPointer.open(SHAPE, ring, 0, RESULTS, others);
        assertThat(next.pointer()).isEqualTo(pointer.pointer());
        assertThat(pointer.count()).isFalse();
        assertThat(counts.late).hasValue(2);
        assertThat(others.late).hasValue(0);
    }

    @Test
    void memoryThatTheSystemRefusesIsSaidWithItsBytesAndTheRemedy() {
        assumeTrue(Machine.hasEmitter());
        assertThatThrownBy(() -> SystemMemory.map(1L << 60, "too much"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("mmap of 1152921504606846976 bytes")
                .hasMessageContaining("errno 12")
                .hasMessageContaining("smaller capacity");
    }
}
