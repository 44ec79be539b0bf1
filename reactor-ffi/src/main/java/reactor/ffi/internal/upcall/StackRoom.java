package reactor.ffi.internal.upcall;

import reactor.ffi.internal.StackProbe;

/**
 * Whether the stack has room for one more upcall. At its end HotSpot aborts in the entry of an upcall, before any code of
 * ours. How deep that is depends on the thread's stack, on what is compiled, and on what C and the handlers take.
 */
final class StackRoom {

    /** From this level on it is looked at: calls that nest a few deep, as a comparator does in a handler, pay nothing. */
    static final int FROM_LEVEL = 16;

    /**
     * Frames to try: 40 KB if they are compiled by C2, 100 to 120 KB by C1 or interpreted. It is for the handler, for the C code
     * that it calls, and for the entry of the call after this one. It takes a few microseconds.
     */
    private static final int FRAMES = 512;

    private StackRoom() {}

    /** False leaves room for a fallback, which throws nothing into C if that is not enough. */
    static boolean isLeft() {
        try {
            StackProbe.use(FRAMES);
            return true;
        } catch (StackOverflowError full) {
            return false;
        }
    }
}
