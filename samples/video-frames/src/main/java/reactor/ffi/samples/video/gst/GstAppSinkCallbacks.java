package reactor.ffi.samples.video.gst;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** {@code struct GstAppSinkCallbacks}: what an appsink calls, on the streaming thread. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GstAppSinkCallbacks {

    private static final GroupLayout LAYOUT = MemoryLayout.structLayout(
                    gst_h.C_POINTER.withName("eos"),
                    gst_h.C_POINTER.withName("new_preroll"),
                    gst_h.C_POINTER.withName("new_sample"),
                    gst_h.C_POINTER.withName("new_event"),
                    MemoryLayout.sequenceLayout(3, gst_h.C_POINTER).withName("_gst_reserved"))
            .withName("GstAppSinkCallbacks");

    private GstAppSinkCallbacks() {}

    /** The layout of the struct. */
    public static GroupLayout layout() {
        return LAYOUT;
    }

    private static final long eos_OFFSET = LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("eos"));

    /** Writes the field {@code eos}. */
    public static void eos(MemorySegment struct, MemorySegment fieldValue) {
        struct.set(gst_h.C_POINTER, eos_OFFSET, fieldValue);
    }

    private static final long new_sample_OFFSET =
            LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("new_sample"));

    /** Writes the field {@code new_sample}. */
    public static void new_sample(MemorySegment struct, MemorySegment fieldValue) {
        struct.set(gst_h.C_POINTER, new_sample_OFFSET, fieldValue);
    }

    /** {@code void (*eos)(GstAppSink *appsink, gpointer user_data)}. */
    public static final class eos {

        private static final FunctionDescriptor DESC = FunctionDescriptor.ofVoid(gst_h.C_POINTER, gst_h.C_POINTER);

        private eos() {}

        /** The function type. */
        @FunctionalInterface
        public interface Function {
            /** Called by GStreamer. */
            void apply(MemorySegment appsink, MemorySegment user_data);
        }

        /** Its C signature. */
        public static FunctionDescriptor descriptor() {
            return DESC;
        }
    }

    /** {@code GstFlowReturn (*new_sample)(GstAppSink *appsink, gpointer user_data)}. */
    public static final class new_sample {

        private static final FunctionDescriptor DESC =
                FunctionDescriptor.of(gst_h.C_INT, gst_h.C_POINTER, gst_h.C_POINTER);

        private new_sample() {}

        /** The function type. */
        @FunctionalInterface
        public interface Function {
            /** Called by GStreamer. */
            int apply(MemorySegment appsink, MemorySegment user_data);
        }

        /** Its C signature. */
        public static FunctionDescriptor descriptor() {
            return DESC;
        }
    }

    /** Allocates a struct of zeros. */
    public static MemorySegment allocate(SegmentAllocator allocator) {
        return allocator.allocate(layout());
    }
}
