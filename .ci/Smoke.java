import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import reactor.ffi.CFunction;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;

/** A callback that answers and a stream, on any system: {@code qsort} of the C library, and a pointer that the program calls. */
class Smoke {

    interface Compare {
        int compare(MemorySegment a, MemorySegment b);
    }

    interface Sort {
        void sort(MemorySegment base, long count, long size, MemorySegment compare);
    }

    interface OnValue {
        void value(int value);
    }

    public static void main(String[] args) {
        Sort qsort = CFunction.named("qsort", Sort.class);
        try (Arena arena = Arena.ofConfined();
                NativeCallback<Compare> compare = NativeCallback.direct(
                        Compare.class, (a, b) -> Integer.compare(a.get(JAVA_INT, 0), b.get(JAVA_INT, 0)))) {
            MemorySegment numbers = arena.allocateFrom(JAVA_INT, 5, 1, 4, 2, 3);
            qsort.sort(numbers, 5, JAVA_INT.byteSize(), compare.pointer());
            check(Arrays.toString(numbers.toArray(JAVA_INT)), "[1, 2, 3, 4, 5]");
        }

        List<Integer> values = NativeFlux.<Integer>create(sink -> {
                    MemorySegment pointer = sink.callback(OnValue.class, sink::next);
                    OnValue call = CFunction.at(pointer, OnValue.class);
                    for (int i = 1; i <= 3; i++) {
                        call.value(i);
                    }
                    sink.complete();
                })
                .collectList()
                .block(Duration.ofSeconds(30));
        check(String.valueOf(values), "[1, 2, 3]");
        System.out.println(System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                + Runtime.version() + ", pointers of " + ADDRESS.byteSize() + " bytes: all is well");
    }

    private static void check(String seen, String expected) {
        if (!seen.equals(expected)) {
            throw new AssertionError(seen + ", not " + expected);
        }
    }
}
