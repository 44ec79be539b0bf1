package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Exceptions;
import reactor.ffi.SchedulerOptions;

@Timeout(30)
class TurnTest {

    private static final long LIMIT = TimeUnit.SECONDS.toNanos(10);

    private final LoopScheduler scheduler =
            LoopScheduler.create(SchedulerOptions.named("turn").maxCallers(2).warnAfter(Duration.ofHours(1)));

    private final LoopScheduler patient = LoopScheduler.create(SchedulerOptions.named("patient"));

    @AfterEach
    void dispose() {
        patient.dispose();
        scheduler.dispose();
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
    }

    private static <T> FutureTask<T> start(Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        new Thread(task, "caller").start();
        return task;
    }

    private static <T> FutureTask<T> on(LoopScheduler scheduler, Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        scheduler.schedule(task);
        return task;
    }

    private static boolean call(LoopScheduler scheduler, long limit, Runnable body) {
        return scheduler
                .callers()
                .call(
                        new TurnCall() {
                            @Override
                            protected void run() {
                                body.run();
                            }
                        },
                        limit,
                        true);
    }

    /** The scheduler's thread is busy, without lending, until then. */
    private void occupy(CountDownLatch go) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        scheduler.schedule(() -> {
            begun.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        begun.await();
    }

    private String who() {
        return (scheduler.isCurrent() ? "current " : "")
                + (scheduler.isOwnTurn() ? "own " : "")
                + (scheduler.thread().isCurrent() ? "thread " : "")
                + (scheduler.thread().turn().isLent() ? "lent" : "");
    }

    @Test
    void whoIsCurrent() throws Exception {
        List<String> seen = new CopyOnWriteArrayList<>();
        seen.add("elsewhere: " + who());
        on(scheduler, () -> {
                    seen.add("task: " + who());
                    scheduler.runBlocking(() -> {
                        seen.add("inside a lend: " + who());
                        start(() -> {
                                    seen.add("native thread: " + who());
                                    call(scheduler, LIMIT, () -> {
                                        seen.add("borrower: " + who());
                                        scheduler.runBlocking(() -> seen.add("borrower that lends: " + who()));
                                        seen.add("borrower again: " + who());
                                    });
                                    return null;
                                })
                                .get();
                        call(scheduler, LIMIT, () -> {
                            seen.add("callback on the stack of the lend: " + who());
                            scheduler.runBlocking(() -> seen.add("nested lend: " + who()));
                        });
                        seen.add("inside the lend again: " + who());
                    });
                    seen.add("task again: " + who());
                    return null;
                })
                .get();
        start(() -> call(scheduler, LIMIT, () -> seen.add("queued call: " + who())))
                .get();
        assertThat(seen)
                .containsExactly(
                        "elsewhere: ",
                        "task: current own thread ",
                        "inside a lend: thread lent",
                        "native thread: lent",
                        "borrower: current lent",
                        "borrower that lends: lent",
                        "borrower again: current lent",
                        "callback on the stack of the lend: current own thread ",
                        "nested lend: thread lent",
                        "inside the lend again: thread lent",
                        "task again: current own thread ",
                        "queued call: current own thread ");
    }

    @Test
    void aCallOfTheHolderRunsThereAndThen() throws Exception {
        assertThat(on(scheduler, () -> {
                            AtomicBoolean ran = new AtomicBoolean();
                            assertThat(call(scheduler, 0, () -> ran.set(true))).isTrue();
                            return ran.get();
                        })
                        .get())
                .isTrue();
    }

    /** A loop that blocks the scheduler's thread for ever, calls back on it, and others ask meanwhile: one lend after another. */
    @Test
    void callsThatWereAnsweredInALendAreNotKeptUntilItsEnd() throws Exception {
        List<WeakReference<TurnCall>> calls = new CopyOnWriteArrayList<>();
        on(scheduler, () -> {
                    scheduler.runBlocking(() -> {
                        for (int i = 0; i < 20; i++) {
                            answerInANestedLend(calls);
                        }
                        call(scheduler, LIMIT, () -> {}); // one more lend lets go of the last one
                        await().untilAsserted(() -> {
                            System.gc();
                            assertThat(calls).hasSize(20).allMatch(call -> call.refersTo(null));
                        });
                    });
                    return null;
                })
                .get();
    }

    /** While the turn is taken back for a callback the call is queued; in the lend that goes on then it is answered. */
    private void answerInANestedLend(List<WeakReference<TurnCall>> calls) throws Exception {
        CountDownLatch queued = new CountDownLatch(1);
        AtomicReference<FutureTask<Boolean>> asked = new AtomicReference<>();
        call(scheduler, LIMIT, () -> {
            asked.set(start(() -> {
                TurnCall call = new TurnCall() {
                    @Override
                    protected void run() {}

                    @Override
                    protected void sleeps() {
                        queued.countDown();
                    }
                };
                calls.add(new WeakReference<>(call));
                return scheduler.callers().call(call, LIMIT, true);
            }));
            awaitLatch(queued);
        });
        assertThat(asked.get().get()).isTrue();
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aCallThatQueuedBeforeALendIsAnsweredDuringIt() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        AtomicReference<FutureTask<Boolean>> first = new AtomicReference<>();
        CountDownLatch begun = new CountDownLatch(1);
        FutureTask<Boolean> lend = on(scheduler, () -> {
            begun.countDown();
            go.await();
            return scheduler.callBlocking(() -> first.get().get(5, TimeUnit.SECONDS));
        });
        begun.await();
        AtomicBoolean own = new AtomicBoolean(true);
        first.set(start(
                () -> call(scheduler, LIMIT, () -> own.set(scheduler.thread().isCurrent()))));
        await().until(() -> scheduler.thread().turn().hasRequests());
        await().until(() -> callerSleeps());
        go.countDown();
        assertThat(lend.get()).isTrue();
        assertThat(own).isFalse();
    }

    private static boolean callerSleeps() {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(
                        thread -> thread.getName().equals("caller") && thread.getState() == Thread.State.TIMED_WAITING);
    }

    /** Borrowers queue for the baton; some are not the first in line when the lend ends. */
    @Test
    void callersThatWaitedForALentTurnAreServedAfterTheLend() throws Exception {
        for (int round = 0; round < 300; round++) {
            CountDownLatch lent = new CountDownLatch(1);
            FutureTask<Void> lend = on(patient, () -> {
                patient.runBlocking(() -> {
                    lent.countDown();
                    LockSupport.parkNanos(50_000);
                });
                return null;
            });
            lent.await();
            List<FutureTask<Boolean>> calls = new CopyOnWriteArrayList<>();
            for (int i = 0; i < 4; i++) {
                calls.add(start(() -> call(patient, LIMIT, () -> LockSupport.parkNanos(20_000))));
            }
            lend.get();
            for (FutureTask<Boolean> call : calls) {
                assertThat(call.get(5, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    @Test
    void tasksThatAreQueuedDuringALendRunAfterIt() throws Exception {
        List<String> order = new CopyOnWriteArrayList<>();
        FutureTask<Void> after = new FutureTask<>(() -> order.add("task"), null);
        on(scheduler, () -> {
                    scheduler.runBlocking(() -> {
                        scheduler.schedule(after);
                        start(() -> call(scheduler, LIMIT, () -> order.add("call")))
                                .get();
                        order.add("lend ends");
                    });
                    order.add("handler ends");
                    return null;
                })
                .get();
        after.get();
        assertThat(order).containsExactly("call", "lend ends", "handler ends", "task");
    }

    @Test
    void aLendWakesProducersThatWaitForRoom() throws Exception {
        CountDownLatch waits = new CountDownLatch(1);
        FutureTask<Boolean> producer = start(() -> waitForALend(waits));
        waits.await();
        assertThat(on(scheduler, () -> scheduler.callBlocking(() -> producer.get(5, TimeUnit.SECONDS)))
                        .get())
                .isTrue();
    }

    /** For a callback on top of a lend the turn is taken back, in vain, as a borrower is inside: the lend goes on. */
    @Test
    void aLendThatGoesOnWakesProducersThatBeganToWaitMeanwhile() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch waits = new CountDownLatch(1);
        on(scheduler, () -> {
                    scheduler.runBlocking(() -> {
                        FutureTask<Boolean> borrower = start(() -> call(scheduler, LIMIT, () -> {
                            inside.countDown();
                            awaitLatch(go);
                        }));
                        inside.await();
                        FutureTask<Boolean> producer = start(() -> {
                            while (scheduler.thread().turn().isLent()) {
                                Thread.onSpinWait();
                            }
                            return waitForALend(waits);
                        });
                        boolean ran = call(scheduler, TimeUnit.MILLISECONDS.toNanos(300), () -> {});
                        assertThat(ran).isFalse();
                        waits.await();
                        assertThat(producer.get(5, TimeUnit.SECONDS)).isTrue();
                        go.countDown();
                        assertThat(borrower.get()).isTrue();
                    });
                    return null;
                })
                .get();
    }

    /** As a producer that finds a queue full; whether it was woken. */
    private boolean waitForALend(CountDownLatch waits) {
        scheduler.thread().turn().waitsForRoom();
        waits.countDown();
        long from = System.nanoTime();
        while (!scheduler.thread().turn().isLent() && System.nanoTime() - from < LIMIT) {
            LockSupport.parkNanos(LIMIT);
        }
        scheduler.thread().turn().waitsNoMore();
        return System.nanoTime() - from < LIMIT;
    }

    @Test
    void aCallerIsReleasedBeforeTheWorkThatItsCallScheduledBegins() throws Exception {
        for (int i = 0; i < 200; i++) {
            FutureTask<Boolean> work = start(() -> {
                AtomicReference<FutureTask<Boolean>> scheduled = new AtomicReference<>();
                TurnCall call = new TurnCall() {
                    @Override
                    protected void run() {
                        scheduled.set(on(scheduler, this::isReleased));
                    }

                    private boolean isReleased() {
                        return isDone();
                    }
                };
                assertThat(scheduler.callers().call(call, LIMIT, true)).isTrue();
                return scheduled.get().get();
            });
            assertThat(work.get()).isTrue();
        }
    }

    @Test
    void aCallIsWithdrawnWhenItsLimitPasses() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        occupy(go);
        AtomicBoolean ran = new AtomicBoolean();
        FutureTask<Boolean> call = start(() -> call(scheduler, TimeUnit.MILLISECONDS.toNanos(30), () -> ran.set(true)));
        assertThat(call.get()).isFalse();
        go.countDown();
        on(scheduler, () -> null).get();
        assertThat(ran).isFalse();
    }

    @Test
    void aCallThatHasBegunIsWaitedForBeyondItsLimit() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        FutureTask<Boolean> call = start(() -> call(scheduler, TimeUnit.SECONDS.toNanos(1), () -> {
            begun.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }));
        begun.await();
        await().during(Duration.ofMillis(1_100)).until(() -> !call.isDone());
        go.countDown();
        assertThat(call.get()).isTrue();
    }

    @Test
    void aWaitIsDeafToInterruptsAndTheFlagIsSetAgain() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        occupy(go);
        FutureTask<Boolean> call = start(() -> {
            Thread.currentThread().interrupt();
            return call(scheduler, LIMIT, () -> {}) && Thread.interrupted();
        });
        await().until(() -> scheduler.thread().turn().hasRequests());
        go.countDown();
        assertThat(call.get()).isTrue();
    }

    @Test
    void oneCallerTooManyIsRefusedAtOnce() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        occupy(go);
        AtomicInteger waiting = new AtomicInteger();
        List<FutureTask<Boolean>> calls = new CopyOnWriteArrayList<>();
        for (int i = 0; i < 2; i++) {
            calls.add(start(() -> {
                waiting.incrementAndGet();
                return call(scheduler, LIMIT, () -> {});
            }));
        }
        await().until(() -> !call(scheduler, 1, () -> {}) && waiting.get() == 2);
        long from = System.nanoTime();
        await().untilAsserted(() -> assertThat(calls).allMatch(call -> !call.isDone()));
        assertThat(call(scheduler, LIMIT, () -> {})).isFalse();
        assertThat(System.nanoTime() - from).isLessThan(LIMIT / 2);
        go.countDown();
        for (FutureTask<Boolean> call : calls) {
            assertThat(call.get()).isTrue();
        }
    }

    @Test
    void aCallThatDoesNotWakeRunsAtTheNextTurn() throws Exception {
        on(scheduler, () -> null).get();
        await().until(() -> scheduler.thread().getState() == Thread.State.WAITING);
        AtomicBoolean ran = new AtomicBoolean();
        FutureTask<Boolean> call = start(() -> scheduler
                .callers()
                .call(
                        new TurnCall() {
                            @Override
                            protected void run() {
                                ran.set(true);
                            }
                        },
                        LIMIT,
                        false));
        await().during(Duration.ofMillis(100)).untilFalse(ran);
        scheduler.schedule(() -> {});
        assertThat(call.get()).isTrue();
        assertThat(ran).isTrue();
    }

    @Test
    void callersGetNothingWhenTheSchedulerIsDisposed() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        occupy(go);
        FutureTask<Boolean> call = start(() -> call(scheduler, LIMIT, () -> {}));
        await().until(() -> scheduler.thread().turn().hasRequests());
        scheduler.dispose();
        go.countDown();
        scheduler.thread().join();
        call.get(5, TimeUnit.SECONDS);
        long from = System.nanoTime();
        assertThat(call(scheduler, LIMIT, () -> {})).isFalse();
        assertThat(System.nanoTime() - from).as("at once").isLessThan(LIMIT / 2);
        assertThat(scheduler.isCurrent()).isFalse();
    }

    @Test
    void twoSchedulersThatCallEachOtherAnswer() throws Exception {
        LoopScheduler other = LoopScheduler.create(SchedulerOptions.named("other"));
        AtomicInteger answers = new AtomicInteger();
        for (int i = 0; i < 2_000; i++) {
            FutureTask<Boolean> there = on(
                    scheduler,
                    () -> call(other, LIMIT, () -> {
                        assertThat(call(scheduler, LIMIT, answers::incrementAndGet))
                                .isTrue();
                    }));
            FutureTask<Boolean> back = on(
                    other,
                    () -> call(scheduler, LIMIT, () -> {
                        assertThat(call(other, LIMIT, answers::incrementAndGet)).isTrue();
                    }));
            assertThat(there.get(20, TimeUnit.SECONDS)).isTrue();
            assertThat(back.get(20, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(answers).hasValue(4_000);
        other.dispose();
    }

    @Test
    void exceptionsOfACallComeThroughAsTheyAre() throws Exception {
        IOException checked = new IOException("checked");
        StackOverflowError error = new StackOverflowError("error");
        for (boolean onScheduler : new boolean[] {true, false}) {
            Callable<Void> body = () -> {
                assertThatThrownBy(() -> scheduler.callBlocking(() -> {
                            throw checked;
                        }))
                        .satisfies(e -> assertThat(Exceptions.unwrap(e)).isSameAs(checked));
                assertThatThrownBy(() -> scheduler.runBlocking(() -> {
                            throw error;
                        }))
                        .isSameAs(error);
                assertThat(scheduler.<Integer>callBlocking(() -> 42)).isEqualTo(42);
                assertThat(scheduler.isCurrent()).isEqualTo(onScheduler);
                return null;
            };
            if (onScheduler) {
                on(scheduler, body).get();
            } else {
                body.call();
            }
        }
    }

    @Test
    void aCallThatThrowsCountsAsRunAndHarmsNobody() throws Exception {
        FutureTask<Boolean> call = start(() -> call(scheduler, LIMIT, () -> {
            throw new IllegalStateException("expected in the log");
        }));
        assertThat(call.get()).isTrue();
        on(scheduler, () -> null).get();
    }

    @Test
    void aBorrowerThatOutlivesTheSchedulerGoesOn() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        AtomicBoolean wentOn = new AtomicBoolean();
        FutureTask<?>[] borrower = new FutureTask<?>[1];
        on(scheduler, () -> {
                    scheduler.runBlocking(() -> {
                        borrower[0] = start(() -> call(scheduler, LIMIT, () -> {
                            scheduler.runBlocking(() -> {
                                inside.countDown();
                                go.await();
                            });
                            wentOn.set(scheduler.isCurrent());
                        }));
                        inside.await();
                    });
                    return null;
                })
                .get();
        scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        go.countDown();
        assertThat(borrower[0].get(10, TimeUnit.SECONDS)).isEqualTo(true);
        assertThat(wentOn).isTrue();
    }
}
