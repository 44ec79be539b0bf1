package reactor.ffi.internal.upcall;

import reactor.ffi.internal.StackProbe;

/**
 * Finds out whether the stack has room for one more upcall. At the end of the stack HotSpot aborts in the entry of an
 * upcall, before any code of the library. How deep upcalls can nest depends on the size of the thread's stack, on what
 * is compiled, and on the frames of C and of the handlers.
 */
final class StackRoom {

    /**
     * The level of nesting from which on each call is checked. Calls that nest a few deep, such as a comparator inside a
     * handler, pay nothing.
     */
    static final int FROM_LEVEL = 16;

    /**
     * How many frames the probe uses: 40 KB if C2 has compiled them, 100 to 120 KB if C1 has or if they are interpreted.
     * The room is for the handler, for C code that the handler calls, and for the entry of the next call. The probe
     * takes a few microseconds.
     */
    private static final int FRAMES = 512;

    private StackRoom() {}

    /**
     * Returns whether there is room. If not, there is still some for a fallback; if the fallback needs more, its error
     * does not reach C.
     */
    static boolean isLeft() {
        try {
            StackProbe.use(FRAMES);
            return true;
        } catch (StackOverflowError full) {
            return false;
        }
    }
}
