package reactor.ffi.internal.upcall;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.function.LongConsumer;

/** One shared stub. As every stub, it lives as long as the process. */
final class Route extends SlotTable {

    final Boundary boundary;
    private final MemorySegment pointer;

    /** Called with the user data of a call that is for no live or late callback. */
    private final LongConsumer unknown;

    Route(
            LongConsumer unknown,
            Boundary boundary,
            MethodHandle entry,
            FunctionDescriptor descriptor,
            Signature<?> signature) {
        super(Slot.create(boundary.zero));
        this.unknown = unknown;
        this.boundary = boundary;
        this.pointer = Stubs.share(entry, this, descriptor, signature);
    }

    /** Returns the slot of that user data, which is made if there is none yet. */
    Slot slot(long userData) {
        return slot(userData, pointer);
    }

    /** Reports a call whose user data is not that of its slot's binding; returns the binding that answers the call. */
    @Override
    Binding unknown(long userData) {
        unknown.accept(userData);
        return boundary.zero;
    }
}
