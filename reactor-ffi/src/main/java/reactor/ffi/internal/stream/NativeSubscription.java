package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.Exceptions;
import reactor.core.Scannable;
import reactor.core.publisher.Operators;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Exchange;
import reactor.ffi.ListenerType;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeDemand;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.Records;
import reactor.ffi.Registration;
import reactor.ffi.internal.InvokeExact;
import reactor.ffi.internal.Trail;
import reactor.ffi.internal.life.KeepAlive;
import reactor.ffi.internal.loop.Errors;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.metrics.Names;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.util.context.ContextView;

/**
 * One subscription, from onSubscribe to the token that is given back. How it works:
 *
 * <p><b>Values.</b> A handler calls {@link #next} on a native thread: the value goes into the queue, and {@link #signal}
 * wakes the scheduler's thread if it sleeps. That thread alone calls {@link #drain}, and so the subscriber.
 *
 * <p><b>The end.</b> {@link #cancel}, {@link #complete}, {@link #error} and a disposed scheduler only mark ({@link
 * Endable}); the drain sees the mark and does the rest. First the queue is closed, and the threads that wait for room go.
 * Then what was registered is undone ({@link Teardown}), inside a lend of the turn. Then the JVM is let go, and only then
 * the subscriber hears of it.
 *
 * <p><b>The beginning.</b> If an earlier subscription of the same Flux is cancelled and still registered, this one
 * registers after it ({@link Admission}).
 */
final class NativeSubscription<T> extends Endable<T>
        implements Subscription, RegisteringSink<T>, Listening, Admission.Candidate, Scannable {

    @SuppressWarnings("rawtypes")
    private static final AtomicLongFieldUpdater<NativeSubscription> REQUESTED =
            AtomicLongFieldUpdater.newUpdater(NativeSubscription.class, "requested");

    @SuppressWarnings("rawtypes")
    private static final AtomicLongFieldUpdater<NativeSubscription> NOT_PASSED_ON =
            AtomicLongFieldUpdater.newUpdater(NativeSubscription.class, "notPassedOn");

    static {
        // Loads classes that the end needs, when there may be no memory to load them.
        boolean _ = isExchange("");
    }

    private final CoreSubscriber<? super T> actual;
    private final CallbackOptions options;
    private final SourceCounters counters;
    private final Teardown teardown;
    private final Registration<? super NativeSink<T>> registration;
    private final Admission admission;

    /** The listeners, or null without any. Set once, under the lock of {@link #teardown}. */
    private volatile @Nullable Listeners<T> listeners;

    /**
     * Held from {@link #begin} until the subscription has unregistered. Written by the subscribing thread before the
     * scheduler knows the subscription.
     */
    private KeepAlive.@Nullable Token token;

    private volatile long requested;

    /** The demand that the consumer of {@code onRequest} has not been told of. */
    private volatile long notPassedOn;

    private volatile @Nullable NativeDemand onRequest;

    private volatile @Nullable NativeAction beforeUnregister;

    /** Says whether a handler of a shared registration is on a thread's stack. */
    private volatile @Nullable Predicate<Thread> alsoRunsOn;

    /** Whether the registration has returned or thrown: the end of the subscription waits for this. */
    private volatile boolean registered;

    /** Whether a value, or a batch, is being delivered. Accessed by the scheduler's thread only. */
    private boolean emitting;

    /** Whether the end has begun. Accessed by the scheduler's thread only. */
    private boolean ended;

    /** Whether a subscription that waited for an earlier one to unregister may register. Any thread reads this field. */
    private volatile boolean mayRegister;

    NativeSubscription(
            CoreSubscriber<? super T> actual,
            CallbackOptions options,
            LoopScheduler scheduler,
            long source,
            Registration<? super NativeSink<T>> registration,
            Departures departures) {
        super(options, scheduler, Names.of(options.name()));
        this.actual = actual;
        this.options = options;
        this.counters = Names.of(options.name());
        this.teardown = new Teardown(options.name(), scheduler, this, source);
        this.registration = registration;
        this.admission = new Admission(departures, scheduler, this);
    }

    /**
     * Takes a token that keeps the JVM up, and becomes a source of the scheduler. If there is no memory or no thread for
     * that, this method throws and leaves nothing behind.
     *
     * @return false if the scheduler takes no new work
     */
    boolean begin() {
        boolean begun = false;
        try {
            token = options.keepAlive() ? KeepAlive.acquire() : null;
            if (scheduler.attach(this)) {
                counters.began(inbox);
                begun = true;
            }
            return begun;
        } finally {
            if (!begun) {
                scheduler.detach(this);
                letGo();
            }
        }
    }

    /** Registers at once, or on the scheduler's thread after the subscriptions that are cancelled and still to unregister. */
    void register() {
        if (isCancelled() || admission.mayRegister()) {
            registerNow();
        }
    }

    @Override
    public void letRegister() {
        if (Trail.isOn()) {
            Trail.log(options.name(), "may register, as the subscriptions before it have unregistered");
        }
        mayRegister = true;
        signal();
    }

    private void registerNow() {
        mayRegister = false;
        admission.registers();
        try {
            if (!isCancelled()) {
                if (Trail.isOn()) {
                    Trail.log(options.name(), "registers");
                }
                registration.register(this);
            }
        } catch (Throwable failed) {
            failBesides(failed);
        } finally { // a hook may throw the error that it was given
            admission.hasRegistered();
            registered = true;
            signal();
        }
    }

    /**
     * Tells that the subscription gets the values of a shared registration from now on. Called on the scheduler's
     * thread.
     */
    void joined() {
        Throwable failed = run(options.onRegistered());
        if (failed != null && !fail(failed)) {
            dropped(failed);
        }
    }

    // ---- values: native threads

    @Override
    public boolean next(T value) {
        requireNonNull(value, "value");
        return (scheduler.isOwnTurn() && (deliverHere(value) || isHandedOverByListener(value))) || inbox.put(value);
    }

    /** The stream was completed elsewhere: what listeners hand over for calls that came before is still delivered. */
    private boolean isHandedOverByListener(T value) {
        Listeners<T> some = listeners;
        if (!isTerminated() || some == null || !some.isHandling() || endsAtOnce()) {
            return false;
        }
        some.keep(value);
        return true;
    }

    private boolean isListenerHandling(Listeners<T> some) {
        return scheduler.isOwnTurn() && some.isHandling();
    }

    /**
     * Delivers a value at once, on the scheduler's own thread, if no value is queued and no delivery is on the stack;
     * returns whether it did.
     */
    private boolean deliverHere(T value) {
        if (emitting || requested == 0 || hasNoSubscriber() || isTerminated() || !inbox.isEmpty()) {
            return false;
        }
        emitting = true;
        try {
            emit(value);
        } finally {
            emitting = false;
        }
        counters.deliveredInPlace.increment();
        Operators.produced(REQUESTED, this, 1);
        return true;
    }

    private static boolean isExchange(Object value) {
        return value instanceof Exchange;
    }

    /** Discards a value that will never be delivered, and counts it. Called on the thread that drops the value. */
    @Override
    void discard(T value, LongAdder counter) {
        try {
            counter.increment();
            if (isExchange(value)) {
                ((Exchange<?, ?>) value).refuse(); // its caller waits
            }
            Operators.onDiscard(value, actual.currentContext());
        } catch (Throwable broken) { // a user's exchange, a subscriber without a context, or no memory for the log
            Errors.report(broken);
        }
    }

    /**
     * Ends the stream with the first error of a handler; the error is a dropped one if the stream has completed or
     * unregistered. Later errors are only counted.
     */
    @Override
    public void handlerFailed(Throwable thrown) {
        if (fail(thrown) ? admission.isUnregistered() : hasFailedSince()) {
            dropped(thrown);
        }
    }

    @Override
    public SourceCounters counters() {
        return counters;
    }

    // ---- signals: any thread

    @Override
    public void request(long n) {
        if (n <= 0) {
            end(new IllegalArgumentException(
                    "request(" + n + "): demand must be positive (Reactive Streams rule 3.9)"));
            return;
        }
        Operators.addCap(REQUESTED, this, n);
        Operators.addCap(NOT_PASSED_ON, this, n);
        signal();
    }

    @Override
    public void cancel() {
        if (!hasNoSubscriber()) {
            markCancelled();
            try {
                admission.leaves();
            } finally {
                closeQueue();
            }
        }
    }

    @Override
    public void dropped(@Nullable Throwable error) {
        if (error != null) {
            Operators.onErrorDropped(error, actual.currentContext());
        }
    }

    /**
     * Takes no value any more, and wakes the threads that wait for room: a stop that joins such a thread would wait for its
     * limit.
     */
    @Override
    void closeQueue() {
        try {
            inbox.close();
            Listeners<T> some = listeners;
            if (some != null) {
                some.close(isListenerHandling(some));
            }
        } finally {
            signal(); // without memory too
        }
    }

    // ---- the scheduler's thread

    @Override
    protected boolean drain(int budget) {
        if (ended) {
            return false;
        }
        if (mayRegister) {
            registerNow();
        }
        if (mayPassDemandOn()) {
            passDemandOn();
        }
        long demand = requested;
        long emitted = deliver(Math.min(demand, budget));
        if (emitted > 0) {
            if (demand != Long.MAX_VALUE) {
                Operators.produced(REQUESTED, this, emitted);
            }
            inbox.roomMade(emitted == budget && emitted < demand);
        }
        Listeners<T> some = listeners;
        boolean handled = some != null && handle(some, budget);
        if (mayEnd()) {
            end();
            return true;
        }
        return emitted > 0 || handled;
    }

    /** What listeners have handed over since the queue was closed, and the calls that they have not yet handled. */
    private boolean handle(Listeners<T> some, int budget) {
        boolean did = false;
        while (requested > 0 && !endsAtOnce() && some.hasKept()) {
            emit(requireNonNull(some.pollKept()));
            counters.deliveredInPlace.increment();
            Operators.produced(REQUESTED, this, 1);
            did = true;
        }
        return some.handle(budget) || did;
    }

    /** Delivers up to {@code most} queued values; returns how many were delivered. */
    private long deliver(long most) {
        long emitted = 0;
        emitting = true;
        try {
            boolean leavesNewest = inbox.isFarBehind();
            while (emitted < most && !endsAtOnce() && !(leavesNewest && inbox.isNear(emitted))) {
                T value = inbox.take();
                if (value == null) {
                    break;
                }
                emit(value);
                emitted++;
            }
        } finally {
            emitting = false;
        }
        return emitted;
    }

    @Override
    protected boolean hasWork() {
        return !ended
                && (mayRegister
                        || (requested > 0 && !endsAtOnce() && !inbox.isEmpty())
                        || mayEnd()
                        || mayPassDemandOn()
                        || mayHandle());
    }

    private boolean mayHandle() {
        Listeners<T> some = listeners;
        return some != null && (some.hasWork() || (some.hasKept() && requested > 0 && !endsAtOnce()));
    }

    private boolean mayEnd() {
        return registered && !ended && (endsAtOnce() || (isTerminated() && inbox.isEmpty() && isHandled()));
    }

    private boolean isHandled() {
        Listeners<T> some = listeners;
        return some == null || some.isDone();
    }

    private void emit(T value) {
        try {
            actual.onNext(value);
        } catch (Throwable broken) {
            cancel(); // rule 2.13: a subscriber that throws has cancelled
            Errors.report(broken);
        }
    }

    private boolean mayPassDemandOn() {
        return registered && onRequest != null && notPassedOn > 0 && !isCancelled();
    }

    private void passDemandOn() {
        NativeDemand consumer = onRequest;
        if (consumer != null) {
            try {
                consumer.request(NOT_PASSED_ON.getAndSet(this, 0));
            } catch (Throwable failed) {
                if (!fail(failed)) {
                    dropped(failed); // the consumer had ended the stream already
                }
            }
        }
    }

    private void end() {
        ended = true;
        closeQueue();
        if (Trail.isOn()) {
            Trail.log(options.name(), "unregisters");
        }
        Throwable before = run(beforeUnregister);
        discardQueued();
        Throwable after = teardown.run();
        Listeners<T> some = listeners;
        if (some != null) {
            some.end();
        }
        Throwable undone = both(before, after);
        letGo();
        admission.hasLeft();
        counters.ended(inbox);
        scheduler.detach(this);
        if (Trail.isOn()) {
            Trail.log(options.name(), "has unregistered");
        }
        terminate(both(undone, run(options.onUnregistered())));
    }

    /** Runs an action, if there is one; returns what the action has thrown, or null. */
    private static @Nullable Throwable run(@Nullable NativeAction action) {
        try {
            if (action != null) {
                action.run();
            }
            return null;
        } catch (Throwable thrown) {
            return InvokeExact.explained(thrown);
        }
    }

    /**
     * Discards what is queued. Waits for a value that is claimed and not yet written: its producer is between two
     * instructions.
     */
    private void discardQueued() {
        while (!inbox.isEmpty()) {
            T value = inbox.takeLeftOver();
            if (value == null) {
                awaitProducer();
            } else {
                discard(value, counters.leftOver);
            }
        }
        Listeners<T> some = listeners;
        if (some != null) {
            for (T kept = some.pollKept(); kept != null; kept = some.pollKept()) {
                discard(kept, counters.leftOver);
            }
            some.discard();
        }
    }

    private static void awaitProducer() {
        Thread.onSpinWait();
    }

    private void terminate(@Nullable Throwable undone) {
        Throwable how = failure();
        try {
            Throwable error = both(how, undone);
            if (hasNoSubscriber()) {
                dropped(error);
            } else if (error != null) {
                actual.onError(error);
            } else {
                actual.onComplete();
            }
        } catch (Throwable broken) {
            Errors.report(broken);
        }
    }

    private static @Nullable Throwable both(@Nullable Throwable first, @Nullable Throwable second) {
        return first != null && second != null ? Errors.both(first, second) : first != null ? first : second;
    }

    private void letGo() {
        if (token != null) {
            token.release();
        }
    }

    @Override
    protected void exit() {
        if (!ended) { // else it is on its way
            markCancelled(); // no subscriber listens any more: an error is a dropped one
            end();
        }
    }

    @Override
    protected boolean runsOn(Thread thread) {
        Predicate<Thread> shared = alsoRunsOn;
        return teardown.runsOn(thread) || (shared != null && shared.test(thread));
    }

    // ---- listeners: the scheduler's thread, but for the first three

    @Override
    public <F> MemorySegment listener(ListenerType<F> type, F handler) {
        ListenerSignature<F> signature = (ListenerSignature<F>) requireNonNull(type, "type");
        return teardown.listener(signature, () -> signature.handler(handler), this::listeners);
    }

    @Override
    public <F> MemorySegment batches(ListenerType<F> type, Consumer<? super Records> handler) {
        ListenerSignature<F> signature = (ListenerSignature<F>) requireNonNull(type, "type");
        return teardown.listener(signature, () -> signature.batchHandler(handler), this::listeners);
    }

    /** Under the lock of {@link #teardown}. */
    private Listeners<T> listeners(ListenerSignature<?> type) {
        Listeners<T> some = listeners;
        if (some == null) {
            some = new Listeners<>(this, counters.listeners, options, type);
            listeners = some;
            if (isCancelled()) { // either refuse() has seen the listeners, or this sees the end
                some.close(false);
            }
        }
        return some;
    }

    @Override
    public boolean wantsRecords() {
        return requested > 0 && !endsAtOnce() && inbox.isEmpty();
    }

    @Override
    public boolean isOver() {
        return endsAtOnce();
    }

    @Override
    public boolean isConsumer() {
        return scheduler.thread().isCurrent();
    }

    @Override
    public long absence() {
        return scheduler.thread().turn().absence();
    }

    @Override
    public void executeAfter(long nanos, Runnable work) {
        Disposable _ = scheduler.executeAfter(nanos, work);
    }

    @Override
    public void listenerFailed(Throwable thrown) {
        counters.countFailedCall();
        handlerFailed(thrown);
    }

    @Override
    public void ringFull() {
        String why = options.overflow().policy() == Overflow.Policy.BLOCK
                ? ", and a native thread has waited for its limit, or must not wait"
                : "";
        fail(Exceptions.failWithOverflow(
                "the ring of " + options.name() + " is full" + why + ": " + options.overflow()));
    }

    @Override
    public void producerDied() {
        fail(new IllegalStateException(
                "a native thread has died, or was stopped for good, inside of a listener's pointer of " + options.name()
                        + ": its call is lost, and what comes after it in the ring would wait for ever"));
    }

    // ---- the registration

    @Override
    public Teardown teardown() {
        return teardown;
    }

    @Override
    public NativeSink<T> onRequest(NativeDemand consumer) {
        onRequest = requireNonNull(consumer, "consumer");
        signal();
        return this;
    }

    /**
     * Sets an action that runs under the turn when the subscription ends. What the action throws becomes the error, or
     * is added to it.
     */
    void beforeUnregister(NativeAction action) {
        beforeUnregister = action;
    }

    void alsoRunsOn(Predicate<Thread> handlers) {
        alsoRunsOn = handlers;
    }

    @Override
    public long requestedFromDownstream() {
        return requested;
    }

    @Override
    public ContextView contextView() {
        return actual.currentContext();
    }

    @Override
    public CallbackScheduler scheduler() {
        return scheduler;
    }

    @Override
    @SuppressWarnings({"rawtypes", "ReferenceEquality"}) // as Reactor does: an Attr is a constant
    public @Nullable Object scanUnsafe(Attr key) {
        if (key == Attr.ACTUAL) {
            return actual;
        }
        if (key == Attr.REQUESTED_FROM_DOWNSTREAM) {
            return requested;
        }
        if (key == Attr.CANCELLED) {
            return hasNoSubscriber();
        }
        if (key == Attr.TERMINATED) {
            return isTerminated() && inbox.isEmpty();
        }
        if (key == Attr.ERROR) {
            return failure();
        }
        if (key == Attr.BUFFERED) {
            Listeners<T> some = listeners;
            return (int) Math.min(Integer.MAX_VALUE, inbox.size() + (some == null ? 0 : some.pending()));
        }
        if (key == Attr.CAPACITY) {
            return options.overflow().capacity();
        }
        return FluxNative.scan(key, options, scheduler);
    }

    @Override
    public String toString() {
        return "NativeSubscription[" + options.name() + ", " + options.overflow() + "]";
    }
}
