package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What the JDK offers, without any library: a stub of {@code Linker.upcallStub} whose handler counts, and drops the event. On
 * one thread it is the floor of all that is made of upcalls.
 */
final class BareUpcall implements Workload {

    private static final int STRIDE = 16;

    private final NativeSource source = new NativeSource();

    /** For each native thread a line of its own: count, sum of sequences; and in {@link #values} that of the values. */
    private final long[] sums = new long[64 * STRIDE];

    private final double[] values = new double[64 * STRIDE];
    private final MemorySegment dropping = NativeSource.onEvent(this::drop);
    private final MemorySegment answering = NativeSource.question(question -> question + 1);
    private final Longest longest =
            new Longest(source, arrived -> NativeSource.onEvent((sequence, value) -> arrived.add(1)));
    private final Spread spread = new Spread(source, () -> NativeSource.onEvent(this::drop));

    /** The event made by {@link Measure#ALLOCATION}: it has to be stored somewhere, or the JIT makes none. */
    private volatile Event kept = new Event(0, 0);

    private long made;
    private final MemorySegment keeping = NativeSource.onEvent((sequence, value) -> {
        kept = new Event(sequence, value);
        made++;
    });
    private final MemorySegment keepingText = NativeSource.onText((sequence, text) -> {
        kept = new Event(sequence, text.reinterpret(1).get(JAVA_BYTE, 0));
        made++;
    });

    private void drop(long sequence, double value) {
        int at = (int) (sequence >>> 32) * STRIDE;
        sums[at]++;
        sums[at + 1] += sequence;
        values[at] += value;
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM, STREAM_N -> Figures.of(stream(size, count));
            case SOURCES_N -> Figures.of(spread(size, count));
            case ANSWERED, ANSWERED_LENT, DIRECT -> Figures.of(source.answered(answering, count));
            case SAME_THREAD -> Figures.of(source.sameThread(answering, count));
            case ALLOCATION -> Figures.of(allocation(false, count));
            case ALLOCATION_POINTER -> Figures.of(allocation(true, count));
            case CALL -> Figures.of(calls(count));
            case GC -> longest.run(count);
            default -> throw Workload.not(measure);
        };
    }

    private double stream(int threads, int count) throws Throwable {
        clear();
        source.startStream(threads, dropping, count / threads);
        source.join();
        check(threads, count);
        return (double) source.elapsed() / count;
    }

    private double calls(int count) throws Throwable {
        int calls = Stream.bursts(source, dropping, count, _ -> clear());
        check(1, calls);
        return (double) source.busy() / calls;
    }

    private double spread(int width, int count) throws Throwable {
        clear();
        spread.start(width, count);
        source.join();
        check(1, count);
        return (double) source.elapsed() / count;
    }

    private double allocation(boolean pointer, int count) throws Throwable {
        made = 0;
        long before = Allocation.total();
        if (pointer) {
            source.startText(keepingText, count);
        } else {
            source.startStream(1, keeping, count);
        }
        source.join();
        double bytes = (double) (Allocation.total() - before) / count;
        if (made != count || kept.sequence() != count - 1) {
            throw new IllegalStateException("of " + count + " events " + made + " were made");
        }
        return bytes;
    }

    private void clear() {
        Arrays.fill(sums, 0);
        Arrays.fill(values, 0);
    }

    private void check(int threads, int count) {
        long calls = 0;
        long sequences = 0;
        double halves = 0;
        for (int at = 0; at < sums.length; at += STRIDE) {
            calls += sums[at];
            sequences += sums[at + 1];
            halves += values[at];
        }
        if (calls != count) {
            throw new IllegalStateException("of " + count + " calls " + calls + " arrived");
        }
        Tally.check(threads, count / threads, sequences, halves);
    }
}
