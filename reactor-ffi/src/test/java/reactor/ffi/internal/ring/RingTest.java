package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
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
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
    private final Arena arena = Arena.ofShared();

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

    private Ring waitingRing(int capacity, Duration limit, int most) {
        Ring ring = ring(capacity, WhenFull.WAIT);
        ring.letWait(limit.toNanos(), most);
        return ring;
    }

    private Ring ring(int capacity, WhenFull whenFull) {
        return Rings.open(capacity, SHAPE.recordSize(), whenFull, rung::incrementAndGet, counts);
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
        Ring ring = ring(8, WhenFull.DROP);
        MethodHandle call = producer.on(this, ring, 0);
        Words.setVolatile(ring.address() + RingLayout.HEAD, ring.tail() + 1);
        assertThat((int) call.invokeExact(5L)).isEqualTo(1);
        Words.setVolatile(ring.address() + RingLayout.HEAD, ring.tail() - 1);
        assertThat(take(ring)).isEqualTo(5);
    }

    @ParameterizedTest
    @EnumSource
    void theRoomOfWhatWasTakenIsUsedAgain(Producer producer) throws Throwable {
        Ring ring = ring(2, WhenFull.DROP);
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
            ring.release(false);
        }
        ring.close();
        ring.end();
    }

    @ParameterizedTest
    @EnumSource
    void aRingThatClosesWhenFullStaysClosedAndTells(Producer producer) throws Throwable {
        Ring ring = ring(1, WhenFull.CLOSE);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        assertThat(ring.isOverflowed()).isFalse();
        assertThat((int) call.invokeExact(2L)).isEqualTo(2);
        assertThat(ring.isOverflowed()).isTrue();
        assertThat(take(ring)).isEqualTo(1);
        ring.release(false);
        assertThat((int) call.invokeExact(3L)).as("nothing follows a gap").isEqualTo(3);
        ring.close();
        assertThat(ring.isOverflowed()).isFalse();
        ring.end();
    }

    private static final Duration HOUR = Duration.ofHours(1);

    /** A call on a thread of its own: what C gets. */
    private static CompletableFuture<Integer> later(MethodHandle call, long value) {
        CompletableFuture<Integer> answer = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                answer.complete((int) call.invokeExact(value));
            } catch (Throwable thrown) {
                answer.completeExceptionally(thrown);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return answer;
    }

    private static int soon(CompletableFuture<Integer> answer) throws Exception {
        return answer.get(20, TimeUnit.SECONDS);
    }

    private static void awaitWaiting(Ring ring, int count) {
        Awaitility.await().pollDelay(Duration.ZERO).until(() -> ring.waiting() == count);
    }

    @ParameterizedTest
    @EnumSource
    void aProducerWaitsForRoomAndLosesNothing(Producer producer) throws Throwable {
        Ring ring = waitingRing(2, HOUR, 64);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        assertThat((int) call.invokeExact(2L)).isEqualTo(1);
        for (long value = 3; value < 50; value++) {
            CompletableFuture<Integer> answer = later(call, value);
            awaitWaiting(ring, 1);
            assertThat(answer).isNotDone();
            assertThat(take(ring)).isEqualTo(value - 2);
            ring.release(false);
            assertThat(soon(answer)).isEqualTo(1);
            assertThat(ring.waiting()).isZero();
        }
        ring.close();
        ring.end();
    }

    @ParameterizedTest
    @EnumSource
    void aProducerThatHasWaitedForTheLimitClosesTheRing(Producer producer) throws Throwable {
        Ring ring = waitingRing(2, Duration.ofMillis(30), 64);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        assertThat((int) call.invokeExact(2L)).isEqualTo(1);
        long start = System.nanoTime();
        assertThat((int) call.invokeExact(3L)).isEqualTo(2);
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(30_000_000);
        assertThat(ring.isOverflowed()).isTrue();
        assertThat(take(ring)).isEqualTo(1);
        ring.release(false);
        assertThat((int) call.invokeExact(4L)).as("nothing follows a gap").isEqualTo(3);
        assertThat(ring.waiting()).isZero();
    }

    @ParameterizedTest
    @EnumSource
    void theConsumersThreadDoesNotWait(Producer producer) throws Throwable {
        Ring ring = waitingRing(1, HOUR, 64);
        ring.consumedHere();
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        assertThat((int) call.invokeExact(2L)).isEqualTo(2);
        assertThat(ring.isOverflowed()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void oneProducerTooManyClosesTheRingForThoseThatWait(Producer producer) throws Throwable {
        Ring ring = waitingRing(1, HOUR, 2);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        List<CompletableFuture<Integer>> two = List.of(later(call, 2), later(call, 3));
        awaitWaiting(ring, 2);
        assertThat((int) call.invokeExact(4L)).isEqualTo(2);
        for (CompletableFuture<Integer> each : two) {
            assertThat(soon(each)).isEqualTo(3);
        }
        assertThat(ring.isOverflowed()).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void whoClosesTheRingWakesThoseThatWait(Producer producer) throws Throwable {
        Ring ring = waitingRing(1, HOUR, 64);
        MethodHandle call = producer.on(this, ring, 0);
        assertThat((int) call.invokeExact(1L)).isEqualTo(1);
        List<CompletableFuture<Integer>> two = List.of(later(call, 2), later(call, 3));
        awaitWaiting(ring, 2);
        ring.close();
        for (CompletableFuture<Integer> each : two) {
            assertThat(soon(each)).isEqualTo(3);
        }
        assertThat(ring.isOverflowed()).isFalse();
    }

    /** The first that is woken takes the room: the others sleep on, until there is room again. */
    @ParameterizedTest
    @EnumSource
    void eachOfManyThatWaitComesInAtLast(Producer producer) throws Throwable {
        Ring ring = waitingRing(2, HOUR, 64);
        MethodHandle call = producer.on(this, ring, 0);
        List<CompletableFuture<Integer>> answers = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            answers.add(later(call, i));
        }
        awaitWaiting(ring, 10);
        Set<Long> values = new HashSet<>();
        while (values.size() < 12) {
            Awaitility.await().pollDelay(Duration.ZERO).until(() -> ring.peek(ring.tail()) != 0);
            values.add(take(ring));
            ring.release(false);
        }
        for (CompletableFuture<Integer> each : answers) {
            assertThat(soon(each)).isEqualTo(1);
        }
    }

    @Test
    void aRingIsNotUsedAgainWhileAProducerStillWaits() {
        Ring first = ring(256, WhenFull.WAIT);
        Words.setIntVolatile(first.address() + RingLayout.WAITERS, 1);
        first.close();
        first.end();
        Ring second = ring(256, WhenFull.WAIT);
        assertThat(second).isNotSameAs(first);
        Words.setIntVolatile(first.address() + RingLayout.WAITERS, 0);
        assertThat(ring(256, WhenFull.WAIT)).isSameAs(first);
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
        Ring ring = ring(8, WhenFull.DROP);
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

    @ParameterizedTest
    @EnumSource
    void aRunEndsBeforeARecordThatIsNotComplete(Producer producer) throws Throwable {
        Ring ring = ring(8, WhenFull.DROP);
        MethodHandle call = producer.on(this, ring, 0);
        for (long value = 0; value < 3; value++) {
            assertThat((int) call.invokeExact(value)).isEqualTo(1);
        }
        long hole = claim(ring);
        assertThat((int) call.invokeExact(4L)).isEqualTo(1);
        assertThat(ring.takeRun(ring.tail(), 2)).as("as many as are wanted").isEqualTo(2);
        assertThat(ring.takeRun(ring.tail(), 8)).as("up to the hole").isEqualTo(1);
        assertThat(ring.peek(ring.tail())).isZero();
        complete(ring, hole);
        assertThat(ring.takeRun(ring.tail() - 1, 8)).as("below the limit").isEqualTo(1);
        assertThat(take(ring)).isEqualTo(4);
    }

    @Test
    void aRingIsUsedAgainOnceAllThatWasClaimedHasBeenTaken() {
        Ring first = ring(16, WhenFull.DROP);
        long hole = claim(first);
        first.close();
        first.end();
        Ring second = ring(16, WhenFull.DROP);
        assertThat(second).as("a producer still writes into the first").isNotSameAs(first);
        complete(first, hole);
        assertThat(ring(16, WhenFull.DROP)).isSameAs(first);
        assertThat(counts.late).as("the call that came after the end").hasValue(1);
    }

    /** The producer had claimed its record before the end, and completes the record after it. */
    @Test
    void aCallThatCompletesAfterTheEndIsCountedWithoutAnotherOwner() {
        Ring ring = ring(128, WhenFull.CLOSE);
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
        assertThat(Rings.open(128, SHAPE.recordSize(), WhenFull.CLOSE, rung::incrementAndGet, new Counts()))
                .isSameAs(ring);
        assertThat(ring.countLate(counts)).as("another owner").isFalse();
    }

    @Test
    void aRingIsUsedAgainOnlyForTheSameSizeAndPolicy() {
        Ring first = ring(32, WhenFull.DROP);
        first.close();
        first.end();
        assertThat(ring(32, WhenFull.CLOSE)).isNotSameAs(first);
        assertThat(ring(64, WhenFull.DROP)).isNotSameAs(first);
        assertThat(ring(32, WhenFull.DROP)).isSameAs(first);
    }

    private static int state(Ring ring) {
        return Words.getIntVolatile(ring.address() + RingLayout.STATE);
    }

    @Test
    void theBellRingsOnceForABurstAndAgainOnceTheConsumerHasLooked() throws Throwable {
        Ring ring = ring(64, WhenFull.DROP);
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
            ring.release(false);
            ring.rearm();
            assertThat(ring.isEmpty()).isTrue();
        }
        assertThat(rung).hasValueGreaterThanOrEqualTo(50);
    }

    /** The consumer has looked, and found neither a record nor an overflow, before the producer closes the ring. */
    @Test
    void aProducerThatClosesTheRingRingsForThat() throws Throwable {
        Ring ring = ring(1, WhenFull.CLOSE);
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
        Ring ring = ring(64, WhenFull.DROP);
        Words.setIntVolatile(ring.address() + RingLayout.STATE, RingLayout.RUNG);
        long position = claim(ring);
        complete(ring, position);
        Awaitility.await().until(() -> rung.get() > 0);
        assertThat(ring.peek(ring.tail())).isNotZero();
        ring.take();
        ring.release(false);
    }

    @Test
    void aPointerIsBoundAgainAtOnceIfItWasReleasedAndLaterIfItWasRetired() {
        assumeTrue(Machine.hasEmitter());
        Ring ring = ring(64, WhenFull.DROP);
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
        Ring ring = ring(64, WhenFull.DROP);
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

    /** A page that is touched first in a signal handler costs it a page fault, and may be refused. */
    @Test
    void aPopulatedRingIsInMemoryAsAWhole() throws Throwable {
        assumeTrue(Machine.hasEmitter());
        Ring ring = Rings.open(8192, 512, WhenFull.DROP, () -> {}, counts);
        assertThat(pagesInMemory(ring)).isLessThan(10);
        ring.populate();
        assertThat(pagesInMemory(ring)).isEqualTo(1 + 8192 * 512 / SystemMemory.PAGE);
        ring.close();
        ring.end();
    }

    private static int pagesInMemory(Ring ring) throws Throwable {
        MethodHandle mincore = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().find("mincore").orElseThrow(),
                        FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS));
        int pages = Math.toIntExact((ring.byteSize() + SystemMemory.PAGE - 1) / SystemMemory.PAGE);
        int present = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment vector = arena.allocate(pages);
            assertThat((int) mincore.invokeExact(ring.address(), ring.byteSize(), vector))
                    .isZero();
            for (int i = 0; i < pages; i++) {
                present += vector.get(JAVA_BYTE, i) & 1;
            }
        }
        return present;
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
