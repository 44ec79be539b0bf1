package reactor.ffi.internal.signal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.ffi.internal.ring.SignalEntry;

/**
 * The signal handlers of the process on Linux, by {@code sigaction}. Each subscription has a handler of its own, which goes on to the
 * one from before; so a signal reaches all of them, and the handler that was there before the first.
 */
public final class SignalActions {

    /** Signals by name that the JVM has no use for, with their numbers on x86-64 and aarch64. */
    private static final Map<String, Integer> FREE = Map.ofEntries(
            Map.entry("USR1", 10),
            Map.entry("ALRM", 14),
            Map.entry("STKFLT", 16),
            Map.entry("CHLD", 17),
            Map.entry("CONT", 18),
            Map.entry("TSTP", 20),
            Map.entry("TTIN", 21),
            Map.entry("TTOU", 22),
            Map.entry("URG", 23),
            Map.entry("XCPU", 24),
            Map.entry("VTALRM", 26),
            Map.entry("PROF", 27),
            Map.entry("WINCH", 28),
            Map.entry("IO", 29),
            Map.entry("PWR", 30),
            Map.entry("SYS", 31));

    /** Signals that the JVM handles itself, for its own work. */
    private static final Set<String> USED_BY_THE_JVM =
            Set.of("SEGV", "BUS", "FPE", "ILL", "TRAP", "ABRT", "QUIT", "PIPE", "XFSZ", "USR2");

    /** Signals by which others end the JVM: its dispatcher has them. */
    private static final Set<String> OF_THE_DISPATCHER = Set.of("HUP", "INT", "TERM");

    private static final Pattern REAL_TIME = Pattern.compile("RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?");

    // struct sigaction of glibc and musl

    private static final long HANDLER = 0;
    private static final long FLAGS = 136;
    private static final long SIZE = 152;

    private static final int SIGINFO = 4;
    private static final int ON_STACK = 0x0800_0000;
    private static final int RESTART = 0x1000_0000;

    private static final long IGNORE = 1;

    /** What is installed, oldest first; also the lock of installing and removing. */
    @GuardedBy("itself")
    private static final List<SignalActions> INSTALLED = new ArrayList<>();

    private final int number;
    private final SignalEntry entry;

    /** The {@code struct sigaction} from before. */
    @GuardedBy("INSTALLED")
    private byte[] before;

    private SignalActions(int number, SignalEntry entry, byte[] before) {
        this.number = number;
        this.entry = entry;
        this.before = before;
    }

    /**
     * Has the system call a pointer for each signal, and then the handler from before.
     *
     * @param name without SIG, such as RTMIN+3
     * @param listener of the type {@code void (*)(int number, int code, long value, int process, int user)}
     * @throws IllegalArgumentException if the system has no such signal, or the JVM uses that signal
     */
    public static SignalActions install(String name, MemorySegment listener) {
        int number = number(name);
        synchronized (INSTALLED) {
            byte[] before = get(number);
            long handler = MemorySegment.ofArray(before).get(JAVA_LONG_UNALIGNED, HANDLER);
            SignalEntry entry = SignalEntry.open(number, listener.address(), handler <= IGNORE ? 0 : handler);
            byte[] ours = before.clone(); // with its mask
            MemorySegment action = MemorySegment.ofArray(ours);
            action.set(JAVA_LONG_UNALIGNED, HANDLER, entry.address());
            int flags = handler <= IGNORE ? 0 : action.get(JAVA_INT_UNALIGNED, FLAGS);
            action.set(JAVA_INT_UNALIGNED, FLAGS, flags | SIGINFO | ON_STACK | RESTART);
            set(name, number, ours);
            SignalActions installed = new SignalActions(number, entry, before);
            INSTALLED.add(installed);
            return installed;
        }
    }

    /** Takes the handler out, and puts the one from before back, unless somebody else has installed another meanwhile. */
    public void remove() {
        synchronized (INSTALLED) {
            if (!INSTALLED.remove(this)) {
                return;
            }
            SignalActions next = next();
            long current = MemorySegment.ofArray(get(number)).get(JAVA_LONG_UNALIGNED, HANDLER);
            if (current == entry.address()) {
                set("signal " + number, number, before);
                entry.retire();
            } else if (next != null) {
                next.entry.setBefore(entry.before());
                next.before = before;
                entry.retire();
            } else {
                entry.silence(); // the other handler may go on to this one
            }
        }
    }

    /** Returns the one that goes on to this one, or null. */
    @GuardedBy("INSTALLED")
    private @Nullable SignalActions next() {
        return INSTALLED.stream()
                .filter(other -> other.number == number && other.entry.before() == entry.address())
                .findFirst()
                .orElse(null);
    }

    private static int number(String name) {
        if (USED_BY_THE_JVM.contains(name)) {
            throw new IllegalArgumentException(
                    "the JVM uses " + name + " itself; take another, such as RTMIN+3 or USR1");
        }
        if (OF_THE_DISPATCHER.contains(name)) {
            throw new IllegalArgumentException(
                    "the JVM handles " + name + ", which ends it in order: use NativeSignals.on(\"" + name + "\")");
        }
        Integer free = FREE.get(name);
        int number = free != null ? free : realTime(name);
        String suspends = System.getenv("_JAVA_SR_SIGNUM");
        if (suspends != null && suspends.equals(Integer.toString(number))) {
            throw new IllegalArgumentException(
                    "the JVM uses " + name + " itself, as the variable _JAVA_SR_SIGNUM says; take another");
        }
        return number;
    }

    private static int realTime(String name) {
        Matcher matcher = REAL_TIME.matcher(name);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("there is no signal " + name
                    + " that a process may handle: name one such as RTMIN+3, RTMAX-1 or USR1");
        }
        int first = Functions.number(Functions.FIRST);
        int last = Functions.number(Functions.LAST);
        int offset = matcher.group(3) == null ? 0 : Integer.parseInt(matcher.group(2) + matcher.group(3));
        int number = (matcher.group(1).equals("MIN") ? first : last) + offset;
        if (number < first || number > last) {
            throw new IllegalArgumentException(
                    "there is no signal " + name + ": the real-time signals are RTMIN to RTMIN+" + (last - first));
        }
        return number;
    }

    private static byte[] get(int number) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment action = arena.allocate(SIZE, 8);
            int failed = (int) Functions.SIGACTION.invokeExact(number, MemorySegment.NULL, action);
            if (failed != 0) {
                throw new IllegalStateException("sigaction does not tell the handler of signal " + number);
            }
            return action.toArray(JAVA_BYTE);
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    private static void set(String name, int number, byte[] to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment action = arena.allocate(SIZE, 8).copyFrom(MemorySegment.ofArray(to));
            int failed = (int) Functions.SIGACTION.invokeExact(number, action, MemorySegment.NULL);
            if (failed != 0) {
                throw new IllegalArgumentException("the system lets nobody handle " + name);
            }
        } catch (Throwable e) {
            throw unchecked(e);
        }
    }

    private static RuntimeException unchecked(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(thrown);
    }

    /** Functions of the C library. */
    private static final class Functions {

        static final MethodHandle SIGACTION =
                function("sigaction", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
        static final MethodHandle FIRST = function("__libc_current_sigrtmin", FunctionDescriptor.of(JAVA_INT));
        static final MethodHandle LAST = function("__libc_current_sigrtmax", FunctionDescriptor.of(JAVA_INT));

        private Functions() {}

        @SuppressWarnings("restricted")
        private static MethodHandle function(String name, FunctionDescriptor type) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), type);
        }

        static int number(MethodHandle function) {
            try {
                return (int) function.invokeExact();
            } catch (Throwable e) {
                throw unchecked(e);
            }
        }
    }
}
