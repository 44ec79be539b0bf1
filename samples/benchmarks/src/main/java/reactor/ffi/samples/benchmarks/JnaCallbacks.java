package reactor.ffi.samples.benchmarks;

import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * JNA, with {@code Flux.create} behind it. Its threads stay attached from one callback to the next, which is not its default
 * and is much faster.
 */
final class JnaCallbacks implements Workload {

    /** As JNA wants it. */
    public interface OnEventJna extends Callback {
        /** {@code void (*)(int64_t, double)}. */
        void invoke(long sequence, double value);
    }

    /** As JNA wants it. */
    public interface OnTextJna extends Callback {
        /** {@code void (*)(int64_t, const char *)}. */
        void invoke(long sequence, Pointer text);
    }

    /** As JNA wants it. */
    public interface QuestionJna extends Callback {
        /** {@code int32_t (*)(int32_t)}. */
        int invoke(int question);
    }

    private final NativeSource source = new NativeSource();

    /** JNA frees a function pointer when nobody has its callback any more. */
    private final List<Callback> alive = new ArrayList<>();

    private final Stream stream = new Stream(
            source,
            FluxCreate.register(
                    sink -> pointer((OnEventJna) (sequence, value) -> sink.next(new Event(sequence, value)))));
    private final Stream texts = new Stream(
            source,
            FluxCreate.register(sink ->
                    pointer((OnTextJna) (sequence, text) -> sink.next(new Event(sequence, text.getByte(0))))));
    private final MemorySegment answering = pointer((QuestionJna) question -> question + 1);

    private MemorySegment pointer(Callback callback) {
        alive.add(callback);
        Native.setCallbackThreadInitializer(callback, new CallbackThreadInitializer(true, false));
        return MemorySegment.ofAddress(Pointer.nativeValue(CallbackReference.getFunctionPointer(callback)));
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM -> Figures.of(stream.run(size, count));
            case SAME_THREAD -> Figures.of(source.sameThread(answering, count));
            case ALLOCATION -> Figures.of(stream.allocation(count));
            case ALLOCATION_POINTER -> Figures.of(texts.textAllocation(count));
            default -> throw Workload.not(measure);
        };
    }
}
