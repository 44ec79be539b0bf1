package reactor.ffi.samples.quickstart;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;

/**
 * Takes a number of ticks of a glibc timer as a {@link Flux}, and prints where each came from and where it arrived. Then the
 * JVM exits by itself, because the last subscription is gone.
 */
public final class Quickstart {

    private static final Duration PERIOD = Duration.ofMillis(50);

    /** What the handler keeps of a call: its own copy, made on the native thread. */
    record Tick(long nanos, String nativeThread) {}

    private Quickstart() {}

    /**
     * Runs the sample.
     *
     * @param args the number of ticks to take; 20 without it
     */
    public static void main(String[] args) {
        int count = args.length > 0 ? Integer.parseInt(args[0]) : 20;
        CallbackScheduler scheduler = CallbackScheduler.create("arrivals");
        Set<String> nativeThreads = ConcurrentHashMap.newKeySet();
        long start = System.nanoTime();

        // glibc starts a thread for each tick, so a policy that drops, not one that lets threads wait.
        CallbackOptions options = CallbackOptions.named("ticks").on(scheduler).overflow(Overflow.dropOldest(64));

        Flux<Tick> ticks = NativeFlux.create(options, sink -> {
            var pointer = sink.callback(GlibcTimer.OnTick.class, value -> {
                sink.next(new Tick(System.nanoTime(), Thread.currentThread().getName()));
            });
            GlibcTimer timer = GlibcTimer.start(pointer, PERIOD); // register
            sink.onDispose(timer::stop); //                           unregister
        });

        ticks.take(count)
                .index()
                .doOnNext(tick -> nativeThreads.add(tick.getT2().nativeThread()))
                .doFinally(signal -> summary(signal.toString(), nativeThreads.size()))
                .subscribe(tick -> System.out.printf(
                        "tick %2d  %6.1f ms  from %-28s on %s%n",
                        tick.getT1() + 1,
                        (tick.getT2().nanos() - start) / 1e6,
                        tick.getT2().nativeThread(),
                        Thread.currentThread().getName()));
        // main ends here; the subscription keeps the JVM alive.
    }

    private static void summary(String signal, int nativeThreads) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            CallbackMetrics seen = CallbackMetrics.of("ticks");
            System.out.printf(
                    "%s: %d ticks from %d native threads; %d late calls absorbed, %d dropped%n",
                    signal, seen.delivered(), nativeThreads, seen.lateCalls(), seen.dropped());
        }));
    }
}
