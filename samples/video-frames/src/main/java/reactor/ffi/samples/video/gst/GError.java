package reactor.ffi.samples.video.gst;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;

/** {@code struct GError}. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GError {

    private static final GroupLayout LAYOUT = MemoryLayout.structLayout(
                    gst_h.C_INT.withName("domain"), gst_h.C_INT.withName("code"), gst_h.C_POINTER.withName("message"))
            .withName("GError");

    private GError() {}

    /** The layout of the struct. */
    public static GroupLayout layout() {
        return LAYOUT;
    }

    private static final long message_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("message"));

    /** Reads the field {@code message}. */
    public static MemorySegment message(MemorySegment struct) {
        return struct.get(gst_h.C_POINTER, message_OFFSET);
    }
}
