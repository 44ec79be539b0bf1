package reactor.ffi.samples.video.gst;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;

/** {@code GstBusSyncReply (*GstBusSyncHandler)(GstBus *bus, GstMessage *message, gpointer user_data)}. */
@SuppressWarnings("MemberName") // the names of the C header
public final class GstBusSyncHandler {

    private static final FunctionDescriptor DESC =
            FunctionDescriptor.of(gst_h.C_INT, gst_h.C_POINTER, gst_h.C_POINTER, gst_h.C_POINTER);

    private GstBusSyncHandler() {}

    /** The function type. */
    @FunctionalInterface
    public interface Function {
        /** Called by GStreamer. */
        int apply(MemorySegment bus, MemorySegment message, MemorySegment user_data);
    }

    /** Its C signature. */
    public static FunctionDescriptor descriptor() {
        return DESC;
    }
}
