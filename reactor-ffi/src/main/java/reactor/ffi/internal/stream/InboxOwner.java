package reactor.ffi.internal.stream;

import java.util.concurrent.atomic.LongAdder;
import reactor.ffi.CallbackOptions;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.LoopSource;
import reactor.ffi.internal.metrics.SourceCounters;

/** The fields that producers read for each value. Apart, so that {@link InboxOwner} can put a distance behind them. */
abstract class InboxOwnerFields<T> extends LoopSource {

    final LoopScheduler scheduler;
    final Inbox<T> inbox;

    @SuppressWarnings("unchecked") // the one subclass
    InboxOwnerFields(CallbackOptions options, LoopScheduler scheduler, SourceCounters counters) {
        super(scheduler.loop().sources());
        this.scheduler = scheduler;
        this.inbox = new Inbox<>((InboxOwner<T>) this, options, scheduler, counters);
    }
}

/** The consumer of an {@link Inbox}, as the inbox sees its owner. */
abstract class InboxOwner<T> extends InboxOwnerFields<T> {

    /** What a subclass writes must not take the fields above out of the producers' caches. */
    @SuppressWarnings({"unused", "UnusedVariable", "MultiVariableDeclaration"})
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    InboxOwner(CallbackOptions options, LoopScheduler scheduler, SourceCounters counters) {
        super(options, scheduler, counters);
    }

    /**
     * Discards a value that will never be delivered. On the thread that drops it.
     *
     * @param counter where that counts
     */
    abstract void discard(T value, LongAdder counter);

    /** Ends the stream with an error; returns whether that was the first end of the stream. Any thread. */
    abstract boolean fail(Throwable error);
}
