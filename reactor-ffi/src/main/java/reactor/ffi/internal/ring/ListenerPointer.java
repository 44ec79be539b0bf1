package reactor.ffi.internal.ring;

import java.lang.foreign.MemorySegment;
import reactor.ffi.internal.FunctionPointer;

/** One registration of a listener's machine code: the pointer that native code is given, until it is retired. Any thread. */
public final class ListenerPointer implements FunctionPointer {

    private final Thunk thunk;
    final CallCounts counts;

    private ListenerPointer(Thunk thunk, CallCounts counts) {
        this.thunk = thunk;
        this.counts = counts;
    }

    /**
     * Makes a pointer whose calls are records of a ring.
     *
     * @param info the number that each record of the pointer carries
     * @param results the results that C gets
     * @param counts gets the calls that are not taken, until the pointer is used for another registration
     * @throws IllegalStateException if the system refuses the memory
     */
    public static ListenerPointer open(Shape shape, Ring ring, long info, Results results, CallCounts counts) {
        ListenerPointer pointer = new ListenerPointer(Code.of(shape).take(), counts);
        pointer.thunk.bind(pointer, ring.address(), info, results);
        return pointer;
    }

    @Override
    public MemorySegment pointer() {
        return MemorySegment.ofAddress(thunk.address);
    }

    @Override
    public void retire() {
        if (thunk.retire(this)) {
            thunk.code.quarantine(thunk);
        }
    }

    @Override
    public void release() {
        if (thunk.retire(this)) {
            thunk.code.free(thunk);
        } else if (thunk.counts(this)) {
            thunk.code.endQuarantine(thunk);
        }
    }

    /** Brings the counts up to date; false if calls do not count for this registration any more, and never will. */
    public boolean count() {
        return thunk.counts(this);
    }
}
