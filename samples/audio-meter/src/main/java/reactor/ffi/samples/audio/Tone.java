package reactor.ffi.samples.audio;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import reactor.ffi.CFunction;

/** The source of sound, tone.c: a native thread that calls a function for each block of samples, a thousand times a second. */
final class Tone {

    /** {@code void (*)(int64_t number, double level, double peak)}. */
    @FunctionalInterface
    interface OnBlock {
        void block(long number, double level, double peak);
    }

    /** {@code int32_t tone_start(block_callback, int64_t, int64_t *)}. */
    private interface Start {
        int start(MemorySegment onBlock, long most, MemorySegment times);
    }

    /** {@code int64_t tone_stop(void)}. */
    private interface Stop {
        long stop();
    }

    static final int BLOCKS_PER_SECOND = 1_000;

    @SuppressWarnings("restricted") // the sample's own library
    private static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup(path(), Arena.global());

    private static final Start START = CFunction.named(LIBRARY, "tone_start", Start.class);
    private static final Stop STOP = CFunction.named(LIBRARY, "tone_stop", Stop.class);

    private final MemorySegment times;

    private Tone(MemorySegment times) {
        this.times = times;
    }

    private static Path path() {
        Path path = Path.of(System.getProperty("audio.native", "target/native"), "libtone.so");
        if (!Files.exists(path)) {
            throw new IllegalStateException(path.toAbsolutePath()
                    + " is not there: build with Maven, or say with -Daudio.native in which folder the library is");
        }
        return path.toAbsolutePath();
    }

    /**
     * Starts the thread.
     *
     * @param onBlock what the thread calls
     * @param most after so many blocks the thread calls no more
     * @param arena memory that lives until the thread has stopped
     */
    static Tone start(MemorySegment onBlock, int most, Arena arena) {
        MemorySegment times = arena.allocate(JAVA_LONG, most);
        int failed = START.start(onBlock, most, times);
        if (failed != 0) {
            throw new IllegalStateException("no thread for the tone: errno " + failed);
        }
        return new Tone(times);
    }

    /** Joins the thread. Returns the ns that each call took, in their order. */
    long[] stop() {
        return times.asSlice(0, STOP.stop() * JAVA_LONG.byteSize()).toArray(JAVA_LONG);
    }
}
