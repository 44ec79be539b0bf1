package reactor.ffi.internal;

import java.lang.foreign.MemorySegment;

/** A function pointer that native code was given. All methods may be called from any thread, any number of times. */
public interface FunctionPointer {

    /** The address: callable for the life of the process. */
    MemorySegment pointer();

    /** Makes the pointer inert: later calls are late, and are counted. Native code may still call. */
    void retire();

    /** Native code is done with the pointer: makes it inert, and what is behind it may be used again at once. */
    void release();
}
