package reactor.ffi.samples.nats;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.List;

/**
 * The few functions of nats.c that this sample needs, bound by hand: where a binding is as small as this, it needs no
 * generator. Loaded when it is first used.
 */
@SuppressWarnings("restricted") // these are the signatures of nats.h
final class Nats {

    /** The file name carries the minor version; 3.4 is that of Debian 12. */
    static final List<String> LIBRARIES = List.of(
            "libnats.so.3.4",
            "libnats.so",
            "libnats.so.3.3",
            "libnats.so.3.5",
            "libnats.so.3.6",
            "libnats.so.3.7",
            "libnats.so.3.8",
            "libnats.so.3.9",
            "libnats.so.3.10");

    private static final AddressLayout TEXT = ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(256, JAVA_BYTE));

    /** A payload of this sample: one number. */
    private static final AddressLayout NUMBER = ADDRESS.withTargetLayout(JAVA_LONG_UNALIGNED);

    /** For getters that neither wait nor call back: the JVM then makes a plain C call of it. */
    private static final Linker.Option GETTER = Linker.Option.critical(false);

    private Nats() {}

    /**
     * Finds the library.
     *
     * @throws MissingException if it is not installed; the message says what to install
     */
    static void require() {
        library();
    }

    /** A connection of its own. The calling thread waits for it. */
    static MemorySegment connect(String url) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check("natsConnection_ConnectTo(" + url + ")", (int)
                    Functions.CONNECT_TO.invokeExact(out, arena.allocateFrom(url)));
            return out.get(ADDRESS, 0);
        }
    }

    /** Copies the message into the connection's buffer. */
    static void publish(MemorySegment connection, MemorySegment subject, MemorySegment data, int length)
            throws Throwable {
        check("natsConnection_Publish", (int) Functions.PUBLISH.invokeExact(connection, subject, data, length));
    }

    /** Waits until the server has all that was published, and the connection's reader has read all that came before. */
    static void flush(MemorySegment connection) throws Throwable {
        check("natsConnection_Flush", (int) Functions.FLUSH.invokeExact(connection));
    }

    /** Closes the connection: joins its reader, but not the threads of its subscriptions. */
    static void destroyConnection(MemorySegment connection) throws Throwable {
        Functions.DESTROY_CONNECTION.invokeExact(connection);
    }

    /**
     * Ends nats.c, after the last connection, and waits for its threads. Without it one of them may still run while the
     * process ends, with what it uses gone.
     */
    static void closeAndWait() throws Throwable {
        check("nats_CloseAndWait", (int) Functions.CLOSE_AND_WAIT.invokeExact(5_000L));
    }

    /** Starts a thread that calls {@code onMsg} for each message, with the closure as its last argument. */
    static MemorySegment subscribe(
            MemorySegment connection, MemorySegment subject, MemorySegment onMsg, MemorySegment closure)
            throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check("natsConnection_Subscribe", (int)
                    Functions.SUBSCRIBE.invokeExact(out, connection, subject, onMsg, closure));
            return out.get(ADDRESS, 0);
        }
    }

    /** As many messages and bytes may wait in nats.c as there are; without it the 65,537th is dropped. */
    static void unlimitedPending(MemorySegment subscription) throws Throwable {
        check("natsSubscription_SetPendingLimits", (int)
                Functions.SET_PENDING_LIMITS.invokeExact(subscription, -1, -1));
    }

    /** The last call that the subscription ever makes, with the closure: it comes on its own thread, some time after the unsubscribe. */
    static void onComplete(MemorySegment subscription, MemorySegment function, MemorySegment closure) throws Throwable {
        check("natsSubscription_SetOnCompleteCB", (int)
                Functions.SET_ON_COMPLETE.invokeExact(subscription, function, closure));
    }

    /** How many messages nats.c has dropped, because too many waited. */
    static long dropped(MemorySegment subscription) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            check("natsSubscription_GetDropped", (int) Functions.GET_DROPPED.invokeExact(subscription, out));
            return out.get(JAVA_LONG, 0);
        }
    }

    /** No message that comes from now on is for this subscription. Does not wait for one that is under way. */
    static void unsubscribe(MemorySegment subscription) throws Throwable {
        check("natsSubscription_Unsubscribe", (int) Functions.UNSUBSCRIBE.invokeExact(subscription));
    }

    /**
     * Gives our reference back. Before 3.6 the connection's reader does not hold one of its own: it may write to what is freed
     * here, unless it has come by since the {@linkplain #unsubscribe unsubscribe}, as in a {@link #flush}.
     */
    static void destroySubscription(MemorySegment subscription) throws Throwable {
        Functions.DESTROY_SUBSCRIPTION.invokeExact(subscription);
    }

    /** A message that we own. */
    static MemorySegment createMsg(MemorySegment subject, MemorySegment data, int length) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check("natsMsg_Create", (int)
                    Functions.CREATE_MSG.invokeExact(out, subject, MemorySegment.NULL, data, length));
            return out.get(ADDRESS, 0);
        }
    }

    /** The length of a message's payload in bytes. */
    static int length(MemorySegment msg) throws Throwable {
        return (int) Functions.GET_DATA_LENGTH.invokeExact(msg);
    }

    /** The payload as a number; it has to be 8 bytes long. */
    static long number(MemorySegment msg) throws Throwable {
        return ((MemorySegment) Functions.GET_DATA.invokeExact(msg)).get(JAVA_LONG_UNALIGNED, 0);
    }

    /** Frees a message that we own: each one that nats.c gave to a callback. */
    static void destroyMsg(MemorySegment msg) throws Throwable {
        Functions.DESTROY_MSG.invokeExact(msg);
    }

    private static void check(String function, int status) throws Throwable {
        if (status != 0) {
            String text = ((MemorySegment) Functions.STATUS_TEXT.invokeExact(status)).getString(0);
            throw new IllegalStateException(function + " failed: " + text);
        }
    }

    /** With the global arena: a library is not unloaded under its own threads. */
    private static SymbolLookup library() {
        for (String name : LIBRARIES) {
            try {
                return SymbolLookup.libraryLookup(name, Arena.global());
            } catch (IllegalArgumentException _) {
                // not under this name
            }
        }
        throw new MissingException("the NATS client library nats.c is not here (tried " + String.join(", ", LIBRARIES)
                + "): install it, on Debian 12 with: apt install libnats3.4");
    }

    /** A class of its own, so that {@link #require} can say what is missing before anything is bound. */
    private static final class Functions {

        private static final SymbolLookup LIBRARY = library();

        static final MethodHandle CONNECT_TO = function("natsConnection_ConnectTo", JAVA_INT, ADDRESS, ADDRESS);
        static final MethodHandle PUBLISH =
                function("natsConnection_Publish", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT);
        static final MethodHandle FLUSH = function("natsConnection_Flush", JAVA_INT, ADDRESS);
        static final MethodHandle DESTROY_CONNECTION = procedure("natsConnection_Destroy", ADDRESS);
        static final MethodHandle CLOSE_AND_WAIT = function("nats_CloseAndWait", JAVA_INT, JAVA_LONG);
        static final MethodHandle SUBSCRIBE =
                function("natsConnection_Subscribe", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
        static final MethodHandle SET_PENDING_LIMITS =
                function("natsSubscription_SetPendingLimits", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
        static final MethodHandle SET_ON_COMPLETE =
                function("natsSubscription_SetOnCompleteCB", JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
        static final MethodHandle GET_DROPPED = function("natsSubscription_GetDropped", JAVA_INT, ADDRESS, ADDRESS);
        static final MethodHandle UNSUBSCRIBE = function("natsSubscription_Unsubscribe", JAVA_INT, ADDRESS);
        static final MethodHandle DESTROY_SUBSCRIPTION = procedure("natsSubscription_Destroy", ADDRESS);
        static final MethodHandle CREATE_MSG =
                function("natsMsg_Create", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT);
        static final MethodHandle GET_DATA = bind("natsMsg_GetData", FunctionDescriptor.of(NUMBER, ADDRESS), GETTER);
        static final MethodHandle GET_DATA_LENGTH =
                bind("natsMsg_GetDataLength", FunctionDescriptor.of(JAVA_INT, ADDRESS), GETTER);
        static final MethodHandle DESTROY_MSG = procedure("natsMsg_Destroy", ADDRESS);
        static final MethodHandle STATUS_TEXT = function("natsStatus_GetText", TEXT, JAVA_INT);

        private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
            return bind(name, FunctionDescriptor.of(result, parameters));
        }

        private static MethodHandle procedure(String name, MemoryLayout... parameters) {
            return bind(name, FunctionDescriptor.ofVoid(parameters));
        }

        private static MethodHandle bind(String name, FunctionDescriptor descriptor, Linker.Option... options) {
            MemorySegment address = LIBRARY.find(name)
                    .orElseThrow(() -> new MissingException("this nats.c has no " + name + "; 3.4 has it"));
            return Linker.nativeLinker().downcallHandle(address, descriptor, options);
        }
    }
}
