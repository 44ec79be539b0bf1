package reactor.ffi.samples.audio;

import java.lang.foreign.MemorySegment;
import reactor.ffi.NativeSink;

/** How the blocks of the native thread come into Java. */
enum Way {
    /** Machine code copies the numbers into a ring; the scheduler's thread reads them there, many at once. */
    LISTENER("listener, in batches") {
        @Override
        MemorySegment register(NativeSink<Level> sink) {
            return sink.batches(Tone.OnBlock.class, batch -> sink.next(Level.of(batch)));
        }
    },

    /** The native thread enters the JVM. */
    UPCALL("upcall") {
        @Override
        MemorySegment register(NativeSink<Level> sink) {
            return sink.callback(Tone.OnBlock.class, (number, level, peak) -> sink.next(new Level(1, level, peak)));
        }
    };

    final String title;

    Way(String title) {
        this.title = title;
    }

    /** Returns the pointer that the native thread is to call. */
    abstract MemorySegment register(NativeSink<Level> sink);
}
