package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeSink;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** What C, the handlers and the subscribers have counted of the sources of one name, against what the library says. */
final class Tally {

    final String name;

    /** By C. */
    final LongAdder calls = new LongAdder();

    final LongAdder handled = new LongAdder();
    final LongAdder failed = new LongAdder();
    private final LongAdder delivered = new LongAdder();
    private final LongAdder discarded = new LongAdder();

    Tally(String name) {
        this.name = name;
    }

    /** Who waits is not woken up to be warned: a wake-up that is lost is a stream that stands still. */
    static CallbackScheduler scheduler(String name) {
        return CallbackScheduler.create(SchedulerOptions.named(name).warnAfter(Duration.ofHours(1)));
    }

    CallbackOptions options() {
        return CallbackOptions.named(name).answerWithin(Duration.ofSeconds(60)).onError(error -> {});
    }

    <T> Flux<T> counting(Flux<T> values, Class<? super T> type) {
        return values.doOnNext(value -> delivered.increment()).doOnDiscard(type, value -> discarded.increment());
    }

    /** A callback whose every call is one value. */
    MemorySegment oneValueEach(NativeSink<Long> sink) {
        return sink.callback(OnEvent.class, (thread, sequence, id) -> {
            handled.increment();
            sink.next(sequence);
        });
    }

    /** In onDispose: the source is silent after it, and its pointer free. */
    void end(Source source, NativeSink<?> sink, MemorySegment pointer) {
        source.stop();
        calls.add(source.calls());
        source.close();
        sink.release(pointer);
    }

    void awaitNoSubscriber() {
        Until.that(name + " is unregistered", () -> CallbackMetrics.of(name).subscribers() == 0);
    }

    long delivered() {
        return delivered.sum();
    }

    /** Native code is silent, and the scheduler has done what it had to. */
    void checkCalls(Faults faults) {
        CallbackMetrics metrics = CallbackMetrics.of(name);
        faults.some(name + ": calls", calls.sum());
        faults.equal(
                name + ": calls",
                calls.sum(),
                handled.sum() + failed.sum() + metrics.lateCalls() + metrics.refusedCalls());
        faults.equal(name + ": failed", metrics.failedCalls(), failed.sum());
    }

    /** Each call has brought one value. */
    void checkStream(Faults faults) {
        checkCalls(faults);
        checkValues(faults);
        faults.equal(name + ": values", CallbackMetrics.of(name).events(), handled.sum());
    }

    void checkValues(Faults faults) {
        CallbackMetrics metrics = CallbackMetrics.of(name);
        faults.some(name + ": delivered", metrics.delivered());
        faults.equal(name + ": values", metrics.events(), metrics.delivered() + metrics.discarded());
        faults.equal(name + ": delivered", delivered.sum(), metrics.delivered());
        faults.equal(name + ": discarded", discarded.sum(), metrics.discarded());
        faults.equal(
                name + ": queued, waiting, subscribers",
                metrics.queued() + metrics.waiting() + metrics.subscribers(),
                0);
    }
}
