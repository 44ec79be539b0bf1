package reactor.ffi.internal.stream;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Description;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import reactor.core.publisher.BaseSubscriber;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.internal.loop.Fields;
import reactor.ffi.internal.loop.LoopScheduler;

/** Overflow.block. Results: whether the producer's value was taken in before its limit; what the consumer has got. */
@JCStressTest
@Description("A thread finds the queue full and lies down to wait, while the consumer takes the value that fills it.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "There was room, or the one who waited for it was woken.")
@Outcome(expect = Expect.FORBIDDEN, desc = "It sleeps although there is room, until its limit has passed.")
@State
public class RoomAgainstWait {

    private static final VarHandle WAITERS = waiters();
    private static final Duration LIMIT = Duration.ofSeconds(5);

    /** Nobody is woken to be warned: who looks again then would find the room. */
    private static final CallbackOptions OPTIONS = CallbackOptions.named("jcstress")
            .on(CallbackScheduler.create(SchedulerOptions.named("jcstress").warnAfter(Duration.ofHours(1))))
            .overflow(Overflow.block(1, LIMIT))
            .keepAlive(false);

    /** So long may an actor be behind the other one at most. */
    private static final int LAG = 200;

    private final AtomicInteger arrived = new AtomicInteger();
    private final Inbox<Integer> inbox;

    public RoomAgainstWait() {
        LoopScheduler scheduler = (LoopScheduler) OPTIONS.scheduler();
        NativeSubscription<Integer> owner = new NativeSubscription<>(
                new BaseSubscriber<>() {}, OPTIONS, scheduler, 0, sink -> {}, new Departures());
        Fields.keepAwake(owner);
        this.inbox = owner.inbox;
        ((AtomicInteger) WAITERS.get(inbox)).set(1); // as if another one waited: then nobody spins first
        inbox.put(1);
    }

    @Actor
    public void producer(II_Result r) {
        meet();
        long start = System.nanoTime();
        boolean taken = inbox.put(2);
        r.r1 = taken && System.nanoTime() - start < LIMIT.toNanos() ? 1 : 0; // at its limit it looks once more
    }

    @Actor
    public void consumer(II_Result r) {
        meet();
        r.r2 = inbox.take();
        inbox.roomMade(false);
    }

    /** Whoever has slept is late for the next one. Bounded, because jcstress tries each actor alone. */
    private void meet() {
        arrived.incrementAndGet();
        for (int i = 0; i < 10_000 && arrived.get() < 2; i++) {
            Thread.onSpinWait();
        }
        for (int i = ThreadLocalRandom.current().nextInt(LAG); i > 0; i--) {
            Thread.onSpinWait();
        }
    }

    private static VarHandle waiters() {
        try {
            return MethodHandles.privateLookupIn(Inbox.class, MethodHandles.lookup())
                    .findVarHandle(Inbox.class, "waiters", AtomicInteger.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
