package reactor.ffi.samples.video.gst;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Functions and constants of GStreamer that this sample needs, in the shape that jextract writes: one class for the header,
 * one for each struct and each function type. It was written by hand, so that the build needs neither jextract nor headers.
 * Two things are different: the library is loaded with the global arena, because GStreamer's threads outlive any other; and
 * the function types have no {@code allocate}, because {@code sink.callback} makes their pointers.
 */
@SuppressWarnings({"restricted", "MemberName"}) // the signatures, and the names, of the C headers
public final class gst_h {

    /** {@code int}. */
    public static final ValueLayout.OfInt C_INT = ValueLayout.JAVA_INT;

    /** {@code long}. */
    public static final ValueLayout.OfLong C_LONG = ValueLayout.JAVA_LONG;

    /** {@code void *}. */
    public static final AddressLayout C_POINTER =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE));

    private static final SymbolLookup SYMBOL_LOOKUP = SymbolLookup.libraryLookup("libgstapp-1.0.so.0", Arena.global())
            .or(SymbolLookup.libraryLookup("libgstreamer-1.0.so.0", Arena.global()))
            .or(SymbolLookup.libraryLookup("libglib-2.0.so.0", Arena.global()));

    private gst_h() {}

    private static MethodHandle downcall(String symbol, FunctionDescriptor descriptor) {
        MemorySegment address =
                SYMBOL_LOOKUP.find(symbol).orElseThrow(() -> new UnsatisfiedLinkError("unresolved symbol: " + symbol));
        return Linker.nativeLinker().downcallHandle(address, descriptor);
    }

    /** {@code GST_STATE_NULL}. */
    public static int GST_STATE_NULL() {
        return 1;
    }

    /** {@code GST_STATE_PLAYING}. */
    public static int GST_STATE_PLAYING() {
        return 4;
    }

    /** {@code GST_STATE_CHANGE_FAILURE}. */
    public static int GST_STATE_CHANGE_FAILURE() {
        return 0;
    }

    /** {@code GST_MESSAGE_ERROR}. */
    public static int GST_MESSAGE_ERROR() {
        return 2;
    }

    /** {@code GST_BUS_DROP}. */
    public static int GST_BUS_DROP() {
        return 0;
    }

    /** {@code GST_FLOW_OK}. */
    public static int GST_FLOW_OK() {
        return 0;
    }

    /** {@code GST_FLOW_EOS}. */
    public static int GST_FLOW_EOS() {
        return -3;
    }

    /** {@code GST_FLOW_ERROR}. */
    public static int GST_FLOW_ERROR() {
        return -5;
    }

    /** {@code GST_MAP_READ}. */
    public static int GST_MAP_READ() {
        return 1;
    }

    private static final class gst_init_check {
        static final MethodHandle HANDLE =
                downcall("gst_init_check", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code int gst_init_check(void *argc, void *argv, void *error)}. */
    public static int gst_init_check(MemorySegment argc, MemorySegment argv, MemorySegment error) {
        try {
            return (int) gst_init_check.HANDLE.invokeExact(argc, argv, error);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_element_factory_find {
        static final MethodHandle HANDLE =
                downcall("gst_element_factory_find", FunctionDescriptor.of(C_POINTER, C_POINTER));
    }

    /** {@code void *gst_element_factory_find(void *name)}. */
    public static MemorySegment gst_element_factory_find(MemorySegment name) {
        try {
            return (MemorySegment) gst_element_factory_find.HANDLE.invokeExact(name);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_parse_launch {
        static final MethodHandle HANDLE =
                downcall("gst_parse_launch", FunctionDescriptor.of(C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code void *gst_parse_launch(void *pipeline_description, void *error)}. */
    public static MemorySegment gst_parse_launch(MemorySegment pipeline_description, MemorySegment error) {
        try {
            return (MemorySegment) gst_parse_launch.HANDLE.invokeExact(pipeline_description, error);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_bin_get_by_name {
        static final MethodHandle HANDLE =
                downcall("gst_bin_get_by_name", FunctionDescriptor.of(C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code void *gst_bin_get_by_name(void *bin, void *name)}. */
    public static MemorySegment gst_bin_get_by_name(MemorySegment bin, MemorySegment name) {
        try {
            return (MemorySegment) gst_bin_get_by_name.HANDLE.invokeExact(bin, name);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_element_get_bus {
        static final MethodHandle HANDLE = downcall("gst_element_get_bus", FunctionDescriptor.of(C_POINTER, C_POINTER));
    }

    /** {@code void *gst_element_get_bus(void *element)}. */
    public static MemorySegment gst_element_get_bus(MemorySegment element) {
        try {
            return (MemorySegment) gst_element_get_bus.HANDLE.invokeExact(element);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_element_set_state {
        static final MethodHandle HANDLE =
                downcall("gst_element_set_state", FunctionDescriptor.of(C_INT, C_POINTER, C_INT));
    }

    /** {@code int gst_element_set_state(void *element, int state)}. */
    public static int gst_element_set_state(MemorySegment element, int state) {
        try {
            return (int) gst_element_set_state.HANDLE.invokeExact(element, state);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_object_unref {
        static final MethodHandle HANDLE = downcall("gst_object_unref", FunctionDescriptor.ofVoid(C_POINTER));
    }

    /** {@code void gst_object_unref(void *object)}. */
    public static void gst_object_unref(MemorySegment object) {
        try {
            gst_object_unref.HANDLE.invokeExact(object);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_bus_set_sync_handler {
        static final MethodHandle HANDLE = downcall(
                "gst_bus_set_sync_handler", FunctionDescriptor.ofVoid(C_POINTER, C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code void gst_bus_set_sync_handler(void *bus, void *func, void *user_data, void *notify)}. */
    public static void gst_bus_set_sync_handler(
            MemorySegment bus, MemorySegment func, MemorySegment user_data, MemorySegment notify) {
        try {
            gst_bus_set_sync_handler.HANDLE.invokeExact(bus, func, user_data, notify);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_message_parse_error {
        static final MethodHandle HANDLE =
                downcall("gst_message_parse_error", FunctionDescriptor.ofVoid(C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code void gst_message_parse_error(void *message, void *gerror, void *debug)}. */
    public static void gst_message_parse_error(MemorySegment message, MemorySegment gerror, MemorySegment debug) {
        try {
            gst_message_parse_error.HANDLE.invokeExact(message, gerror, debug);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_message_unref {
        static final MethodHandle HANDLE = downcall("gst_message_unref", FunctionDescriptor.ofVoid(C_POINTER));
    }

    /** {@code void gst_message_unref(void *msg)}. */
    public static void gst_message_unref(MemorySegment msg) {
        try {
            gst_message_unref.HANDLE.invokeExact(msg);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_app_sink_set_callbacks {
        static final MethodHandle HANDLE = downcall(
                "gst_app_sink_set_callbacks", FunctionDescriptor.ofVoid(C_POINTER, C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code void gst_app_sink_set_callbacks(void *appsink, void *callbacks, void *user_data, void *notify)}. */
    public static void gst_app_sink_set_callbacks(
            MemorySegment appsink, MemorySegment callbacks, MemorySegment user_data, MemorySegment notify) {
        try {
            gst_app_sink_set_callbacks.HANDLE.invokeExact(appsink, callbacks, user_data, notify);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_app_sink_pull_sample {
        static final MethodHandle HANDLE =
                downcall("gst_app_sink_pull_sample", FunctionDescriptor.of(C_POINTER, C_POINTER));
    }

    /** {@code void *gst_app_sink_pull_sample(void *appsink)}. */
    public static MemorySegment gst_app_sink_pull_sample(MemorySegment appsink) {
        try {
            return (MemorySegment) gst_app_sink_pull_sample.HANDLE.invokeExact(appsink);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_sample_get_buffer {
        static final MethodHandle HANDLE =
                downcall("gst_sample_get_buffer", FunctionDescriptor.of(C_POINTER, C_POINTER));
    }

    /** {@code void *gst_sample_get_buffer(void *sample)}. */
    public static MemorySegment gst_sample_get_buffer(MemorySegment sample) {
        try {
            return (MemorySegment) gst_sample_get_buffer.HANDLE.invokeExact(sample);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_sample_get_caps {
        static final MethodHandle HANDLE = downcall("gst_sample_get_caps", FunctionDescriptor.of(C_POINTER, C_POINTER));
    }

    /** {@code void *gst_sample_get_caps(void *sample)}. */
    public static MemorySegment gst_sample_get_caps(MemorySegment sample) {
        try {
            return (MemorySegment) gst_sample_get_caps.HANDLE.invokeExact(sample);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_sample_unref {
        static final MethodHandle HANDLE = downcall("gst_sample_unref", FunctionDescriptor.ofVoid(C_POINTER));
    }

    /** {@code void gst_sample_unref(void *sample)}. */
    public static void gst_sample_unref(MemorySegment sample) {
        try {
            gst_sample_unref.HANDLE.invokeExact(sample);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_caps_get_structure {
        static final MethodHandle HANDLE =
                downcall("gst_caps_get_structure", FunctionDescriptor.of(C_POINTER, C_POINTER, C_INT));
    }

    /** {@code void *gst_caps_get_structure(void *caps, int index)}. */
    public static MemorySegment gst_caps_get_structure(MemorySegment caps, int index) {
        try {
            return (MemorySegment) gst_caps_get_structure.HANDLE.invokeExact(caps, index);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_structure_get_int {
        static final MethodHandle HANDLE =
                downcall("gst_structure_get_int", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER, C_POINTER));
    }

    /** {@code int gst_structure_get_int(void *structure, void *fieldname, void *value)}. */
    public static int gst_structure_get_int(MemorySegment structure, MemorySegment fieldname, MemorySegment value) {
        try {
            return (int) gst_structure_get_int.HANDLE.invokeExact(structure, fieldname, value);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_buffer_map {
        static final MethodHandle HANDLE =
                downcall("gst_buffer_map", FunctionDescriptor.of(C_INT, C_POINTER, C_POINTER, C_INT));
    }

    /** {@code int gst_buffer_map(void *buffer, void *info, int flags)}. */
    public static int gst_buffer_map(MemorySegment buffer, MemorySegment info, int flags) {
        try {
            return (int) gst_buffer_map.HANDLE.invokeExact(buffer, info, flags);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class gst_buffer_unmap {
        static final MethodHandle HANDLE =
                downcall("gst_buffer_unmap", FunctionDescriptor.ofVoid(C_POINTER, C_POINTER));
    }

    /** {@code void gst_buffer_unmap(void *buffer, void *info)}. */
    public static void gst_buffer_unmap(MemorySegment buffer, MemorySegment info) {
        try {
            gst_buffer_unmap.HANDLE.invokeExact(buffer, info);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class g_error_free {
        static final MethodHandle HANDLE = downcall("g_error_free", FunctionDescriptor.ofVoid(C_POINTER));
    }

    /** {@code void g_error_free(void *error)}. */
    public static void g_error_free(MemorySegment error) {
        try {
            g_error_free.HANDLE.invokeExact(error);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }

    private static final class g_free {
        static final MethodHandle HANDLE = downcall("g_free", FunctionDescriptor.ofVoid(C_POINTER));
    }

    /** {@code void g_free(void *mem)}. */
    public static void g_free(MemorySegment mem) {
        try {
            g_free.HANDLE.invokeExact(mem);
        } catch (Throwable thrown) {
            throw new AssertionError("should not reach here", thrown);
        }
    }
}
