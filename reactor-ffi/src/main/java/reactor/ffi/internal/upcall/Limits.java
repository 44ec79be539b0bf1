package reactor.ffi.internal.upcall;

import java.util.concurrent.TimeUnit;
import reactor.ffi.internal.Property;

/** The ceilings of this package. Each is a system property that is read once. */
final class Limits {

    /**
     * How deep upcalls nest on one thread at most, for threads whose stack is so large that {@link StackRoom} allows
     * more.
     */
    static final int NESTING = Property.read("reactor.ffi.nesting.limit", 16_384, 1, 1_000_000);

    /**
     * How many stubs there are at most; zero means as many as {@link Ceiling} finds room for. Read when the first slot
     * is taken.
     */
    static final int STUBS = Property.read("reactor.ffi.stubs.limit", 0, 1, 100_000);

    /** In ns. For how long an inert slot is not reused, unless its source has released the pointer. */
    static final long QUARANTINE =
            TimeUnit.MILLISECONDS.toNanos(Property.read("reactor.ffi.quarantine.millis", 10_000, 0, Integer.MAX_VALUE));

    /** How many younger slots wait in quarantine before an inert slot is reused. */
    static final int QUARANTINE_DEPTH = 256;

    private Limits() {}
}
