package reactor.ffi.samples.nats;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;

/**
 * Publishes the numbers from 0, and takes them as a {@link Flux} at the same time: how many arrive, in which order, and how
 * fast.
 *
 * @param messages how many are published
 * @param overflow what happens when the consumer is too slow
 * @param work how long the consumer is busy with each number, on the scheduler's thread
 */
record Trial(long messages, Overflow overflow, Duration work) {

    /** The most that are under way: a server cuts a client off that lets too much pile up. */
    private static final long WINDOW = 1 << 18;

    private static final Duration STALL_LIMIT = Duration.ofSeconds(20);

    /**
     * What was seen.
     *
     * @param published numbers sent to the server
     * @param received numbers that the handler was given
     * @param delivered numbers that reached the subscriber
     * @param discarded numbers that went to the discard hook: the policy dropped them
     * @param first the first number that reached the subscriber, -1 without one
     * @param last the last one, -1 without one
     * @param outOfOrder numbers that did not come after a smaller one
     * @param droppedByNats numbers that nats.c has dropped itself
     * @param lateCalls messages that came after the end, and were freed by the fallback
     * @param seconds from the first publish until the end of the stream
     * @param end how the stream ended: "complete", or the error's message
     */
    record Result(
            long published,
            long received,
            long delivered,
            long discarded,
            long first,
            long last,
            long outOfOrder,
            long droppedByNats,
            long lateCalls,
            double seconds,
            String end) {}

    /** What a subscriber sees; on the scheduler's thread, and read when the stream has ended. */
    private static final class Order {

        private long first = -1;
        private long last = -1;
        private long wrong;

        void check(long number) {
            if (first < 0) {
                first = number;
            } else if (number <= last) {
                wrong++;
            }
            last = number;
        }
    }

    /**
     * Runs it; the calling thread publishes.
     *
     * @param name of the source, a new one for each trial: the library counts by name
     * @param progress gets a line twice a second
     * @throws TimeoutException if numbers stay away for 20 s
     */
    Result run(NatsConnection connection, CallbackScheduler scheduler, String name, Consumer<String> progress)
            throws Throwable {
        Numbers numbers = new Numbers(connection);
        AtomicLong published = new AtomicLong();
        Order order = new Order();
        long start = System.nanoTime();
        CompletableFuture<String> end = numbers.flux(
                        CallbackOptions.named(name).on(scheduler).overflow(overflow))
                .doOnNext(number -> {
                    order.check(number);
                    beBusy();
                })
                .then(Mono.just("complete"))
                .onErrorResume(error -> Mono.just(String.valueOf(error.getMessage())))
                .toFuture();
        Disposable ticker =
                Flux.interval(Duration.ofMillis(500)).subscribe(_ -> progress.accept(progress(name, published.get())));
        try {
            publish(connection, numbers, published, end);
            String ended = await(end, name, published.get());
            double seconds = (System.nanoTime() - start) / 1e9;
            CallbackMetrics seen = CallbackMetrics.of(name);
            return new Result(
                    published.get(),
                    numbers.received(),
                    seen.delivered(),
                    seen.discarded(),
                    order.first,
                    order.last,
                    order.wrong,
                    numbers.droppedByNats(),
                    seen.lateCalls(),
                    seconds,
                    ended);
        } finally {
            ticker.dispose();
            end.cancel(true); // if it still runs: unsubscribes
        }
    }

    private void publish(
            NatsConnection connection, Numbers numbers, AtomicLong published, CompletableFuture<String> end)
            throws Throwable {
        for (long number = 0; number < messages && !end.isDone(); number++) {
            connection.publish(number);
            published.setPlain(number + 1);
            if ((number & 1023) == 0) {
                awaitWindow(numbers, number, end);
            }
        }
        connection.publishEnd();
        connection.flush();
    }

    private static void awaitWindow(Numbers numbers, long number, CompletableFuture<String> end)
            throws TimeoutException {
        long seen = numbers.received();
        long since = System.nanoTime();
        while (number - seen > WINDOW && !end.isDone()) {
            LockSupport.parkNanos(100_000);
            if (numbers.received() != seen) {
                seen = numbers.received();
                since = System.nanoTime();
            } else if (System.nanoTime() - since > STALL_LIMIT.toNanos()) {
                throw new TimeoutException(number + " numbers were published, and after " + seen + " none came for "
                        + STALL_LIMIT.toSeconds() + " s: see the log of nats-server");
            }
        }
    }

    /** As long as numbers arrive, a slow consumer may take its time. */
    private static String await(CompletableFuture<String> end, String name, long published)
            throws InterruptedException, ExecutionException, TimeoutException {
        for (; ; ) {
            long before = CallbackMetrics.of(name).delivered();
            try {
                return end.get(STALL_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException _) {
                if (CallbackMetrics.of(name).delivered() == before) {
                    throw new TimeoutException(published + " numbers were published, " + before
                            + " were delivered, and the message that says that these were all has not come");
                }
            }
        }
    }

    private String progress(String name, long published) {
        CallbackMetrics seen = CallbackMetrics.of(name);
        return String.format(
                "  %-18s %,11d published %,11d delivered %,11d discarded",
                overflow.policy(), published, seen.delivered(), seen.discarded());
    }

    private void beBusy() {
        if (work.isZero()) {
            return;
        }
        long until = System.nanoTime() + work.toNanos();
        while (System.nanoTime() < until) {
            Thread.onSpinWait();
        }
    }
}
