package reactor.ffi.soak;

import java.util.concurrent.TimeUnit;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/**
 * Native threads that ask without a pause, a scheduler that answers, throws and lends its turn, and callbacks that are closed
 * while they are asked; beside it a direct one.
 */
final class AnsweredCalls implements Load {

    private static final long FALLBACK = -7;

    private final Tally steady = new Tally("answers");
    private final Tally direct = new Tally("direct answers");
    private final Tally lent = new Tally("answers of a lent turn");
    private final Tally closed = new Tally("answers of the closed");
    private final CallbackScheduler scheduler = Tally.scheduler("answers");
    private final NativeCallback<OnAsk> steadyCallback = NativeCallback.threadSafe(
            steady.options().on(scheduler), CallbackType.of(OnAsk.class), answering(steady), AnsweredCalls::fallback);
    private final NativeCallback<OnAsk> directCallback = NativeCallback.direct(
            direct.options(), CallbackType.of(OnAsk.class), answering(direct), AnsweredCalls::fallback);
    private final NativeCallback<OnEvent> lentCallback = NativeCallback.synchronous(
            lent.options().on(scheduler),
            CallbackType.of(OnEvent.class),
            (thread, sequence, id) -> lent.handled.increment(),
            null);
    private final Source steadySource = Source.asking(steadyCallback.pointer(), 3, FALLBACK);
    private final Source directSource = Source.asking(directCallback.pointer(), 4, FALLBACK);
    private final Faults faults;
    private final Rounds closing;

    AnsweredCalls(Faults faults) {
        this.faults = faults;
        this.closing = new Rounds("closing", faults, this::askAndClose);
    }

    private static OnAsk answering(Tally tally) {
        return (thread, sequence, id) -> {
            if (sequence % 10_000 == 17) {
                tally.failed.increment();
                throw new IllegalStateException("now and then");
            }
            tally.handled.increment();
            return sequence + id;
        };
    }

    private static long fallback(int thread, long sequence, long id) {
        return FALLBACK;
    }

    @Override
    public void start() {
        steadySource.start(2, -1, 0);
        directSource.start(1, -1, 0);
        closing.start();
        scheduler.schedulePeriodically(this::lend, 10, 10, TimeUnit.MILLISECONDS);
    }

    private void lend() {
        scheduler.runBlocking(() -> Calls.fromThreads(lentCallback.pointer(), 2, 10, 0));
        lent.calls.add(20);
    }

    private void askAndClose(long number) throws InterruptedException {
        NativeCallback<OnAsk> callback = NativeCallback.threadSafe(
                closed.options().on(scheduler),
                CallbackType.of(OnAsk.class),
                answering(closed),
                AnsweredCalls::fallback);
        try (Source source = Source.asking(callback.pointer(), number, FALLBACK).start(1, 50, 0)) {
            long until = number % 50;
            Until.that("it is asked", () -> source.calls() >= until);
            callback.close();
            source.await();
            closed.calls.add(source.calls());
            faults.equal("wrong answers of the closed", source.wrongAnswers(), 0);
        }
        if (number % 2 == 0) { // the others wait for the end of their quarantine
            callback.release();
        }
        closing.pause(2);
    }

    @Override
    public void stop() throws InterruptedException {
        closing.stop();
        end(steady, steadySource, steadyCallback);
        end(direct, directSource, directCallback);
        scheduler.disposeGracefully().block(Until.LIMIT);
        lentCallback.close();
    }

    private void end(Tally tally, Source source, NativeCallback<?> callback) {
        source.stop();
        callback.close();
        callback.closed().block(Until.LIMIT);
        tally.calls.add(source.calls());
        CallbackMetrics metrics = CallbackMetrics.of(tally.name);
        faults.equal(tally.name + ": right", source.rightAnswers(), tally.handled.sum());
        faults.equal(
                tally.name + ": fallbacks",
                source.fallbackAnswers(),
                tally.failed.sum() + metrics.lateCalls() + metrics.refusedCalls());
        faults.equal(tally.name + ": wrong", source.wrongAnswers(), 0);
        source.close();
    }

    @Override
    public void check(Faults to) {
        steady.checkCalls(to);
        direct.checkCalls(to);
        lent.checkCalls(to);
        closed.checkCalls(to);
        to.some("answers: failed", steady.failed.sum());
    }
}
