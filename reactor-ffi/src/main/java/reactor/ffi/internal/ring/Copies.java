package reactor.ffi.internal.ring;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The copies in the records of a batch, as handlers see them: read-only, and until the batch is over. On the consumer's thread. */
public final class Copies {

    /** How many bytes there are, as an int: -1 for the copy of NULL. */
    static final int LENGTH = -8;

    /** Whether that is less than there was, as an int. */
    static final int CUT = -4;

    static final int OF_NULL = -1;

    private final Ring ring;
    private @Nullable Arena arena;
    private MemorySegment memory = MemorySegment.NULL;
    private boolean cut;

    /** The target of a reader whose records have copies. */
    public record Target(Copies copies, Object handler) {}

    public Copies(Ring ring) {
        this.ring = ring;
    }

    /**
     * Returns one copy.
     *
     * @param data where the bytes lie
     * @param more how many bytes follow them that the handler may see, too
     */
    @SuppressWarnings("restricted")
    MemorySegment at(long data, int more) {
        int length = Words.getInt(data + LENGTH);
        if (length == OF_NULL) {
            return MemorySegment.NULL;
        }
        cut |= isCut(data);
        if (arena == null) {
            arena = Arena.ofConfined();
            memory = MemorySegment.ofAddress(ring.address())
                    .reinterpret(ring.byteSize(), arena, null)
                    .asReadOnly();
        }
        return memory.asSlice(data - ring.address(), (long) length + more);
    }

    /** Returns whether there was more than the copy whose bytes lie there has. */
    static boolean isCut(long data) {
        return Words.getInt(data + CUT) != 0;
    }

    /** Returns whether a copy was cut since this method was called last. */
    public boolean takeCut() {
        boolean was = cut;
        cut = false;
        return was;
    }

    /** Ends the batch: its segments cannot be read any more. */
    public void end() {
        if (arena != null) {
            Arena over = arena;
            arena = null;
            memory = MemorySegment.NULL;
            over.close();
        }
    }
}
