package reactor.ffi.samples.video.gst;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;

/** {@code struct GstBuffer}, as far as its time stamp. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GstBuffer {

    private static final GroupLayout LAYOUT = MemoryLayout.structLayout(
                    MemoryLayout.sequenceLayout(8, gst_h.C_POINTER).withName("mini_object"),
                    gst_h.C_POINTER.withName("pool"),
                    gst_h.C_LONG.withName("pts"))
            .withName("GstBuffer");

    private GstBuffer() {}

    /** The layout of the struct. */
    public static GroupLayout layout() {
        return LAYOUT;
    }

    private static final long pts_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("pts"));

    /** Reads the field {@code pts}. */
    public static long pts(MemorySegment struct) {
        return struct.get(gst_h.C_LONG, pts_OFFSET);
    }
}
