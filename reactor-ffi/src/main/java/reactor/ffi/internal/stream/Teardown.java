package reactor.ffi.internal.stream;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCall;
import reactor.ffi.internal.FunctionPointer;
import reactor.ffi.internal.InvokeExact;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.Watch;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.ffi.internal.upcall.Callee;
import reactor.ffi.internal.upcall.Signature;
import reactor.ffi.internal.upcall.Upcall;
import reactor.ffi.internal.upcall.UserData;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The callbacks and actions that a registration has made, as one stack. The stack is popped once, from the last entry to
 * the first: an action runs; a callback becomes inert, and the entries below wait until its handlers have left. So an
 * action that was added after a callback runs while the callback still works, and what was made before a callback
 * outlives its handlers.
 */
final class Teardown {

    private static final Logger LOG = Loggers.getLogger(Teardown.class);
    private static final Signature<DestroyNotify> NOTIFY = Signature.of(DestroyNotify.class);
    private static final Signature<DestroyNotify> NOTIFY_WITH_USER_DATA = (Signature<DestroyNotify>) NOTIFY.userData(0);
    private static final long LEAVE_LIMIT = TimeUnit.SECONDS.toNanos(1);

    /** How often the end waits a millisecond for memory before it gives up. */
    private static final int MEMORY_LIMIT = 10_000;

    private final String name;
    private final LoopScheduler scheduler;
    private final Owner owner;
    private final long source;

    /** The entries, oldest first: of type {@link Upcall}, {@link Action}, {@link NativeLoop}, or a listener's pointer. */
    @GuardedBy("this")
    private final LinkedHashSet<Object> stack = new LinkedHashSet<>();

    /** The callbacks by address, those that have ended too: a pointer may be released after the end. */
    @GuardedBy("this")
    private final Map<Long, FunctionPointer> made = new HashMap<>();

    /** The callbacks that were made since the last {@link #releaseNotify}. */
    @GuardedBy("this")
    private List<FunctionPointer> notNotified = new ArrayList<>();

    /**
     * The memory that this registration's slots keep. Replaced once the registration has ended, so that only the slots
     * keep the arena.
     */
    @GuardedBy("this")
    private Memory memory = new Memory();

    /** What C hands back, once somebody has asked for it. */
    @GuardedBy("this")
    private @Nullable UserData userData;

    /** Whether the stack is being popped: nothing can be made any more. */
    @GuardedBy("this")
    private boolean running;

    /** Whether the stack is empty for good. */
    @GuardedBy("this")
    private boolean undone;

    /** The thread that pops the stack. */
    @GuardedBy("this")
    private @Nullable Thread unwinding;

    /** What the actions threw. Accessed by the thread that pops the stack only. */
    private @Nullable Throwable thrown;

    /** Memory that late calls may still read. Each slot keeps it, also before the arena is made and after the end. */
    private static final class Memory {

        @Nullable
        Arena arena;
    }

    /** An entry of an action, with an identity of its own, because the same lambda may be pushed twice. */
    private static final class Action {

        final NativeAction action;

        Action(NativeAction action) {
            this.action = action;
        }
    }

    Teardown(String name, LoopScheduler scheduler, Owner owner, long source) {
        this.name = name;
        this.scheduler = scheduler;
        this.owner = owner;
        this.source = source;
    }

    synchronized <F> MemorySegment callback(Signature<F> signature, F handler, @Nullable F fallback) {
        if (running) {
            throw new IllegalStateException("the subscription of " + name + " has ended: make " + signature.name()
                    + " callbacks while it lives");
        }
        Upcall upcall = signature.hasUserData()
                ? ownUserData().open(signature, handler, fallback, owner, memory)
                : signature.open(handler, fallback, owner, source, memory);
        return push(upcall);
    }

    /** A pointer whose calls are records of a ring: machine code, or where there is none an upcall. */
    synchronized <F> MemorySegment listener(
            ListenerSignature<F> type,
            Supplier<ListenerHandler> checked,
            Function<ListenerSignature<?>, Listeners<?>> listeners) {
        if (running) {
            throw new IllegalStateException("the subscription of " + name + " has ended: make " + type.signature.name()
                    + " listeners while it lives");
        }
        ListenerHandler handler = checked.get();
        Listeners<?> ring = listeners.apply(type);
        return push(
                type.isNative()
                        ? ring.open(type, handler)
                        : type.signature.open(
                                type.entry(),
                                ring.producer(type, handler),
                                handler.ofUser(),
                                type.late(),
                                owner,
                                source,
                                memory));
    }

    /** Makes a pointer a part of the registration. */
    @GuardedBy("this")
    private MemorySegment push(FunctionPointer pointer) {
        boolean pushed = false;
        try {
            made.put(pointer.pointer().address(), pointer);
            notNotified.add(pointer);
            pushed = stack.add(pointer);
        } finally {
            if (!pushed) { // no memory: the pointer was not returned to anybody
                release(pointer);
            }
        }
        if (owner.isCancelled()) {
            pointer.retire();
        }
        return pointer.pointer();
    }

    synchronized MemorySegment userData() {
        if (running) {
            throw new IllegalStateException(
                    "the subscription of " + name + " has ended: ask for userData while it lives");
        }
        return ownUserData().segment();
    }

    @GuardedBy("this")
    private UserData ownUserData() {
        UserData own = userData;
        if (own == null) {
            own = UserData.take();
            userData = own;
        }
        return own;
    }

    synchronized Arena arena() {
        Arena arena = memory.arena;
        if (arena == null) {
            arena = Arena.ofAuto();
            memory.arena = arena;
        }
        return arena;
    }

    void release(MemorySegment address) {
        FunctionPointer pointer;
        synchronized (this) {
            pointer = made.get(address.address());
        }
        if (pointer != null) {
            release(pointer);
        }
    }

    private synchronized void release(FunctionPointer pointer) {
        made.remove(pointer.pointer().address(), pointer);
        notNotified.remove(pointer);
        stack.remove(pointer);
        pointer.release();
    }

    synchronized MemorySegment releaseNotify() {
        if (running) {
            throw new IllegalStateException(
                    "the subscription of " + name + " has ended: ask for releaseNotify while it lives");
        }
        List<FunctionPointer> done = notNotified;
        boolean shared = !done.isEmpty()
                && done.stream().allMatch(pointer -> pointer instanceof Upcall upcall && upcall.hasUserData());
        notNotified = new ArrayList<>();
        Upcall[] self = new Upcall[1];
        DestroyNotify notify = userData -> {
            done.forEach(this::release);
            release(self[0]);
        };
        self[0] = shared
                ? ownUserData().open(NOTIFY_WITH_USER_DATA, notify, notify, new Unreported(), this)
                : NOTIFY.open(notify, notify, new Unreported(), source, this);
        stack.add(self[0]);
        return self[0].pointer();
    }

    void onDispose(NativeAction action) {
        synchronized (this) {
            if (!undone) {
                stack.add(new Action(action));
                return;
            }
        }
        Runnable late = () -> scheduler.runBlocking(() -> owner.dropped(run(new Action(action), null)));
        if (scheduler.isOwnTurn() || !scheduler.execute(late)) {
            late.run(); // the scheduler's thread has ended: the action runs here rather than never
        }
    }

    /**
     * Runs a blocking native loop on a thread of its own. The loop is pushed as an entry, and waited for when the entry is
     * popped.
     */
    void runLoop(NativeCall<?> call, Runnable complete, Consumer<Throwable> fail) {
        NativeLoop loop = new NativeLoop(name, call, complete, fail);
        synchronized (this) {
            if (running) {
                throw new IllegalStateException(
                        "the subscription of " + name + " has ended: start loops while it lives");
            }
            loop.start(); // under the lock, so that a popped loop has begun
            stack.add(loop);
        }
    }

    /**
     * Pops the stack. Called once, on the scheduler's thread. Never throws: if there is no memory to go on, this method
     * waits for some, because a registration that is half undone would keep the JVM alive for ever.
     *
     * @return what the actions threw: the first error with the others suppressed, or null
     */
    @Nullable
    Throwable run() {
        synchronized (this) {
            running = true;
            if (stack.isEmpty() && userData == null) { // an empty stack needs no lend of the turn
                end();
                return null;
            }
            unwinding = Thread.currentThread();
        }
        Throwable failed = null;
        for (int failures = 0; failures < MEMORY_LIMIT; failures++) {
            try {
                scheduler.runBlocking(this::unwind);
                return thrown;
            } catch (Throwable noMemory) {
                failed = noMemory;
                awaitMemory();
            }
        }
        return thrown == null ? failed : thrown;
    }

    private static void awaitMemory() {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }

    /**
     * Undoes the entries from the last to the first. An entry that was undone is removed, so that a second call goes on
     * with the rest.
     */
    private void unwind() {
        for (Object last = lastOrEnd(); last != null; last = lastOrEnd()) {
            if (last instanceof Upcall upcall) {
                retire(upcall);
            } else if (last instanceof FunctionPointer listener) { // no handler of it runs on a native thread
                listener.retire();
                remove(listener);
            } else if (last instanceof NativeLoop loop) {
                loop.join(scheduler.thread());
                remove(loop);
            } else {
                thrown = run((Action) last, thrown);
            }
        }
    }

    /** Returns the last entry of the stack; if the stack is empty, ends the teardown and returns null. */
    private synchronized @Nullable Object lastOrEnd() {
        if (stack.isEmpty()) {
            end();
            unwinding = null;
            return null;
        }
        return stack.getLast();
    }

    /** Nothing is left on the stack. */
    @GuardedBy("this")
    private void end() {
        if (userData != null) {
            userData.end(memory.arena != null);
        }
        undone = true;
        memory = new Memory();
    }

    private synchronized void remove(Object entry) {
        stack.remove(entry);
    }

    private void retire(Upcall upcall) {
        upcall.retire();
        if (upcall.awaitLeft(LEAVE_LIMIT)) {
            upcall.allowEarlyReuse();
        } else {
            LOG.warn(
                    "a handler of {} still runs 1 s after its callback was retired; what was registered before it is"
                            + " unregistered all the same",
                    name);
        }
        remove(upcall);
    }

    private @Nullable Throwable run(Action action, @Nullable Throwable before) {
        Watch.Entry watch = Watch.begin("an onDispose action of " + name, Thread.currentThread(), scheduler.thread());
        remove(action);
        try {
            action.action.run();
            return before;
        } catch (Throwable thrown) {
            Throwable explained = InvokeExact.explained(thrown);
            return before == null ? explained : Errors.both(before, explained);
        } finally {
            watch.end();
        }
    }

    /** Returns whether a handler, a loop or an action of this registration is on a thread's stack. */
    @SuppressWarnings("ReferenceEquality") // a thread is the same one or another
    synchronized boolean runsOn(Thread thread) {
        if (thread == unwinding) {
            return true;
        }
        for (Object entry : stack) {
            if ((entry instanceof NativeLoop loop && loop.isOn(thread))
                    || (entry instanceof Upcall upcall && upcall.isInside(thread))) {
                return true;
            }
        }
        return false;
    }

    /** A C function {@code void (*)(void *)}, such as {@code GDestroyNotify} and {@code xDestroy}. */
    @FunctionalInterface
    public interface DestroyNotify {

        /** Called by native code when it is done. */
        void call(MemorySegment userData);
    }

    /**
     * The owner of releaseNotify's own slots, whose calls do not count as the user's: they are not late after the end
     * either.
     */
    private static final class Unreported implements Callee {

        private final SourceCounters counters = new SourceCounters("releaseNotify");

        @Override
        public void handlerFailed(Throwable thrown) {
            LOG.warn("releaseNotify failed", thrown);
        }

        @Override
        public Consumer<? super Throwable> fallbackErrors() {
            return this::handlerFailed; // it has none
        }

        @Override
        public SourceCounters counters() {
            return counters;
        }
    }
}
