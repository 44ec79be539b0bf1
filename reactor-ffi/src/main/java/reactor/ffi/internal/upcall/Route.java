package reactor.ffi.internal.upcall;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.function.LongConsumer;

/** One shared stub, which is for the life of the process as a stub of its own is. */
final class Route extends SlotTable {

    final Boundary boundary;
    private final MemorySegment pointer;

    /** Takes the user data of calls that are nobody's. */
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

    Slot slot(long userData) {
        return slot(userData, pointer);
    }

    /** A call whose user data is not that of its slot's binding: returns what answers it. */
    @Override
    Binding unknown(long userData) {
        unknown.accept(userData);
        return boundary.zero;
    }
}
