package reactor.ffi.samples.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCall;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;

/** This library. */
final class ReactorFfi implements Workload {

    private final CallbackOptions options;
    private final CallbackScheduler scheduler;
    private final NativeSource source = new NativeSource();
    private final Stream stream = new Stream(source, this::subscribe);
    private final Stream texts = new Stream(source, this::subscribeToTexts);
    private final Tally spreadTally = new Tally(source);
    private final Spread spread = new Spread(source, () -> subscribe(spreadTally));
    private final AtomicReference<NativeCallback<Question>> answering = new AtomicReference<>();
    private final AtomicReference<NativeCallback<Question>> direct = new AtomicReference<>();
    private final Answered answered = new Answered(source);
    private final Wakes wakes = new Wakes(source, this::subscribe);
    private final Cycle cycle;
    private final Idle idle = new Idle();
    private final Longest longest;

    ReactorFfi(CallbackOptions options) {
        this.options = options;
        this.scheduler = options.scheduler();
        this.cycle = new Cycle(source, options, true, false);
        CallbackOptions roomy = options.overflow(Overflow.dropNewest(Longest.MOST));
        this.longest = new Longest(source, arrived -> subscribe(roomy, event -> arrived.add(1)));
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case STREAM, STREAM_N -> Figures.of(stream.run(size, count));
            case SOURCES_N -> Figures.of(spread(size, count));
            case ANSWERED -> Figures.of(source.answered(answering().pointer(), count));
            case ANSWERED_PARKED -> answered.afterPauses(answering().pointer(), count);
            case ANSWERED_LENT ->
                Figures.of(onScheduler(() -> {
                    source.startAnswered(answering().pointer(), count);
                    scheduler.runBlocking(source::join);
                    return source.answeredIn(count);
                }));
            case SAME_THREAD ->
                Figures.of(onScheduler(() -> source.sameThread(answering().pointer(), count)));
            case DIRECT -> Figures.of(source.answered(direct().pointer(), count));
            case WAKE -> Figures.percentiles(wakes.run(count));
            case CYCLE -> Figures.of(cycle.run(count));
            case ALLOCATION -> Figures.of(stream.allocation(count));
            case ALLOCATION_POINTER -> Figures.of(texts.textAllocation(count));
            case CALL -> Figures.of(stream.calls(count));
            case GC -> longest.run(count);
            case IDLE -> Figures.of(idle.run(size, count));
        };
    }

    private MemorySegment subscribe(Consumer<Event> subscriber) {
        return subscribe(options, subscriber);
    }

    private static MemorySegment subscribe(CallbackOptions options, Consumer<Event> subscriber) {
        AtomicReference<MemorySegment> made = new AtomicReference<>();
        Flux<Event> events = NativeFlux.create(
                options,
                sink -> made.set(sink.callback(
                        Event.OnEvent.class, (sequence, value) -> sink.next(new Event(sequence, value)))));
        keep(events.subscribe(subscriber));
        return made.get();
    }

    private MemorySegment subscribeToTexts(Consumer<Event> subscriber) {
        AtomicReference<MemorySegment> made = new AtomicReference<>();
        Flux<Event> events = NativeFlux.create(
                options,
                sink -> made.set(sink.callback(
                        OnText.class, (sequence, text) -> sink.next(new Event(sequence, text.get(JAVA_BYTE, 0))))));
        keep(events.subscribe(subscriber));
        return made.get();
    }

    /** It lives as long as the JVM. */
    static void keep(Disposable subscription) {
        if (subscription.isDisposed()) {
            throw new IllegalStateException("the subscription has ended at once");
        }
    }

    private NativeCallback<Question> answering() {
        return answering.updateAndGet(made ->
                made != null ? made : NativeCallback.threadSafe(scheduler, Question.class, question -> question + 1));
    }

    private NativeCallback<Question> direct() {
        return direct.updateAndGet(
                made -> made != null ? made : NativeCallback.direct(Question.class, question -> question + 1));
    }

    private double spread(int width, int count) throws Throwable {
        spreadTally.expect(count);
        spread.start(width, count);
        source.join();
        return (double) (spreadTally.await(1) - source.started()) / count;
    }

    private double onScheduler(NativeCall<Double> work) throws Exception {
        CompletableFuture<Double> result = new CompletableFuture<>();
        Disposable _ = scheduler.schedule(() -> {
            try {
                result.complete(work.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result.get(60, TimeUnit.SECONDS);
    }

    /** Nothing happens to many subscriptions. */
    private final class Idle {

        private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        private final Set<Long> before = new HashSet<>();
        private boolean subscribed;

        double run(int subscriptions, int millis) throws Throwable {
            if (!subscribed) {
                for (long thread : threads.getAllThreadIds()) {
                    before.add(thread);
                }
                subscribeAll(subscriptions);
                subscribed = true;
            }
            long from = cpu();
            TimeUnit.MILLISECONDS.sleep(millis);
            return (cpu() - from) / 1e6 * 5_000 / millis;
        }

        /** Each has one event, so that all are known to live. */
        private void subscribeAll(int subscriptions) throws Throwable {
            Tally tally = new Tally(source);
            tally.expect(subscriptions);
            Spread live = new Spread(source, () -> subscribe(tally));
            live.start(subscriptions, subscriptions);
            source.join();
            tally.await(1);
        }

        private long cpu() {
            return Arrays.stream(threads.getAllThreadIds())
                    .filter(thread -> !before.contains(thread))
                    .map(threads::getThreadCpuTime)
                    .filter(nanos -> nanos > 0)
                    .sum();
        }
    }
}
