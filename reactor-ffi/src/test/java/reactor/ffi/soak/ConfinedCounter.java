package reactor.ffi.soak;

import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Confined;
import reactor.ffi.fixture.Until;

/** A value on its scheduler that several threads send closures to, through handles of their own; and slow calls off it. */
final class ConfinedCounter implements Load {

    private static final int SENDS = 200;

    private final CallbackScheduler scheduler = Tally.scheduler("confined");
    private final LongAdder made = new LongAdder();
    private final LongAdder released = new LongAdder();
    private final LongAdder offloaded = new LongAdder();
    private final Faults faults;
    private final Rounds one;
    private final Rounds two;

    ConfinedCounter(Faults faults) {
        this.faults = faults;
        this.one = new Rounds("confined-1", faults, this::round);
        this.two = new Rounds("confined-2", faults, this::round);
    }

    @Override
    public void start() {
        one.start();
        two.start();
    }

    private void round(long number) {
        made.increment();
        try (Confined<long[]> counter = Confined.of(scheduler, new long[1], value -> released.increment());
                Confined<long[]> other = counter.share()) {
            for (int i = 0; i < SENDS; i++) {
                (i % 2 == 0 ? counter : other).send(value -> value[0]++);
            }
            faults.equal(
                    "closures that ran before the question",
                    counter.call(value -> value[0]).block(Until.LIMIT),
                    SENDS);
            faults.equal(
                    "results of offloads",
                    Flux.range(0, 50)
                            .flatMap(i -> scheduler.offload(() -> i), 4)
                            .count()
                            .block(Until.LIMIT),
                    50);
            offloaded.add(50);
        }
    }

    @Override
    public void stop() throws InterruptedException {
        one.stop();
        two.stop();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        to.some("confined values", made.sum());
        to.some("offloads", offloaded.sum());
        to.equal("confined values released", released.sum(), made.sum());
    }
}
