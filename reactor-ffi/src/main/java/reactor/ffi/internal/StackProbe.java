package reactor.ffi.internal;

/** Finds out whether the stack has room, by using it: Java does not tell. */
public final class StackProbe {

    private StackProbe() {}

    /**
     * Uses a part of the calling thread's stack, and leaves it again. A {@link StackOverflowError} comes through.
     *
     * @param frames of about a hundred bytes each, compiled, and about three hundred, interpreted
     */
    public static void use(int frames) {
        long ignored = use(frames, 1, 2, 3, 4, 5, 6, 7, 8);
    }

    /** The arguments are needed after the call, so that a compiled frame holds them, too. */
    private static long use(int frames, long a, long b, long c, long d, long e, long f, long g, long h) {
        if (frames == 0) {
            return 1;
        }
        long used = use(frames - 1, h, a, b, c, d, e, f, g);
        return used + a + b + c + d + e + f + g + h;
    }
}
