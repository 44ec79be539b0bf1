package reactor.ffi.internal.ring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What the system calls for a signal: a few instructions that read the {@code siginfo_t}, call a listener's pointer with number, code,
 * value, process and user of the sender, and then go on to the handler from before. They enter no JVM and take no lock.
 *
 * <p>Entries are never unmapped, as a thread may be inside of one. An entry is used again for the same signal only.
 */
public final class SignalEntry {

    // The code is the same for all entries: the cell of each lies a page behind its code.
    private static final String X64 = String.join(
            "",
            "f30f1efa", // endbr64
            "575652", // push rdi, rsi, rdx: the arguments of a signal handler
            "4989f1", // mov r9, rsi: the siginfo_t
            "418b7108", // mov esi, [r9 + 8]: the code
            "498b5118", // mov rdx, [r9 + 24]: the value
            "418b4910", // mov ecx, [r9 + 16]: the process
            "458b4114", // mov r8d, [r9 + 20]: the user
            "ff15e00f0000", // call [LISTENER]
            "5a5e5f", // pop rdx, rsi, rdi
            "488b05de0f0000", // mov rax, [BEFORE]
            "4885c07402", // test rax, rax; je
            "ffe0", // jmp rax
            "c3"); // ret
    private static final String ARM64 = String.join(
            "",
            "5f2403d5", // bti c
            "fd7bbda9", // stp x29, x30, [sp, #-48]!
            "fd030091", // mov x29, sp
            "e00701a9", // stp x0, x1, [sp, #16]: the arguments of a signal handler
            "e21300f9", // str x2, [sp, #32]
            "e90301aa", // mov x9, x1: the siginfo_t
            "210940b9", // ldr w1, [x9, #8]: the code
            "220d40f9", // ldr x2, [x9, #24]: the value
            "231140b9", // ldr w3, [x9, #16]: the process
            "241540b9", // ldr w4, [x9, #20]: the user
            "d07e0058", // ldr x16, LISTENER
            "00023fd6", // blr x16
            "e00741a9", // ldp x0, x1, [sp, #16]
            "e21340f9", // ldr x2, [sp, #32]
            "fd7bc3a8", // ldp x29, x30, [sp], #48
            "707e0058", // ldr x16, BEFORE
            "500000b4", // cbz x16
            "00021fd6", // br x16
            "c0035fd6"); // ret

    /** From one entry to the next; each is less than that. */
    private static final int SIZE = 128;

    // A cell.

    /** The address of the pointer that is called. */
    private static final int LISTENER = SystemMemory.PAGE;

    /** The address of the handler from before, or zero. */
    private static final int BEFORE = LISTENER + 8;

    private static final long QUARANTINE = TimeUnit.SECONDS.toNanos(10);

    private static final byte[] CODE = HexFormat.of().parseHex(Machine.isX64() ? X64 : ARM64);

    /** The addresses of entries that no signal has ever had. */
    @GuardedBy("SignalEntry.class")
    private static final Deque<Long> UNUSED = new ArrayDeque<>();

    /** The entries that are over, by signal, oldest first. */
    @GuardedBy("SignalEntry.class")
    private static final Map<Integer, Deque<SignalEntry>> RETIRED = new HashMap<>();

    private final int number;
    private final long address;

    /** The time, in nanoTime, until which a thread may be inside. */
    @GuardedBy("SignalEntry.class")
    private long quarantinedUntil;

    private SignalEntry(int number, long address) {
        this.number = number;
        this.address = address;
    }

    /**
     * Returns an entry for a signal.
     *
     * @param listener the address of a pointer of the type {@code void (*)(int, int, long, int, int)}
     * @param before the address of the handler from before, or zero
     * @throws IllegalStateException if the system refuses the memory
     */
    public static synchronized SignalEntry open(int number, long listener, long before) {
        Deque<SignalEntry> retired = RETIRED.getOrDefault(number, new ArrayDeque<>());
        SignalEntry oldest = retired.peekFirst();
        SignalEntry entry;
        if (oldest != null && System.nanoTime() - oldest.quarantinedUntil >= 0) {
            entry = retired.removeFirst();
        } else {
            if (UNUSED.isEmpty()) {
                addPage();
            }
            entry = new SignalEntry(number, UNUSED.removeFirst());
        }
        entry.setBefore(before);
        Words.setVolatile(entry.address + LISTENER, listener);
        return entry;
    }

    @GuardedBy("SignalEntry.class")
    private static void addPage() {
        long page = SystemMemory.map(2L * SystemMemory.PAGE, "reactor-ffi: signals");
        for (int at = 0; at < SystemMemory.PAGE; at += SIZE) {
            SystemMemory.write(CODE, page + at);
            UNUSED.addLast(page + at);
        }
        SystemMemory.makeExecutable(page, SystemMemory.PAGE);
        Machine.written(page, SystemMemory.PAGE);
    }

    /** Returns the address of the signal handler. */
    public long address() {
        return address;
    }

    /** Returns the address of the handler from before, or zero. */
    public long before() {
        return Words.getVolatile(address + BEFORE);
    }

    /** Sets the handler that each signal goes on to; zero: to none. */
    public void setBefore(long handler) {
        Words.setVolatile(address + BEFORE, handler);
    }

    /** Lets signals only go on to the handler from before. */
    public void silence() {
        int nothing = CODE.length - (Machine.isX64() ? 1 : Integer.BYTES); // the code's last instruction, which returns
        Words.setVolatile(address + LISTENER, address + nothing);
    }

    /** Gives the entry back, as the system does not call it any more. A thread may still be inside. */
    public void retire() {
        silence();
        synchronized (SignalEntry.class) {
            quarantinedUntil = System.nanoTime() + QUARANTINE;
            RETIRED.computeIfAbsent(number, _ -> new ArrayDeque<>()).addLast(this);
        }
    }
}
