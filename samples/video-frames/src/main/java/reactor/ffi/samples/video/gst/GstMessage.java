package reactor.ffi.samples.video.gst;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;

/** {@code struct GstMessage}, as far as its type. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GstMessage {

    private static final GroupLayout LAYOUT = MemoryLayout.structLayout(
                    MemoryLayout.sequenceLayout(8, gst_h.C_POINTER).withName("mini_object"),
                    gst_h.C_INT.withName("type"),
                    MemoryLayout.paddingLayout(4))
            .withName("GstMessage");

    private GstMessage() {}

    /** The layout of the struct. */
    public static GroupLayout layout() {
        return LAYOUT;
    }

    private static final long type_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("type"));

    /** Reads the field {@code type}. */
    public static int type(MemorySegment struct) {
        return struct.get(gst_h.C_INT, type_OFFSET);
    }
}
