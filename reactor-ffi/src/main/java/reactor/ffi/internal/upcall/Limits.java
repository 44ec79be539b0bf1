package reactor.ffi.internal.upcall;

import java.util.concurrent.TimeUnit;

/** The ceilings of this room. Each is a system property, read once. */
final class Limits {

    /** How deep upcalls nest on one thread. Beyond the end of the stack HotSpot aborts where nothing can catch it. */
    static final int NESTING = read("reactor.ffi.nesting.limit", 64, 1, 1024);

    /** How many stubs there are at most; each is about 0.8 KB of code cache, for the life of the process. */
    static final int STUBS = read("reactor.ffi.stubs.limit", 16_384, 1, 100_000);

    /** How long an inert slot is not reused, in nanoseconds, unless its source said that native code is done with it. */
    static final long QUARANTINE =
            TimeUnit.MILLISECONDS.toNanos(read("reactor.ffi.quarantine.millis", 10_000, 0, Integer.MAX_VALUE));

    /** How many younger ones wait behind it before it is reused. */
    static final int QUARANTINE_DEPTH = 256;

    private Limits() {}

    private static int read(String property, int byDefault, int least, int most) {
        String text = System.getProperty(property);
        if (text == null) {
            return byDefault;
        }
        try {
            int value = Integer.parseInt(text.strip());
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException("system property " + property + " is '" + text
                + "'; it must be a number from " + least + " to " + most);
    }
}
