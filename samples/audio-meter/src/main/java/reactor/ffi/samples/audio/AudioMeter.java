package reactor.ffi.samples.audio;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;

/**
 * A level meter of a native thread that hands over a block of samples a thousand times a second, while this program collects
 * garbage on purpose. It shows the meter twice, by a listener and by an upcall, and then how long the native thread was
 * kept in its callback. A sound card whose callback takes more than a millisecond would crackle.
 */
public final class AudioMeter {

    private static final Duration FRAME = Duration.ofMillis(50);

    /** What the native thread and the meter have seen. */
    record Seen(Way way, List<Long> sortedTimes, int blocks, long dropped, int collections) {}

    private AudioMeter() {}

    /**
     * Runs the sample.
     *
     * @param args how many seconds each meter is shown; 5 without it
     */
    public static void main(String[] args) throws InterruptedException {
        int seconds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        StringBuilder table = new StringBuilder(String.format(
                "%n%-22s %8s %8s %12s %10s %10s %10s%n",
                "a block every 1 ms by", "blocks", "dropped", "collections", "median", "p99.9", "longest"));
        for (Way way : Way.values()) {
            table.append(row(show(way, seconds)));
        }
        System.out.print(table);
    }

    private static Seen show(Way way, int seconds) throws InterruptedException {
        AtomicReference<long[]> times = new AtomicReference<>(new long[0]);
        int most = 2 * seconds * Tone.BLOCKS_PER_SECOND;
        CountDownLatch silent = new CountDownLatch(1);
        CallbackOptions options = CallbackOptions.named("audio-" + way)
                .overflow(Overflow.dropNewest(8192))
                .onUnregistered(silent::countDown);

        Flux<Level> levels = NativeFlux.create(options, sink -> {
            Tone tone = Tone.start(way.register(sink), most, sink.arena());
            sink.onDispose(() -> times.set(tone.stop()));
        });

        System.out.println(way.title);
        try (Garbage garbage = new Garbage()) {
            int blocks = levels.take(Duration.ofSeconds(seconds))
                    .buffer(FRAME)
                    .map(some -> some.stream().reduce(Level::and).orElseThrow())
                    .doOnNext(AudioMeter::draw)
                    .map(Level::blocks)
                    .reduce(0, Integer::sum)
                    .blockOptional()
                    .orElseThrow();
            System.out.println();
            silent.await(); // the subscription was cancelled: its thread is joined on the scheduler
            List<Long> sorted = Arrays.stream(times.get()).sorted().boxed().toList();
            long dropped = CallbackMetrics.of(options.name()).droppedCalls()
                    + CallbackMetrics.of(options.name()).dropped();
            return new Seen(way, sorted, blocks, dropped, garbage.collections());
        }
    }

    private static void draw(Level level) {
        System.out.print('\r' + level.bar());
        System.out.flush();
    }

    private static String row(Seen seen) {
        return String.format(
                Locale.ROOT,
                "%-22s %8d %8d %12d %10s %10s %10s%n",
                seen.way().title,
                seen.blocks(),
                seen.dropped(),
                seen.collections(),
                micros(seen, 0.5),
                micros(seen, 0.999),
                micros(seen, 1));
    }

    /** Returns the time that such a share of the calls did not exceed. */
    private static String micros(Seen seen, double share) {
        List<Long> sorted = seen.sortedTimes();
        int last = (int) Math.ceil(share * sorted.size()) - 1;
        return sorted.isEmpty() ? "-" : String.format(Locale.ROOT, "%,.1f us", sorted.get(last) / 1e3);
    }
}
