package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** A ring with room for one record, and a listener's call that writes there. */
final class OneRecord {

    static final int TAKEN = 1;
    static final int FULL = 2;
    static final int LATE = 3;

    private static final FunctionDescriptor TYPE = FunctionDescriptor.of(JAVA_INT, JAVA_LONG);
    private static final Shape SHAPE = Shape.of("call", TYPE);
    private static final MethodHandle ENTRY = JavaProducer.entry(SHAPE, TYPE);

    final Ring ring;
    private final Arena arena = Arena.ofAuto();
    private final JavaProducer producer;

    OneRecord(WhenFull whenFull, CallCounts counts) {
        Ring.Size size = new Ring.Size(1, SHAPE.recordSize(), whenFull);
        long bytes = RingLayout.RECORDS + size.stride();
        ring = new Ring(0, arena.allocate(bytes, Long.BYTES).address(), size);
        producer = new JavaProducer(ring, 0, new Results(TAKEN, FULL, LATE), counts);
        ring.open(0, () -> {}, counts);
    }

    int call() {
        try {
            return (int) ENTRY.invokeExact((Object) producer, 5L);
        } catch (Throwable thrown) {
            throw new AssertionError(thrown);
        }
    }
}
