package reactor.ffi.internal;

/** Finds out whether the stack has room, by using some of it: Java has no method that tells. */
public final class StackProbe {

    private StackProbe() {}

    /**
     * Calls itself {@code frames} deep and returns. Throws a {@link StackOverflowError} if the calling thread's stack
     * does not have that room.
     *
     * @param frames how many frames, of about 100 bytes each if compiled, and about 300 if interpreted
     */
    public static void use(int frames) {
        long ignored = use(frames, 1, 2, 3, 4, 5, 6, 7, 8);
    }

    /** The arguments are used after the call, so that a compiled frame has to hold them. */
    private static long use(int frames, long a, long b, long c, long d, long e, long f, long g, long h) {
        if (frames == 0) {
            return 1;
        }
        long used = use(frames - 1, h, a, b, c, d, e, f, g);
        return used + a + b + c + d + e + f + g + h;
    }
}
