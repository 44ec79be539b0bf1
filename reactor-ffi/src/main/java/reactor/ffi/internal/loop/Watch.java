package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import reactor.util.Loggers;

/**
 * Says when something takes too long: who waits, and what the scheduler's thread is doing, both stacks. One daemon thread for
 * the JVM, which sleeps while nothing is watched.
 */
@SuppressWarnings("ReferenceEquality") // a thread is the same one or another
public final class Watch {

    private static final VarHandle WAKE_AT = ConstantBootstraps.staticFieldVarHandle(
            MethodHandles.lookup(), "wakeAt", VarHandle.class, Watch.class, long.class);

    /** Of {@code wakeAt}: it sleeps until it is woken. As a time it is one that never comes. */
    private static final long ASLEEP = Long.MAX_VALUE;

    /** How long an entry that is late and does no harm is left alone at least, in ns. */
    private static final long AGAIN = TimeUnit.MILLISECONDS.toNanos(10);

    private static final Set<Entry> WATCHED = ConcurrentHashMap.newKeySet();

    private static final long ORIGIN = System.nanoTime();

    /** When the thread looks next, in ns since ORIGIN. A thread that has an earlier time sets it, and wakes the thread. */
    private static volatile long wakeAt = ASLEEP;

    private Watch() {}

    /** The thread, which starts with the first thing that is watched; null before that. Written under the lock of the class. */
    private static volatile @Nullable Thread guard;

    /** Something that goes on, and is watched. */
    public static final class Entry {

        private final String what;
        private final Thread who;
        private final LoopThread thread;

        /** Whether the entry does any harm, as far as can be seen from the watching thread. */
        private final BooleanSupplier harms;

        private final long begun = now();

        /** When to warn, in ns since ORIGIN. Once that time has passed, the watching thread alone writes this field. */
        private volatile long warnAt;

        private Entry(String what, Thread who, LoopThread thread, BooleanSupplier harms) {
            this.what = what;
            this.who = who;
            this.thread = thread;
            this.harms = harms;
            this.warnAt = begun + Math.min(thread.warnAfterNanos(), ASLEEP - begun);
        }

        /** Ends the watch. Any thread. */
        public void end() {
            WATCHED.remove(this);
        }
    }

    /**
     * Watches something until its {@link Entry#end()}, and warns once if that takes longer than the scheduler's warning time.
     * Any thread; a fraction of a microsecond.
     *
     * @param what what is going on: "a lend of the turn"
     * @param who the thread that does it
     * @param thread the scheduler's, whose stack is shown too
     * @return what ends it
     */
    public static Entry begin(String what, Thread who, LoopThread thread) {
        return begin(what, who, thread, () -> true);
    }

    /** As above; while it does no harm, it is looked at again after the warning time. */
    static Entry begin(String what, Thread who, LoopThread thread, BooleanSupplier harms) {
        Entry entry = new Entry(what, who, thread, harms);
        WATCHED.add(entry);
        long at = wakeAt;
        while (entry.warnAt < at && !WAKE_AT.compareAndSet(at, entry.warnAt)) {
            at = wakeAt;
        }
        Thread own = guard;
        if (own == null) {
            start();
        } else if (entry.warnAt < at) {
            LockSupport.unpark(own);
        }
        return entry;
    }

    /**
     * Starts the watching thread. Where none can be had, what is watched goes on without a warning, and the
     * next entry tries again.
     */
    private static synchronized void start() {
        if (guard != null) {
            return;
        }
        try {
            Thread thread = new Thread(null, Watch::run, "reactor-ffi-watch", 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(Watch.class.getClassLoader());
            thread.start();
            guard = thread;
        } catch (Throwable e) {
            Errors.report(e);
        }
    }

    /**
     * Warns of a wait, for a thread that has found out by itself that it waits too long. Never throws: a
     * warning must not end what it warns of.
     *
     * @param what what is going on: "waits for its turn"
     * @param who the thread that waits
     * @param thread the scheduler's, which it waits for
     * @param nanos for how long already
     */
    public static void warn(String what, Thread who, LoopThread thread, long nanos) {
        try {
            log(what, who, thread, nanos);
        } catch (Throwable e) { // the logger, or no memory
            Errors.report(e);
        }
    }

    private static void log(String what, Thread who, LoopThread thread, long nanos) {
        StringBuilder text = new StringBuilder(
                what + ": " + Duration.ofNanos(nanos).toMillis() + " ms so far, " + thread.scheduler());
        append(text.append("\nwho waits: "), who);
        if (who != thread) {
            append(text.append("\nthe scheduler's thread: "), thread);
        }
        Loggers.getLogger(Watch.class).warn(text.toString());
    }

    private static void append(StringBuilder text, Thread thread) {
        text.append('"').append(thread.getName()).append("\" ").append(thread.getState());
        for (StackTraceElement frame : thread.getStackTrace()) {
            text.append("\n\tat ").append(frame);
        }
    }

    private static long now() {
        return System.nanoTime() - ORIGIN;
    }

    private static void run() {
        for (; ; ) {
            try {
                look();
            } catch (Throwable e) {
                Errors.report(e);
            }
        }
    }

    private static void look() {
        wakeAt = ASLEEP; // before the look: an entry that comes after it wakes the thread
        long now = now();
        long next = ASLEEP;
        for (Iterator<Entry> all = WATCHED.iterator(); all.hasNext(); ) {
            Entry entry = all.next();
            if (entry.warnAt <= now && !entry.harms.getAsBoolean()) {
                entry.warnAt = now + Math.min(Math.max(AGAIN, entry.thread.warnAfterNanos()), ASLEEP - now);
            }
            if (entry.warnAt > now) {
                next = Math.min(next, entry.warnAt);
            } else {
                all.remove();
                warn(entry.what, entry.who, entry.thread, now - entry.begun);
            }
        }
        long at = wakeAt;
        while (next < at && !WAKE_AT.compareAndSet(at, next)) {
            at = wakeAt;
        }
        long sleep = wakeAt;
        if (sleep == ASLEEP) {
            LockSupport.park(Watch.class);
        } else {
            LockSupport.parkNanos(Watch.class, sleep - now());
        }
        Thread.interrupted();
    }
}
