package reactor.ffi.samples.dashboard;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeMemory;

/**
 * The part of libmosquitto that the sample calls, bound by hand. The parameters {@code struct mosquitto *} and {@code void *}
 * of its callbacks are handles: passed back, never read.
 */
final class Mosquitto {

    /** {@code void (*)(struct mosquitto *, void *, int)}. */
    @FunctionalInterface
    interface OnConnect {
        void onConnect(MemorySegment client, MemorySegment userData, int code);
    }

    /** {@code void (*)(struct mosquitto *, void *, int)}. */
    @FunctionalInterface
    interface OnDisconnect {
        void onDisconnect(MemorySegment client, MemorySegment userData, int code);
    }

    /** {@code void (*)(struct mosquitto *, void *, const struct mosquitto_message *)}. */
    @FunctionalInterface
    interface OnMessage {
        void onMessage(MemorySegment client, MemorySegment userData, MemorySegment message);
    }

    /** {@code void (*)(struct mosquitto *, void *, int, const char *)}. */
    @FunctionalInterface
    interface OnLog {
        void onLog(MemorySegment client, MemorySegment userData, int level, MemorySegment text);
    }

    static final CallbackType<OnConnect> ON_CONNECT =
            CallbackType.of(OnConnect.class).handles(0, 1);
    static final CallbackType<OnDisconnect> ON_DISCONNECT =
            CallbackType.of(OnDisconnect.class).handles(0, 1);
    static final CallbackType<OnMessage> ON_MESSAGE =
            CallbackType.of(OnMessage.class).handles(0, 1);
    static final CallbackType<OnLog> ON_LOG = CallbackType.of(OnLog.class).handles(0, 1);

    static final String MISSING =
            "libmosquitto.so.1 is not on this machine: install it (Debian: apt install libmosquitto1)";

    static final int SUCCESS = 0;
    static final int NO_CONNECTION = 4;
    private static final int ERRNO = 14;
    private static final int UNKNOWN_HOST = 15;

    private static final Optional<SymbolLookup> LIBRARY = library();

    private Mosquitto() {}

    static boolean isInstalled() {
        return LIBRARY.isPresent();
    }

    /** A client that is not connected. {@code mosquitto_lib_init} may be called often. */
    static MemorySegment newClient(String id) throws Throwable {
        check("mosquitto_lib_init", (int) Functions.LIB_INIT.invokeExact());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment client =
                    (MemorySegment) Functions.NEW.invokeExact(arena.allocateFrom(id), true, MemorySegment.NULL);
            if (client.address() == 0) {
                throw new IllegalStateException("mosquitto_new failed");
            }
            return client;
        }
    }

    /** NULL takes a callback away. Waits for one that is running. */
    static void setCallbacks(
            MemorySegment client,
            MemorySegment onConnect,
            MemorySegment onDisconnect,
            MemorySegment onMessage,
            MemorySegment onLog)
            throws Throwable {
        Functions.CONNECT_CALLBACK_SET.invokeExact(client, onConnect);
        Functions.DISCONNECT_CALLBACK_SET.invokeExact(client, onDisconnect);
        Functions.MESSAGE_CALLBACK_SET.invokeExact(client, onMessage);
        Functions.LOG_CALLBACK_SET.invokeExact(client, onLog);
    }

    /**
     * Begins to connect. False if nobody is there: the thread of {@link #loopStart} goes on trying. That it does so even if
     * the first attempt is refused needs the library to believe that there is a thread already: it leaves the first packet
     * to that one.
     */
    static boolean connectAsync(MemorySegment client, String host, int port, int keepAliveSeconds) throws Throwable {
        check("mosquitto_threaded_set", (int) Functions.THREADED_SET.invokeExact(client, true));
        try (Arena arena = Arena.ofConfined()) {
            int code =
                    (int) Functions.CONNECT_ASYNC.invokeExact(client, arena.allocateFrom(host), port, keepAliveSeconds);
            if (code == ERRNO || code == UNKNOWN_HOST) {
                return false;
            }
            check("mosquitto_connect_async", code);
            return true;
        } finally {
            check("mosquitto_threaded_set", (int) Functions.THREADED_SET.invokeExact(client, false));
        }
    }

    /** Starts the library's thread, which calls back. */
    static void loopStart(MemorySegment client) throws Throwable {
        check("mosquitto_loop_start", (int) Functions.LOOP_START.invokeExact(client));
    }

    /** Joins the library's thread. After {@link #disconnect}, and never from a callback. */
    static void loopStop(MemorySegment client) throws Throwable {
        check("mosquitto_loop_stop", (int) Functions.LOOP_STOP.invokeExact(client, false));
    }

    /** Not an error without a connection: the library stops trying. */
    static void disconnect(MemorySegment client) throws Throwable {
        int code = (int) Functions.DISCONNECT.invokeExact(client);
        if (code != NO_CONNECTION) {
            check("mosquitto_disconnect", code);
        }
    }

    static void subscribe(MemorySegment client, String pattern, int qos) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            check("mosquitto_subscribe", (int)
                    Functions.SUBSCRIBE.invokeExact(client, MemorySegment.NULL, arena.allocateFrom(pattern), qos));
        }
    }

    /** Returns {@link #SUCCESS} or {@link #NO_CONNECTION}. */
    static int publish(MemorySegment client, String topic, byte[] payload, int qos) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(payload.length);
            MemorySegment.copy(MemorySegment.ofArray(payload), 0, copy, 0, payload.length);
            int code = (int) Functions.PUBLISH.invokeExact(
                    client, MemorySegment.NULL, arena.allocateFrom(topic), payload.length, copy, qos, false);
            if (code != NO_CONNECTION) {
                check("mosquitto_publish", code);
            }
            return code;
        }
    }

    /** Frees the client. Its thread has been joined before. */
    static void destroy(MemorySegment client) throws Throwable {
        Functions.DESTROY.invokeExact(client);
    }

    /**
     * The topic of a {@code struct mosquitto_message}, without the NUL at its end. The struct is {@code int mid; char *topic;
     * void *payload; int payloadlen; ...}.
     */
    static MemorySegment topic(MemorySegment message) {
        MemorySegment text = NativeMemory.at(message, 8, Long.MAX_VALUE);
        long length = 0;
        while (text.get(JAVA_BYTE, length) != 0) {
            length++;
        }
        return text.asSlice(0, length);
    }

    /** Its payload, where it lies. */
    static MemorySegment payload(MemorySegment message) {
        return NativeMemory.at(message, 16, message.get(JAVA_INT, 24));
    }

    /** What an error code means, in words. For a failed system call the library would look at an errno that is another's. */
    static String errorText(int code) {
        return code == ERRNO ? "the network failed, or nobody answers there" : text(Functions.STRERROR, code);
    }

    /** What the answer of a broker to a connect means, in words. */
    static String answerText(int code) {
        return text(Functions.CONNACK_STRING, code);
    }

    private static String text(MethodHandle function, int code) {
        try {
            return requireNonNull(NativeMemory.string((MemorySegment) function.invokeExact(code)));
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void check(String function, int code) {
        if (code != SUCCESS) {
            throw new IllegalStateException(function + ": " + errorText(code));
        }
    }

    /** With the global arena: were the library unloaded under its threads, the process would crash. */
    @SuppressWarnings("restricted")
    private static Optional<SymbolLookup> library() {
        try {
            return Optional.of(SymbolLookup.libraryLookup("libmosquitto.so.1", Arena.global()));
        } catch (IllegalArgumentException _) {
            return Optional.empty();
        }
    }

    /** Bound when they are first needed. */
    private static final class Functions {

        static final MethodHandle LIB_INIT = function("lib_init", JAVA_INT);
        static final MethodHandle NEW = function("new", ADDRESS, ADDRESS, JAVA_BOOLEAN, ADDRESS);
        static final MethodHandle CONNECT_CALLBACK_SET = procedure("connect_callback_set", ADDRESS, ADDRESS);
        static final MethodHandle DISCONNECT_CALLBACK_SET = procedure("disconnect_callback_set", ADDRESS, ADDRESS);
        static final MethodHandle MESSAGE_CALLBACK_SET = procedure("message_callback_set", ADDRESS, ADDRESS);
        static final MethodHandle LOG_CALLBACK_SET = procedure("log_callback_set", ADDRESS, ADDRESS);
        static final MethodHandle CONNECT_ASYNC =
                function("connect_async", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT);
        static final MethodHandle THREADED_SET = function("threaded_set", JAVA_INT, ADDRESS, JAVA_BOOLEAN);
        static final MethodHandle LOOP_START = function("loop_start", JAVA_INT, ADDRESS);
        static final MethodHandle LOOP_STOP = function("loop_stop", JAVA_INT, ADDRESS, JAVA_BOOLEAN);
        static final MethodHandle DISCONNECT = function("disconnect", JAVA_INT, ADDRESS);
        static final MethodHandle SUBSCRIBE = function("subscribe", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT);
        static final MethodHandle PUBLISH =
                function("publish", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_BOOLEAN);
        static final MethodHandle DESTROY = procedure("destroy", ADDRESS);
        static final MethodHandle STRERROR = function("strerror", ADDRESS, JAVA_INT);
        static final MethodHandle CONNACK_STRING = function("connack_string", ADDRESS, JAVA_INT);

        private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
            return bind(name, FunctionDescriptor.of(result, parameters));
        }

        private static MethodHandle procedure(String name, MemoryLayout... parameters) {
            return bind(name, FunctionDescriptor.ofVoid(parameters));
        }

        @SuppressWarnings("restricted") // these are the signatures of mosquitto.h
        private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
            SymbolLookup library = LIBRARY.orElseThrow(() -> new IllegalStateException(MISSING));
            return Linker.nativeLinker()
                    .downcallHandle(library.find("mosquitto_" + name).orElseThrow(), descriptor);
        }
    }
}
