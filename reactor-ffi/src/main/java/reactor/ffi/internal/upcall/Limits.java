package reactor.ffi.internal.upcall;

import java.util.concurrent.TimeUnit;
import reactor.ffi.internal.Property;

/** The ceilings of this room. Each is a system property, read once. */
final class Limits {

    /** How deep upcalls nest on one thread, if {@link StackRoom} does not end it before: a thread may have a huge stack. */
    static final int NESTING = Property.read("reactor.ffi.nesting.limit", 16_384, 1, 1_000_000);

    /** How many stubs there are at most; zero: as many as {@link Ceiling} finds room for. Read when the first slot is taken. */
    static final int STUBS = Property.read("reactor.ffi.stubs.limit", 0, 1, 100_000);

    /** How long an inert slot is not reused, in nanoseconds, unless its source said that native code is done with it. */
    static final long QUARANTINE =
            TimeUnit.MILLISECONDS.toNanos(Property.read("reactor.ffi.quarantine.millis", 10_000, 0, Integer.MAX_VALUE));

    /** How many younger ones wait behind it before it is reused. */
    static final int QUARANTINE_DEPTH = 256;

    private Limits() {}
}
