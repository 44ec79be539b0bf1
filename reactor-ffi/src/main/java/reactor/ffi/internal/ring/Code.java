package reactor.ffi.internal.ring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The machine code of one shape: pages with the body, which all pointers of the shape run, and the thunks of the pointers
 * behind the body. A page is written once, made executable, and never written again. What a pointer is bound to, and what C
 * gets for a call, is not in these pages but in the pointer's cell, in pages that are not executable.
 */
final class Code {

    private static final Map<Shape, Code> ALL = new ConcurrentHashMap<>();
    private static final int THUNK = 16;
    private static final long QUARANTINE = TimeUnit.SECONDS.toNanos(10);
    private static final int YOUNGER = 256;

    private final Shape shape;

    /** The thunks that native code has never seen, or is done with. */
    @GuardedBy("this")
    private final ArrayDeque<Thunk> free = new ArrayDeque<>();

    /** The retired thunks that native code may still call, oldest first. */
    @GuardedBy("this")
    private final ArrayDeque<Thunk> quarantine = new ArrayDeque<>();

    private Code(Shape shape) {
        this.shape = shape;
    }

    static Code of(Shape shape) {
        return ALL.computeIfAbsent(shape, Code::new);
    }

    /** Returns a thunk for one pointer; the thunk leads nowhere yet. */
    synchronized Thunk take() {
        Thunk due = pollDue();
        if (due != null) {
            return due;
        }
        if (free.isEmpty()) {
            addPages();
        }
        return free.removeLast();
    }

    @GuardedBy("this")
    private @Nullable Thunk pollDue() {
        Thunk oldest = quarantine.peekFirst();
        boolean due = oldest != null && quarantine.size() > YOUNGER && System.nanoTime() - oldest.quarantinedUntil >= 0;
        return due ? quarantine.pollFirst() : null;
    }

    synchronized void quarantine(Thunk thunk) {
        thunk.quarantinedUntil = System.nanoTime() + QUARANTINE;
        quarantine.addLast(thunk);
    }

    synchronized void free(Thunk thunk) {
        free.addLast(thunk);
    }

    /** Ends the quarantine of a thunk. Does nothing if that is over, because the thunk is free then, or just taken. */
    synchronized void endQuarantine(Thunk thunk) {
        if (quarantine.remove(thunk)) {
            free.addLast(thunk);
        }
    }

    /** Writes the body, as many thunks as fit behind the body, and their cells on pages of their own. */
    @GuardedBy("this")
    private void addPages() {
        byte[] body = Machine.body(shape);
        int first = pages(body.length, THUNK);
        int codeSize = pages(first + THUNK, SystemMemory.PAGE);
        int count = (codeSize - first) / THUNK;
        long base = SystemMemory.map(
                codeSize + pages(count * RingLayout.CELL, SystemMemory.PAGE), "reactor-ffi: listeners");
        SystemMemory.write(body, base);
        for (int i = 0; i < count; i++) {
            int thunk = first + i * THUNK;
            int cell = codeSize + i * RingLayout.CELL;
            SystemMemory.write(Machine.thunk(cell - thunk, -thunk), base + thunk);
            free.addFirst(new Thunk(this, base + thunk, base + cell));
        }
        SystemMemory.makeExecutable(base, codeSize);
        Machine.written(base, codeSize);
    }

    private static int pages(int bytes, int unit) {
        return (bytes + unit - 1) & -unit;
    }
}
