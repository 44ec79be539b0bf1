package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import reactor.core.Disposable;
import reactor.core.Scannable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.ffi.fixture.Callbacks.EchoLong;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.TestScheduler;
import reactor.ffi.fixture.Values;
import reactor.ffi.internal.life.Tokens;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.test.StepVerifier;
import reactor.test.scheduler.VirtualTimeScheduler;

/** Item 17: a native call off the scheduler's thread. */
@Timeout(60)
class OffloadTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("offload");

    private final LoopScheduler scheduler = loop.scheduler;

    @Test
    void theDowncallRunsOffTheSchedulersThreadOnADaemon() {
        Thread ranOn = scheduler.offload(Thread::currentThread).block(Duration.ofSeconds(10));
        assertThat(ranOn).isNotEqualTo(scheduler.thread());
        assertThat(ranOn.isDaemon()).isTrue();
        assertThat(ranOn.isVirtual()).isFalse();
    }

    @Test
    void theSchedulerStaysFreeToAnswer() {
        NativeCallback<OnEvent> callback = NativeCallback.threadSafe(
                scheduler,
                OnEvent.class,
                (thread, sequence, id) -> assertThat(scheduler.isOwnTurn()).isTrue());
        StepVerifier.create(scheduler
                        .offload(() -> {
                            Calls.fromThreads(callback.pointer(), 2, 100, 0);
                            return "joined";
                        })
                        .subscribeOn(scheduler))
                .expectNext("joined")
                .expectComplete()
                .verify(Duration.ofSeconds(20));
        callback.close();
    }

    @Test
    void theResultArrivesOnTheScheduler() {
        AtomicReference<Thread> arrived = new AtomicReference<>();
        NativeCallback<EchoLong> echo = NativeCallback.direct(EchoLong.class, value -> value + 1);
        StepVerifier.create(scheduler
                        .offload(() -> Values.askLong(echo.pointer(), 1, true))
                        .doOnNext(value -> arrived.set(Thread.currentThread())))
                .expectNext(2L)
                .expectComplete()
                .verify(Duration.ofSeconds(10));
        assertThat(arrived).hasValue(scheduler.thread());
    }

    @Test
    void theErrorArrivesOnTheSchedulerWhateverItIs() {
        for (Throwable error : List.of(new Exception("checked"), new UnsatisfiedLinkError("no such function"))) {
            AtomicReference<Thread> arrived = new AtomicReference<>();
            StepVerifier.create(scheduler
                            .offload(() -> {
                                throw error;
                            })
                            .doOnError(e -> arrived.set(Thread.currentThread())))
                    .expectErrorSatisfies(e -> assertThat(e).isSameAs(error))
                    .verify(Duration.ofSeconds(10));
            assertThat(arrived).hasValue(scheduler.thread());
        }
    }

    @Test
    void nullCompletesEmpty() {
        StepVerifier.create(scheduler.<String>offload(() -> null))
                .expectComplete()
                .verify(Duration.ofSeconds(10));
    }

    @Test
    void itIsLazyAndRunsOnceForEachSubscription() {
        AtomicInteger calls = new AtomicInteger();
        Mono<Integer> offload = scheduler.offload(calls::incrementAndGet);
        await().during(Duration.ofMillis(50)).until(() -> calls.get() == 0);
        BaseSubscriber<Integer> without = new BaseSubscriber<Integer>() {
            @Override
            protected void hookOnSubscribe(org.reactivestreams.Subscription subscription) {}
        };
        offload.subscribe(without);
        await("before a request").during(Duration.ofMillis(50)).until(() -> calls.get() == 0);
        without.cancel();
        assertThat(offload.block(Duration.ofSeconds(10))).isEqualTo(1);
        assertThat(offload.block(Duration.ofSeconds(10))).isEqualTo(2);
    }

    @Test
    void itsThreadsAreBoundedAndCancellingBeforeItStartsPreventsIt() throws Exception {
        int bound = 10 * Runtime.getRuntime().availableProcessors();
        CountDownLatch until = new CountDownLatch(1);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        for (int i = 0; i < bound + 5; i++) {
            scheduler
                    .offload(() -> {
                        most.accumulateAndGet(running.incrementAndGet(), Math::max);
                        until.await();
                        return running.decrementAndGet();
                    })
                    .subscribe(value -> done.incrementAndGet());
        }
        AtomicBoolean ran = new AtomicBoolean();
        Disposable prevented = scheduler.offload(() -> ran.getAndSet(true)).subscribe(value -> done.incrementAndGet());
        await().until(() -> running.get() == bound);
        prevented.dispose();
        until.countDown();
        await().until(() -> done.get() == bound + 5);
        assertThat(scheduler.offload(() -> 1).block(Duration.ofSeconds(10))).isEqualTo(1);
        assertThat(ran).isFalse();
        assertThat(most).hasValue(bound);
    }

    @Test
    void whatIsOverOrCancelledKeepsNothingAlive() {
        long before = Tokens.out();
        assertThat(scheduler.offload(() -> 1).block(Duration.ofSeconds(10))).isEqualTo(1);
        await().until(() -> Tokens.out() <= before);

        int bound = 10 * Runtime.getRuntime().availableProcessors();
        CountDownLatch until = new CountDownLatch(1);
        AtomicInteger running = new AtomicInteger();
        for (int i = 0; i < bound; i++) {
            scheduler
                    .offload(() -> {
                        running.incrementAndGet();
                        until.await();
                        return 1;
                    })
                    .subscribe();
        }
        await().until(() -> running.get() == bound);
        long busy = Tokens.out();
        assertThat(busy).isGreaterThanOrEqualTo(bound);
        scheduler.offload(() -> 1).subscribe().dispose();
        assertThat(Tokens.out()).as("cancelled while it was queued").isLessThanOrEqualTo(busy);
        until.countDown();
        await().until(() -> Tokens.out() <= before);
    }

    @Test
    void itsSubscriptionCanBeScanned() {
        List<Scannable> subscriptions = new CopyOnWriteArrayList<>();
        Mono<Integer> offload = scheduler.offload(() -> 1).doOnSubscribe(s -> subscriptions.add(Scannable.from(s)));
        assertThat(offload.block(Duration.ofSeconds(10))).isEqualTo(1);
        Scannable done = subscriptions.get(0);
        assertThat(done.scan(Scannable.Attr.ACTUAL)).isNotNull();
        assertThat(done.scan(Scannable.Attr.RUN_ON)).isSameAs(scheduler);
        assertThat(done.scan(Scannable.Attr.RUN_STYLE)).isEqualTo(Scannable.Attr.RunStyle.ASYNC);
        assertThat(done.scan(Scannable.Attr.TERMINATED)).isTrue();
        assertThat(done.scan(Scannable.Attr.CANCELLED)).isFalse();

        StepVerifier.create(offload, 0).thenCancel().verify(Duration.ofSeconds(10));
        assertThat(subscriptions.get(1).scan(Scannable.Attr.CANCELLED)).isTrue();
        assertThat(subscriptions.get(1).scan(Scannable.Attr.TERMINATED)).isFalse();
    }

    @Test
    void cancelledWhileItRunsItRunsOnAndItsResultIsDiscarded() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch until = new CountDownLatch(1);
        List<Object> discarded = new CopyOnWriteArrayList<>();
        List<Object> values = new CopyOnWriteArrayList<>();
        Disposable subscription = scheduler
                .offload(() -> {
                    running.countDown();
                    until.await();
                    return "too late";
                })
                .doOnDiscard(String.class, discarded::add)
                .subscribe(values::add);
        running.await();
        subscription.dispose();
        until.countDown();
        await().until(() -> discarded.contains("too late"));
        assertThat(values).isEmpty();
    }

    @Test
    void cancelledWhileItRunsItsErrorIsDropped() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch until = new CountDownLatch(1);
        List<Throwable> dropped = new CopyOnWriteArrayList<>();
        Hooks.onErrorDropped(dropped::add);
        try {
            Disposable subscription = scheduler
                    .offload(() -> {
                        running.countDown();
                        until.await();
                        throw new IllegalStateException("too late");
                    })
                    .subscribe();
            running.await();
            subscription.dispose();
            until.countDown();
            await().until(() -> dropped.size() == 1);
            assertThat(dropped.get(0)).hasMessage("too late");
        } finally {
            Hooks.resetOnErrorDropped();
        }
    }

    @Test
    void aDisposedSchedulerRefusesIt() {
        scheduler.dispose();
        StepVerifier.create(scheduler.offload(() -> 1))
                .expectError(RejectedExecutionException.class)
                .verify(Duration.ofSeconds(10));
    }

    @Test
    void aSchedulerThatEndsMeanwhileTurnsTheResultIntoAnError() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        CountDownLatch until = new CountDownLatch(1);
        List<Object> discarded = new CopyOnWriteArrayList<>();
        AtomicReference<Throwable> error = new AtomicReference<>();
        scheduler
                .offload(() -> {
                    running.countDown();
                    until.await();
                    return "too late";
                })
                .doOnDiscard(String.class, discarded::add)
                .subscribe(null, error::set);
        running.await();
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        until.countDown();
        await().until(() -> error.get() instanceof RejectedExecutionException);
        assertThat(discarded).containsExactly("too late");
    }

    /** Schedulers.boundedElastic() would run it on the thread that subscribes. */
    @Test
    void virtualTimeDoesNotBringItOntoTheScheduler() {
        VirtualTimeScheduler.getOrSet();
        try {
            assertThat(scheduler
                            .offload(Thread::currentThread)
                            .subscribeOn(scheduler)
                            .block(Duration.ofSeconds(10)))
                    .isNotEqualTo(scheduler.thread());
        } finally {
            VirtualTimeScheduler.reset();
        }
    }

    @Test
    void itIsScannable() {
        Mono<Integer> offload = scheduler.offload(() -> 1);
        assertThat(Scannable.from(offload).scan(Scannable.Attr.RUN_ON)).isSameAs(scheduler);
        assertThat(Scannable.from(offload).scan(Scannable.Attr.RUN_STYLE)).isEqualTo(Scannable.Attr.RunStyle.ASYNC);
    }
}
