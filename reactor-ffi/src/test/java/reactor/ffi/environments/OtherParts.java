package reactor.ffi.environments;

import static reactor.ffi.environments.Round.LIMIT;
import static reactor.ffi.environments.Round.check;
import static reactor.ffi.environments.Round.done;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeSignals;
import reactor.ffi.environments.Round.Signals;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Signaller;

/** The parts of a {@link Round} that are neither. */
final class OtherParts {

    private static final int ENDLESS = 1_000_000;

    private final Round round;

    OtherParts(Round round) {
        this.round = round;
    }

    void run(Signals signals) throws Exception {
        confinedValue();
        done("a confined value");
        offloadedCalls();
        done("offloaded calls");
        timers();
        done("timers");
        nesting();
        done("nesting");
        signals(signals);
        done("signals");
    }

    private void confinedValue() throws InterruptedException {
        int each = 500;
        AtomicInteger released = new AtomicInteger();
        CountDownLatch gone = new CountDownLatch(1);
        Confined<List<Integer>> list = Confined.create(round.options("confined"), ArrayList::new, value -> {
            released.incrementAndGet();
            gone.countDown();
        });
        List<Thread> senders = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Confined<List<Integer>> own = list.share();
            Thread sender = new Thread(() -> {
                for (int k = 0; k < each; k++) {
                    int number = k;
                    own.send(value -> value.add(number));
                }
                own.close();
            });
            sender.start();
            senders.add(sender);
        }
        for (Thread sender : senders) {
            sender.join();
        }
        Mono<Integer> size = list.call(List::size);
        check("sent", size.block(LIMIT), 2L * each);
        list.close();
        awaitLatch(gone); // a task may run before it
        round.onScheduler(() -> true);
        check("released", released.get(), 1);
    }

    /** Asked for on the scheduler's thread, by many at once. */
    private void offloadedCalls() {
        int calls = 500;
        Flux<Integer> offloaded = Flux.range(0, calls)
                .flatMap(
                        i -> round.scheduler.offload(() -> {
                            Thread.sleep(i % 10 == 0 ? 1 : 0); // the slow call itself: off the scheduler one may sleep
                            return i;
                        }),
                        64)
                .subscribeOn(round.scheduler);
        check("offloaded", offloaded.count().block(LIMIT), calls);
        check("cancelled", offloaded.take(calls / 10).count().block(LIMIT), calls / 10);
    }

    private void timers() {
        check(
                "ticks",
                Flux.interval(Duration.ofMillis(1), round.scheduler)
                        .onBackpressureDrop()
                        .take(20)
                        .count()
                        .block(LIMIT),
                20);
    }

    /** To the end of the stack; on a Java thread it may be a small one. */
    private void nesting() {
        MemorySegment[] self = new MemorySegment[1];
        AtomicInteger told = new AtomicInteger();
        NativeCallback<Recurse> deeper = NativeCallback.direct(
                round.options("nesting").onError(error -> told.incrementAndGet()),
                CallbackType.of(Recurse.class),
                level -> Calls.recurse(self[0], level - 1),
                level -> ENDLESS);
        self[0] = deeper.pointer();
        check("on a native thread", Calls.recurseOnThread(self[0], 300), 300);
        for (int levels : new int[] {
            Calls.recurse(self[0], ENDLESS),
            Calls.recurseOnThread(self[0], ENDLESS),
            round.onScheduler(() -> Calls.recurse(self[0], ENDLESS))
        }) {
            check(levels + " levels", levels > ENDLESS + 16 ? 1 : 0, 1);
        }
        CallbackMetrics metrics = CallbackMetrics.of("nesting");
        check("refused", metrics.refusedCalls(), 3);
        check("told", told.get(), 3);
        check("failed for want of stack", metrics.failedCalls(), 0);
        deeper.close();
    }

    private void signals(Signals signals) throws Exception {
        if (signals == Signals.REDUCED) {
            String error = NativeSignals.on(round.options("signals"), "USR1")
                    .map(String::valueOf)
                    .onErrorResume(thrown -> Mono.just(String.valueOf(thrown.getMessage())))
                    .blockFirst(LIMIT);
            check(error, error.contains("-Xrs") && error.contains("start it without") ? 1 : 0, 1);
            return;
        }
        Mono<NativeSignals.Signal> signal =
                NativeSignals.on(round.options("signals"), "USR1").next().cache();
        signal.subscribe();
        Signaller.kill("USR1");
        check("signals", signal.block(LIMIT).count(), 1);
    }
}
