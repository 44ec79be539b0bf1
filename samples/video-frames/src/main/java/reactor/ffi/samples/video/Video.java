package reactor.ffi.samples.video;

import static reactor.ffi.samples.video.gst.gst_h.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.samples.video.gst.GstAppSinkCallbacks;
import reactor.ffi.samples.video.gst.GstBuffer;
import reactor.ffi.samples.video.gst.GstBusSyncHandler;
import reactor.ffi.samples.video.gst.GstMapInfo;
import reactor.ffi.samples.video.gst.GstMessage;

/**
 * The frames of a GStreamer pipeline as a {@link Flux}: each subscription is a pipeline of its own. Its end of stream
 * completes the Flux, an error on its bus is the Flux's error, and a cancel stops it.
 */
final class Video {

    /** What the pipeline's appsink has to be called. */
    static final String SINK = "frames";

    // Who is calling is a handle: to pass back, not to read. The user data says whose call it is, so that the callbacks
    // of all
    // pipelines share their pointers.
    private static final CallbackType<GstAppSinkCallbacks.eos.Function> EOS =
            CallbackType.of(GstAppSinkCallbacks.eos.Function.class).handles(0).userData(1);
    private static final CallbackType<GstAppSinkCallbacks.new_sample.Function> NEW_SAMPLE = CallbackType.of(
                    GstAppSinkCallbacks.new_sample.Function.class)
            .handles(0)
            .userData(1);
    private static final CallbackType<GstBusSyncHandler.Function> ON_MESSAGE =
            CallbackType.of(GstBusSyncHandler.Function.class).handles(0).userData(2);

    private final String description;
    private final Set<Long> pointers = ConcurrentHashMap.newKeySet();

    /**
     * @param description as for {@code gst-launch-1.0}; it makes grey pictures, of the format GRAY8, and ends with
     *     {@code appsink name=frames}
     */
    Video(String description) {
        this.description = description;
    }

    /** The frames, copied on GStreamer's streaming thread. */
    Flux<Frame> frames(CallbackOptions options) {
        return NativeFlux.create(options, sink -> {
            MemorySegment pipeline = GStreamer.parse(description);
            sink.onDispose(() -> gst_object_unref(pipeline)); // the last act: it calls both GDestroyNotifys
            listenToSink(pipeline, sink);
            listenToBus(pipeline, sink);
            // The first act. It joins the streaming thread, and would hang on that thread itself; here it is on the
            // scheduler's, and a streaming thread that waits for room has been woken.
            sink.onDispose(() -> gst_element_set_state(pipeline, GST_STATE_NULL()));
            if (gst_element_set_state(pipeline, GST_STATE_PLAYING()) == GST_STATE_CHANGE_FAILURE()
                    && !sink.isCancelled()) { // the bus may have said already why
                throw new IllegalStateException("the pipeline does not start: " + description);
            }
        });
    }

    /** How many different C function pointers GStreamer was given for frames. */
    int pointers() {
        return pointers.size();
    }

    private void listenToSink(MemorySegment pipeline, NativeSink<Frame> sink) {
        MemorySegment newSample = sink.callback(
                NEW_SAMPLE,
                (appsink, userData) -> onSample(appsink, sink),
                // It threw, or the end was quicker. Zero, which is GST_FLOW_OK, would ask for more.
                (appsink, userData) -> GST_FLOW_ERROR());
        pointers.add(newSample.address());
        try (Arena arena = Arena.ofConfined()) { // GStreamer copies the struct
            MemorySegment callbacks = GstAppSinkCallbacks.allocate(arena);
            GstAppSinkCallbacks.eos(callbacks, sink.callback(EOS, (appsink, userData) -> sink.complete()));
            GstAppSinkCallbacks.new_sample(callbacks, newSample);
            MemorySegment appsink = gst_bin_get_by_name(pipeline, arena.allocateFrom(SINK));
            if (appsink.address() == 0) {
                throw new IllegalArgumentException("there is no appsink name=" + SINK + " in: " + description);
            }
            // One user data for both callbacks. The handshake, with the same user data: when GStreamer is done with the
            // callbacks, their fallbacks are let go of at once.
            gst_app_sink_set_callbacks(appsink, callbacks, sink.userData(), sink.releaseNotify());
            gst_object_unref(appsink);
        }
    }

    private static void listenToBus(MemorySegment pipeline, NativeSink<Frame> sink) {
        MemorySegment onMessage = sink.callback(
                ON_MESSAGE,
                (bus, message, userData) -> {
                    if (GstMessage.type(message) == GST_MESSAGE_ERROR() && !sink.isCancelled()) {
                        sink.error(new IllegalStateException(GStreamer.textOf(message)));
                    }
                    gst_message_unref(message); // whoever drops it owns it
                    return GST_BUS_DROP();
                },
                (bus, message, userData) -> {
                    gst_message_unref(message);
                    return GST_BUS_DROP();
                });
        MemorySegment bus = gst_element_get_bus(pipeline);
        gst_bus_set_sync_handler(bus, onMessage, sink.userData(), sink.releaseNotify());
        gst_object_unref(bus);
    }

    private static int onSample(MemorySegment appsink, NativeSink<Frame> sink) {
        MemorySegment sample = gst_app_sink_pull_sample(appsink); // ours
        if (sample.address() == 0) {
            return GST_FLOW_EOS();
        }
        Frame frame;
        try {
            frame = copy(sample);
        } finally {
            gst_sample_unref(sample);
        }
        sink.next(frame); // may wait for room; false may only mean that the policy has dropped it
        return sink.isCancelled() ? GST_FLOW_EOS() : GST_FLOW_OK();
    }

    /** The bytes of a sample are GStreamer's: it uses them again for one of the next frames. */
    @SuppressWarnings("restricted") // as many bytes as GStreamer says
    private static Frame copy(MemorySegment sample) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment structure = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
            int width = number(structure, "width", arena);
            int height = number(structure, "height", arena);
            MemorySegment buffer = gst_sample_get_buffer(sample);
            MemorySegment map = GstMapInfo.allocate(arena);
            if (gst_buffer_map(buffer, map, GST_MAP_READ()) == 0) {
                throw new IllegalStateException("gst_buffer_map failed");
            }
            try {
                long size = GstMapInfo.size(map);
                byte[] pixels = GstMapInfo.data(map)
                        .reinterpret(size, arena, null) // dies here, and is no garbage later
                        .toArray(ValueLayout.JAVA_BYTE);
                return new Frame(width, height, Math.toIntExact(size / height), GstBuffer.pts(buffer), pixels);
            } finally {
                gst_buffer_unmap(buffer, map);
            }
        }
    }

    private static int number(MemorySegment structure, String field, Arena arena) {
        MemorySegment value = arena.allocate(C_INT);
        if (gst_structure_get_int(structure, arena.allocateFrom(field), value) == 0) {
            throw new IllegalStateException("the frame does not say its " + field + ": is it video?");
        }
        return value.get(C_INT, 0);
    }
}
