package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Until;

/** A native thread that is stopped, or dies, between its claim of a record and the last word of it. */
class HoleIT {

    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();
    private final List<Long> values = new CopyOnWriteArrayList<>();
    private final AtomicReference<Throwable> error = new AtomicReference<>();

    @BeforeEach
    void subscribe() {
        assumeTrue(System.getProperty("os.arch").equals("amd64") && Machine.hasEmitter());
        NativeFlux.<Long>create(
                        CallbackOptions.named("hole").overflow(Overflow.dropNewest(64)),
                        sink -> pointer.set(sink.listener(OnEvent.class, (thread, sequence, id) -> sink.next(id))))
                .subscribe(values::add, error::set);
    }

    /** Where the thunk leads: lea r10, [rip + displacement] stands behind endbr64. */
    private long ring() {
        long thunk = pointer.get().address();
        long cell = thunk + 11 + Words.MEMORY.get(JAVA_INT.withByteAlignment(1), thunk + 7);
        return Words.get(cell + RingLayout.RING);
    }

    private static long claim(long ring) {
        long tail = Words.getVolatile(ring + RingLayout.TAIL);
        assertThat(Words.compareAndSet(ring + RingLayout.TAIL, tail, tail + 1)).isTrue();
        return tail;
    }

    private void call(long id) {
        Calls.n(pointer.get(), 1, id);
    }

    @Test
    void theStreamOutlivesAThreadThatIsStoppedThereForFiveSeconds() {
        call(1);
        Until.that("one", () -> values.size() == 1);
        long ring = ring();
        long claimed = claim(ring);
        call(2);
        Awaitility.await()
                .during(Duration.ofSeconds(5))
                .atMost(Duration.ofSeconds(20))
                .until(() -> values.size() == 1 && error.get() == null);
        long stride = Words.get(ring + RingLayout.STRIDE);
        long record = ring + RingLayout.RECORDS + (claimed & Words.get(ring + RingLayout.MASK)) * stride;
        Words.set(record + RingLayout.RECORD_INFO, 0); // of nobody: it counts as late
        Words.setRelease(record + RingLayout.SEQUENCE, claimed + 1);
        Until.that("two", () -> values.size() == 2);
        assertThat(values).containsExactly(1L, 2L);
        assertThat(error).hasValue(null);
    }

    @Test
    void aThreadThatDiedThereEndsTheStreamAfterWhatIsCompleteBehindIt() {
        call(1);
        long ring = ring();
        claim(ring);
        call(2);
        call(3);
        Until.that("the error", () -> error.get() != null);
        assertThat(values).containsExactly(1L, 2L, 3L);
        assertThat(error.get()).hasMessageContaining("a native thread has died").hasMessageContaining("hole");
        assertThat(Words.getVolatile(ring + RingLayout.CAPACITY)).as("closed").isZero();
    }
}
