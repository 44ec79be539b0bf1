package reactor.ffi.samples.video.gst;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** {@code struct GstMapInfo}: where the bytes of a buffer are, while it is mapped. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GstMapInfo {

    private static final GroupLayout LAYOUT = MemoryLayout.structLayout(
                    gst_h.C_POINTER.withName("memory"),
                    gst_h.C_INT.withName("flags"),
                    MemoryLayout.paddingLayout(4),
                    gst_h.C_POINTER.withName("data"),
                    gst_h.C_LONG.withName("size"),
                    gst_h.C_LONG.withName("maxsize"),
                    MemoryLayout.sequenceLayout(4, gst_h.C_POINTER).withName("user_data"),
                    MemoryLayout.sequenceLayout(4, gst_h.C_POINTER).withName("_gst_reserved"))
            .withName("GstMapInfo");

    private GstMapInfo() {}

    /** The layout of the struct. */
    public static GroupLayout layout() {
        return LAYOUT;
    }

    private static final long data_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("data"));

    /** Reads the field {@code data}. */
    public static MemorySegment data(MemorySegment struct) {
        return struct.get(gst_h.C_POINTER, data_OFFSET);
    }

    private static final long size_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("size"));

    /** Reads the field {@code size}. */
    public static long size(MemorySegment struct) {
        return struct.get(gst_h.C_LONG, size_OFFSET);
    }

    /** Allocates a struct of zeros. */
    public static MemorySegment allocate(SegmentAllocator allocator) {
        return allocator.allocate(layout());
    }
}
