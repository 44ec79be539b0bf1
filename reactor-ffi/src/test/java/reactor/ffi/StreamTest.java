package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SignalType;

/** A scheduler and options for each test, with a name that nobody else counts under. */
abstract class StreamTest {

    static final Duration SOON = Duration.ofSeconds(20);

    private static final AtomicInteger NAMES = new AtomicInteger();

    final String name = getClass().getSimpleName() + "-" + NAMES.incrementAndGet();

    /** Who waits is not woken up to be warned: a test that expects to be released is not released by that. */
    final CallbackScheduler scheduler =
            CallbackScheduler.create(SchedulerOptions.named(name).warnAfter(Duration.ofHours(1)));

    final CallbackOptions options =
            CallbackOptions.named(name).on(scheduler).overflow(Overflow.block(64, Duration.ofSeconds(5)));
    final TestEvents events = new TestEvents();

    @BeforeEach
    void startTheScheduler() throws Exception {
        onScheduler(() -> true);
    }

    @AfterEach
    void disposeOfTheScheduler() {
        scheduler.disposeGracefully().block(SOON);
    }

    Flux<Long> flux() {
        return NativeFlux.create(options, events);
    }

    CallbackMetrics metrics() {
        return CallbackMetrics.of(name);
    }

    /** Runs it as a task. */
    <R> R onScheduler(Callable<R> task) throws Exception {
        CompletableFuture<R> result = new CompletableFuture<>();
        scheduler.schedule(() -> {
            try {
                result.complete(task.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result.get(SOON.toSeconds(), TimeUnit.SECONDS);
    }

    /** Returns when the scheduler has handled what was there before, and what came of that. */
    void settle() throws Exception {
        for (int i = 0; i < 3; i++) {
            CountDownLatch drained = new CountDownLatch(1);
            // Timers come last in a turn of the loop, after the task queue and a look at each source.
            scheduler.schedule(drained::countDown, 1, TimeUnit.NANOSECONDS);
            await(drained);
        }
    }

    /** Keeps the scheduler busy until what it returns is run. */
    Runnable hold() throws Exception {
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch free = new CountDownLatch(1);
        scheduler.schedule(() -> {
            busy.countDown();
            await(free);
        });
        await(busy);
        return free::countDown;
    }

    static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    boolean isOnScheduler() {
        return Thread.currentThread().getName().equals(name);
    }

    /** A subscriber with nothing of Reactor's between it and the source: what it throws goes there. */
    abstract static class Raw implements CoreSubscriber<Long> {

        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(Long value) {}

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onComplete() {}
    }

    /** Asks for what it is told to ask for, and writes down what it gets and on which thread. */
    static final class Recorder extends BaseSubscriber<Long> {

        final List<Long> values = new CopyOnWriteArrayList<>();
        final CompletableFuture<String> end = new CompletableFuture<>();
        final CompletableFuture<Throwable> error = new CompletableFuture<>();
        private final long demand;

        Recorder(long demand) {
            this.demand = demand;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            if (demand > 0) {
                request(demand);
            }
        }

        @Override
        protected void hookOnNext(Long value) {
            values.add(value);
        }

        @Override
        protected void hookOnError(Throwable thrown) {
            error.complete(thrown);
        }

        @Override
        protected void hookFinally(SignalType type) {
            end.complete(type + " on " + Thread.currentThread().getName());
        }

        /** "onComplete on scheduler-name". */
        String end() throws Exception {
            return end.get(SOON.toSeconds(), TimeUnit.SECONDS);
        }

        Throwable error() throws Exception {
            return error.get(SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }
}
