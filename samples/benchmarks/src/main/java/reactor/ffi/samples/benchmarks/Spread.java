package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Many function pointers that one native thread calls in turn. Each width has pointers of its own, made once. */
final class Spread {

    private final NativeSource source;
    private final Supplier<MemorySegment> pointers;
    private final Map<Integer, MemorySegment> byWidth = new HashMap<>();

    Spread(NativeSource source, Supplier<MemorySegment> pointers) {
        this.source = source;
        this.pointers = pointers;
    }

    void start(int width, long calls) throws Throwable {
        source.startSpread(byWidth.computeIfAbsent(width, this::array), width, calls);
    }

    private MemorySegment array(int width) {
        MemorySegment array = Arena.global().allocate(ADDRESS, width);
        for (int i = 0; i < width; i++) {
            array.setAtIndex(ADDRESS, i, pointers.get());
        }
        return array;
    }
}
