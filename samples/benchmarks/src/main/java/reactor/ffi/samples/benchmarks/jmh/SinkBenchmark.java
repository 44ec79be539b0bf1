package reactor.ffi.samples.benchmarks.jmh;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;

/** {@code sink.next} on a thread that is not the scheduler's, without an upcall before it. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SinkBenchmark {

    private static final Object VALUE = new Object();

    private NativeSink<Object> consumed;
    private NativeSink<Object> full;
    private Disposable consumer;
    private Disposable nobody;

    /** Subscribes. */
    @Setup
    public void subscribe() {
        AtomicReference<NativeSink<Object>> sink = new AtomicReference<>();
        consumer = NativeFlux.create(CallbackOptions.defaults(), sink::set).subscribe();
        consumed = sink.get();
        BaseSubscriber<Object> withoutDemand = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                // asks for nothing
            }
        };
        NativeFlux.create(CallbackOptions.defaults().overflow(Overflow.dropOldest(64)), sink::set)
                .subscribe(withoutDemand);
        nobody = withoutDemand;
        full = sink.get();
        for (int i = 0; i < 64; i++) {
            full.next(VALUE);
        }
    }

    /** Unsubscribes. */
    @TearDown
    public void cancel() {
        consumer.dispose();
        nobody.dispose();
    }

    /** To a subscriber that takes what comes, at the pace that the two threads find together. */
    @Benchmark
    public boolean next() {
        return consumed.next(VALUE);
    }

    /** Into a full queue that drops its oldest: one offer and one poll of the queue, both on this thread. */
    @Benchmark
    public boolean offerAndPoll() {
        return full.next(VALUE);
    }
}
