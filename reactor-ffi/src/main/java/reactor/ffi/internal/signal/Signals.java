package reactor.ffi.internal.signal;

import static java.lang.invoke.MethodType.methodType;
import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * Takes signals over from the handlers that the JVM has for them, and gives them back. {@code sun.misc.Signal} is reached
 * through method handles: naming it is a warning that cannot be suppressed.
 */
public final class Signals {

    private static final Logger LOG = Loggers.getLogger(Signals.class);

    /** A listener to a signal. Called on a thread of the JVM's dispatcher. */
    @FunctionalInterface
    public interface Handler {

        /** Handles one signal. */
        void handle(int number, long count);
    }

    /** Signals that the JVM uses itself, although {@code sun.misc.Signal} lets others take them. */
    private static final Set<String> USED_BY_THE_JVM = Set.of("BUS", "PIPE", "XFSZ", "USR2");

    /**
     * Signals that the JVM leaves ignored if the process was started so, although {@code sun.misc.Signal} accepts a
     * handler for them.
     */
    private static final Set<String> STAY_IGNORED = Set.of("HUP", "INT", "TERM");

    private static final String REDUCED = "ReduceSignalUsage";

    /** The signals that are taken over, by name; also the lock of taking and giving back. */
    @GuardedBy("itself")
    private static final Map<String, Taken> TAKEN = new HashMap<>();

    /** A signal that is taken over, while it has a listener. */
    private static final class Taken {

        /** Changed under the lock of {@link #TAKEN}; the JVM's threads for signals read the list without it. */
        final List<Handler> listeners = new CopyOnWriteArrayList<>();

        /**
         * How often the signal came. Under a lock, because the JVM starts a thread for each signal, and listeners get the
         * counts in order.
         */
        @GuardedBy("this")
        long count;

        /** The dispatcher's handler of the library. */
        @GuardedBy("TAKEN")
        @Nullable
        Object ours;

        /** The dispatcher's handler before ours. */
        @GuardedBy("TAKEN")
        @Nullable
        Object before;
    }

    private Signals() {}

    /** Returns the names without duplicates; throws if an element is not the name of a signal. */
    public static List<String> names(String... names) {
        if (requireNonNull(names, "names").length == 0) {
            throw new IllegalArgumentException("no signal is named; name one or more, such as HUP");
        }
        for (String name : names) {
            if (requireNonNull(name, "name").startsWith("SIG")) {
                throw new IllegalArgumentException("write " + name.substring(3) + ", without SIG: " + name);
            }
        }
        return List.copyOf(new LinkedHashSet<>(List.of(names)));
    }

    /** Adds a listener; the first listener takes the signal over from the JVM's handler. */
    public static void take(String name, Handler listener) throws Throwable {
        if (USED_BY_THE_JVM.contains(name)) {
            throw new IllegalArgumentException("the JVM uses " + name + " itself; take another, such as HUP or USR1");
        }
        synchronized (TAKEN) {
            Taken taken = TAKEN.get(name);
            if (taken == null) {
                taken = takeOver(name, listener);
                TAKEN.put(name, taken);
            } else {
                taken.listeners.add(listener);
            }
        }
    }

    @GuardedBy("TAKEN")
    private static Taken takeOver(String name, Handler listener) throws Throwable {
        Dispatcher dispatcher = Dispatcher.get();
        Object signal = dispatcher.signal(name);
        if (isReduced()) {
            throw new IllegalStateException(
                    "the JVM runs with -Xrs, so it delivers no signals: start it without, to get " + name);
        }
        Taken taken = new Taken();
        taken.listeners.add(listener);
        taken.ours = dispatcher.handler(taken);
        taken.before = dispatcher.handle(signal, name, taken.ours);
        if (dispatcher.ignores(taken.before) && STAY_IGNORED.contains(name)) {
            LOG.warn(
                    "{} is ignored, as nohup or a shell's background job has it, and the JVM leaves it so: it never comes",
                    name);
        }
        return taken;
    }

    /** Removes a listener; the last one gives the signal back to the handler from before. */
    @SuppressWarnings("ReferenceEquality") // that very handler
    public static void giveBack(String name, Handler listener) throws Throwable {
        synchronized (TAKEN) {
            Taken taken = TAKEN.get(name);
            if (taken != null && taken.listeners.remove(listener) && taken.listeners.isEmpty()) {
                TAKEN.remove(name);
                Dispatcher dispatcher = Dispatcher.get();
                Object signal = dispatcher.signal(name);
                Object current = dispatcher.handle(signal, name, taken.before);
                if (current != taken.ours) { // another handler has replaced the library's: that one stays
                    Object _ = dispatcher.handle(signal, name, current);
                }
            }
        }
    }

    @SuppressWarnings("unused") // Dispatcher.dispatch
    private static void dispatch(Taken taken, Object signal) throws Throwable {
        int number = (int) Dispatcher.get().number.invoke(signal);
        synchronized (taken) {
            taken.count++;
            for (Handler listener : taken.listeners) {
                listener.handle(number, taken.count);
            }
        }
    }

    /** Returns whether the JVM runs with -Xrs, where it accepts a handler for USR1 and never calls it. */
    private static boolean isReduced() {
        try {
            Class<?> type = Class.forName("com.sun.management.HotSpotDiagnosticMXBean");
            Object bean = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getPlatformMXBean", Class.class)
                    .invoke(null, type);
            Object option = type.getMethod("getVMOption", String.class).invoke(bean, REDUCED);
            return Class.forName("com.sun.management.VMOption")
                    .getMethod("getValue")
                    .invoke(option)
                    .equals("true");
        } catch (ReflectiveOperationException | RuntimeException noSuchModule) {
            return isReducedByItsArguments();
        }
    }

    /** As {@link #isReduced}, where the module jdk.management is missing. Argument files are not read. */
    private static boolean isReducedByItsArguments() {
        StringBuilder all = new StringBuilder();
        for (String variable : List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")) {
            all.append(Objects.toString(System.getenv(variable), "")).append(' ');
        }
        try {
            all.append(Files.readString(Path.of("/proc/self/cmdline")).replace('\0', ' '));
        } catch (IOException | RuntimeException notLinux) {
            all.append(
                    String.join(" ", ProcessHandle.current().info().arguments().orElse(new String[0])));
        }
        List<String> words = List.of(all.toString().split("\\s+"));
        return words.contains("-Xrs") || words.contains("-XX:+" + REDUCED);
    }

    /** The JVM's dispatcher, {@code sun.misc.Signal}. */
    private static final class Dispatcher {

        private static volatile @Nullable Dispatcher instance;

        final MethodHandle number;
        private final MethodHandle dispatch;
        private final MethodHandle create;
        private final MethodHandle handle;
        private final Class<?> type;
        private final Object ignore;

        private Dispatcher() throws ReflectiveOperationException {
            Class<?> signal = Class.forName("sun.misc.Signal");
            type = Class.forName("sun.misc.SignalHandler");
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            number = lookup.findVirtual(signal, "getNumber", methodType(int.class));
            create = lookup.findConstructor(signal, methodType(void.class, String.class));
            handle = lookup.findStatic(signal, "handle", methodType(type, signal, type));
            ignore = lookup.findStaticVarHandle(type, "SIG_IGN", type).get();
            dispatch = lookup.findStatic(Signals.class, "dispatch", methodType(void.class, Taken.class, Object.class));
        }

        /**
         * Returns the dispatcher. Not made in a static initialiser, because only the first caller of that would get the
         * reason of a failure.
         */
        static Dispatcher get() {
            Dispatcher dispatcher = instance;
            if (dispatcher == null) {
                try {
                    dispatcher = new Dispatcher();
                } catch (ReflectiveOperationException e) {
                    throw new IllegalStateException(
                            "signals need the module jdk.unsupported: start the JVM with --add-modules jdk.unsupported",
                            e);
                }
                instance = dispatcher;
            }
            return dispatcher;
        }

        Object handler(Taken taken) {
            return MethodHandleProxies.asInterfaceInstance(type, dispatch.bindTo(taken));
        }

        @SuppressWarnings("ReferenceEquality") // a constant
        boolean ignores(@Nullable Object handler) {
            return handler == ignore;
        }

        Object signal(String name) throws Throwable {
            try {
                return create.invoke(name);
            } catch (IllegalArgumentException unknown) {
                throw new IllegalArgumentException(
                        "there is no signal " + name + " on this platform, or it is a real-time signal, which the JVM"
                                + " does not deliver and NativeSignals.realTime does: " + unknown.getMessage(),
                        unknown);
            }
        }

        /** Installs a handler and returns the one before. */
        Object handle(Object signal, String name, @Nullable Object handler) throws Throwable {
            try {
                return handle.invoke(signal, handler);
            } catch (IllegalArgumentException used) {
                throw new IllegalArgumentException(
                        "the JVM, or the system, keeps " + name + " for itself: " + used.getMessage(), used);
            }
        }
    }
}
