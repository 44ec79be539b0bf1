package reactor.ffi.samples.video;

import static reactor.ffi.samples.video.gst.gst_h.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import reactor.ffi.samples.video.gst.GError;

/** What every use of GStreamer needs: that it is there, that it is initialised, and its errors as exceptions. */
final class GStreamer {

    static final List<String> LIBRARIES = List.of("libglib-2.0.so.0", "libgstreamer-1.0.so.0", "libgstapp-1.0.so.0");

    private static final List<String> ELEMENTS = List.of("videotestsrc", "appsink");

    private GStreamer() {}

    /**
     * Loads and initialises GStreamer; may be called again.
     *
     * @throws MissingException if a part of it is not installed; the message says what to install
     */
    static void init() {
        LIBRARIES.forEach(GStreamer::requireLibrary);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(C_POINTER);
            if (gst_init_check(MemorySegment.NULL, MemorySegment.NULL, error) == 0) {
                throw new IllegalStateException("gst_init_check failed: " + takeError(error));
            }
            for (String element : ELEMENTS) {
                MemorySegment factory = gst_element_factory_find(arena.allocateFrom(element));
                if (factory.address() == 0) {
                    throw missing("its element " + element);
                }
                gst_object_unref(factory);
            }
        }
    }

    /**
     * Makes a pipeline of a description, as {@code gst-launch-1.0} does.
     *
     * @return the pipeline, which the caller has to unref
     * @throws IllegalArgumentException if the description is wrong; the message is GStreamer's
     */
    static MemorySegment parse(String description) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(C_POINTER);
            MemorySegment pipeline = gst_parse_launch(arena.allocateFrom(description), error);
            if (error.get(C_POINTER, 0).address() != 0) { // there may be a pipeline too, of what was understood
                if (pipeline.address() != 0) {
                    gst_object_unref(pipeline);
                }
                throw new IllegalArgumentException(takeError(error) + ": " + description);
            }
            return pipeline;
        }
    }

    /** What an ERROR message on the bus says. */
    static String textOf(MemorySegment errorMessage) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(C_POINTER);
            MemorySegment debug = arena.allocate(C_POINTER);
            gst_message_parse_error(errorMessage, error, debug);
            MemorySegment details = debug.get(C_POINTER, 0);
            String text = takeError(error) + (details.address() == 0 ? "" : " " + details.getString(0));
            g_free(details);
            return text;
        }
    }

    /** The message of a GError, which is freed. */
    private static String takeError(MemorySegment holder) {
        MemorySegment error = holder.get(C_POINTER, 0);
        String message = GError.message(error).getString(0);
        g_error_free(error);
        return message;
    }

    @SuppressWarnings("restricted") // only to see whether it is there
    private static void requireLibrary(String name) {
        try {
            SymbolLookup.libraryLookup(name, Arena.global());
        } catch (IllegalArgumentException _) {
            throw missing("its library " + name);
        }
    }

    private static MissingException missing(String what) {
        return new MissingException("GStreamer is not here, or not all of it: " + what + " is missing. Install it, on"
                + " Debian 12 with: apt install gstreamer1.0-plugins-base libgstreamer-plugins-base1.0-0");
    }
}
