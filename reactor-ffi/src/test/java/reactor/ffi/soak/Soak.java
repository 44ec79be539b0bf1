package reactor.ffi.soak;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import reactor.core.Exceptions;
import reactor.core.publisher.Hooks;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.Overflow;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Mosquitto;

/** Everything at once for so many seconds; what the process holds, sampled; and whether all adds up at the end. */
final class Soak {

    private static final int SAMPLES = 30;

    /** Or one in so many nanoseconds, where that is more. */
    private static final long PROGRESS = TimeUnit.SECONDS.toNanos(10);

    private static final long WARM_UP = TimeUnit.SECONDS.toNanos(60);

    private final long length;
    private final Faults faults = new Faults();
    private final List<Load> loads = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();
    private final long begun = System.nanoTime();

    private Soak(long seconds) {
        this.length = TimeUnit.SECONDS.toNanos(seconds);
    }

    public static void main(String[] args) throws Exception {
        Soak soak = new Soak(Long.parseLong(args[0]));
        Hooks.onErrorDropped(error -> {
            if (!Exceptions.isOverflow(error)) {
                soak.faults.add("dropped", error);
            }
        });
        soak.run();
        for (String fault : soak.faults.all()) {
            System.out.println("fault: " + fault);
        }
        if (!soak.faults.all().isEmpty()) {
            System.exit(1);
        }
        System.out.println("all is flat and adds up"); // and now nothing must keep this JVM alive
    }

    private void run() throws Exception {
        load();
        for (Load load : loads) {
            load.start();
        }
        sample();
        Collections.reverse(loads);
        for (Load load : loads) {
            end(load);
        }
        for (Load load : loads) {
            load.check(faults);
        }
        checkNothingIsLeft();
        report();
    }

    private void end(Load load) {
        try {
            load.stop();
        } catch (Exception | Error e) {
            faults.add("the end of " + load.getClass().getSimpleName(), e);
        }
    }

    private void load() throws IOException {
        loads.add(new FullSpeedStream(faults, Overflow.block(1024, Duration.ofSeconds(60)), 2));
        loads.add(new FullSpeedStream(faults, Overflow.error(4096), 1));
        loads.add(new FullSpeedStream(faults, Overflow.dropNewest(256), 1));
        loads.add(new FullSpeedStream(faults, Overflow.dropOldest(256), 1));
        loads.add(new OwnedMessages(faults));
        loads.add(new RearmedStream(faults));
        loads.add(new AnsweredCalls(faults));
        loads.add(new AskedStream(faults));
        loads.add(new BlockingLoops(faults));
        loads.add(new SentSignals(faults));
        loads.add(new ShortSubscriptions(faults));
        loads.add(new ShortSchedulers(faults));
        loads.add(new ShortThreads(faults));
        loads.add(new SharedStream(faults));
        loads.add(new ConfinedCounter(faults));
        if (Mosquitto.isInstalled()) {
            loads.add(new BrokerKilled(faults));
        }
    }

    /** Not before the load has become what it is going to be: the first third, or a minute of it. */
    private void sample() throws InterruptedException {
        long told = 0;
        long interval = Math.min(length / SAMPLES, PROGRESS);
        for (long due = interval; due <= length && faults.all().isEmpty(); due += interval) {
            TimeUnit.NANOSECONDS.sleep(due - elapsed());
            Sample sample = Sample.take();
            if (due > Math.min(length / 3, WARM_UP)) {
                samples.add(sample);
            }
            if (due - told >= PROGRESS) {
                told = due;
                System.out.println("soak " + TimeUnit.NANOSECONDS.toSeconds(due) + " s: " + sample);
            }
        }
    }

    private long elapsed() {
        return System.nanoTime() - begun;
    }

    private void checkNothingIsLeft() {
        faults.equal("live stubs", Readings.liveStubs(), 0);
        faults.equal("reused early", PoolMetrics.now().reusedEarly(), 0);
        if (!SchedulerMetrics.all().isEmpty()) {
            faults.add("schedulers that have not ended: " + SchedulerMetrics.all());
        }
    }

    private void report() {
        CallbackMetrics.all().forEach(System.out::println);
        if (samples.size() < Flat.FEWEST) {
            return; // something has ended it
        }
        for (Measure measure : Measure.values()) {
            System.out.printf(
                    "%s: %s at the beginning, %s at the end%n",
                    measure.label(),
                    measure.show(Flat.first(samples, measure)),
                    measure.show(Flat.last(samples, measure)));
        }
        Flat.grown(samples).forEach(faults::add);
    }
}
