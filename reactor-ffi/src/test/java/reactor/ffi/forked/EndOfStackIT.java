package reactor.ffi.forked;

import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.Disposable;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Shape;
import reactor.ffi.fixture.StackEnd;
import reactor.ffi.fixture.Until;
import reactor.ffi.internal.loop.Callers;
import reactor.ffi.internal.loop.LoopScheduler;
import reactor.ffi.internal.loop.TurnCall;

/** A recursion that ends the stack inside a call of the library costs that call, and nothing that comes after it. */
class EndOfStackIT {

    static Stream<Arguments> everywhere() {
        return Stream.of(Queued.What.values())
                .flatMap(what -> Stream.of(Queued.Where.values()).map(where -> Arguments.arguments(what, where)));
    }

    @ParameterizedTest
    @MethodSource("everywhere")
    void whatIsQueuedThereLeavesTheSchedulerWorking(Queued.What what, Queued.Where where) {
        ForkedJvm.of(Queued.class)
                .jvmOptions("-Xint", "-XX:+UseSerialGC", "-Xss300k")
                .arguments(what.name(), where.name())
                .timeout(Duration.ofSeconds(60))
                .run()
                .assertExitedCleanly()
                .assertOut("ended", "all that was taken has run", "sleeps", "goes on");
    }

    static final class Queued {

        enum Where {
            JAVA_THREAD {
                @Override
                void visit(CallbackScheduler scheduler, Runnable body) throws InterruptedException {
                    Thread thread = new Thread(() -> ends.set(StackEnd.visit(body)));
                    thread.start();
                    thread.join();
                }
            },
            SCHEDULERS_THREAD {
                @Override
                void visit(CallbackScheduler scheduler, Runnable body) {
                    AtomicInteger done = new AtomicInteger();
                    scheduler.schedule(() -> {
                        ends.set(StackEnd.visit(body));
                        done.set(1);
                    });
                    Until.that("the end was visited", () -> done.get() == 1);
                }
            },
            HANDLER {
                @Override
                void visit(CallbackScheduler scheduler, Runnable body) {
                    inHandler(Shape.NUMBERS, body);
                }
            },
            HANDLER_OF_POINTERS {
                @Override
                void visit(CallbackScheduler scheduler, Runnable body) {
                    inHandler(Shape.POINTERS, body);
                }
            },
            HANDLER_OF_A_STRUCT {
                @Override
                void visit(CallbackScheduler scheduler, Runnable body) {
                    inHandler(Shape.STRUCT, body);
                }
            };

            static final AtomicInteger ends = new AtomicInteger();

            private static void inHandler(Shape shape, Runnable body) {
                OnEvent handler = (thread, sequence, id) -> ends.set(StackEnd.visit(body));
                OnEvent fallback = (thread, sequence, id) -> {};
                try (NativeCallback<?> callback = shape.event(Where::direct, handler, fallback)) {
                    Calls.withStack(callback.pointer(), 300_000, 0);
                }
            }

            private static <F> NativeCallback<F> direct(CallbackType<F> type, F handler, F fallback) {
                return NativeCallback.direct(CallbackOptions.named("handler"), type, handler, fallback);
            }

            abstract void visit(CallbackScheduler scheduler, Runnable body) throws InterruptedException;
        }

        enum What {
            TASK {
                @Override
                void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task) {
                    scheduler.schedule(task);
                }
            },
            DELAYED_TASK {
                @Override
                void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task) {
                    scheduler.schedule(task, 1, TimeUnit.MILLISECONDS);
                }
            },
            TASK_OF_A_WORKER {
                @Override
                void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task) {
                    WORKER.schedule(task);
                }
            },
            CLOSURE {
                @Override
                void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task) {
                    value.send(number -> task.run());
                }
            },
            QUERY {
                @Override
                void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task) {
                    value.call(number -> {
                                task.run();
                                return number;
                            })
                            .subscribe();
                }
            };

            abstract void queue(CallbackScheduler scheduler, Confined<AtomicInteger> value, Runnable task);
        }

        private static final CallbackScheduler SCHEDULER = CallbackScheduler.create("deep");
        private static final Scheduler.Worker WORKER = SCHEDULER.createWorker();

        public static void main(String[] args) throws Exception {
            What what = What.valueOf(args[0]);
            Schedulers.onHandleError((thread, error) -> {});
            Confined<AtomicInteger> value = Confined.of(SCHEDULER, new AtomicInteger(), number -> {});
            value.call(AtomicInteger::get).block(); // the classes of Reactor are loaded
            AtomicInteger ran = new AtomicInteger();
            int[] taken = new int[1];
            Where.valueOf(args[1]).visit(SCHEDULER, () -> {
                what.queue(SCHEDULER, value, ran::incrementAndGet);
                taken[0]++;
            });
            System.out.println(Where.ends.get() > 0 && taken[0] > 0 ? "ended" : Where.ends + " ends of the stack");
            Until.that("it runs", () -> ran.get() >= taken[0]);
            System.out.println("all that was taken has run");
            Thread thread = thread();
            Until.that("it sleeps", () -> thread.getState() == Thread.State.WAITING);
            System.out.println("sleeps");
            value.send(number -> SCHEDULER.schedule(() -> System.out.println("goes on")));
            value.close();
        }

        private static Thread thread() {
            return Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("deep"))
                    .findAny()
                    .orElseThrow();
        }
    }

    @ParameterizedTest
    @EnumSource
    void nobodyLosesTheTurnThereNorKeepsIt(Turns.Who who) {
        ForkedJvm.of(Turns.class)
                .jvmOptions("-Xint", "-XX:+UseSerialGC", "-Xss300k")
                .arguments(who.name())
                .timeout(Duration.ofSeconds(60))
                .run()
                .assertExitedCleanly()
                .assertOut("ended", "0 wrong, 0 overlaps", "answered", "answered in a lend", "in turn");
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // counted under the turn; and an atomic one would need stack
    static final class Turns {

        enum Who {
            LENDING_OWNER {
                @Override
                void visit() throws Exception {
                    onScheduler(LOOP, () -> end(true, () -> LOOP.runBlocking(Turns::awaitAnother)));
                }
            },
            LENDING_BORROWER {
                @Override
                void visit() throws Exception {
                    whileLent(() -> call(() -> end(true, () -> LOOP.runBlocking(Turns::awaitAnother))));
                }
            },
            CALLER_ON_TOP_OF_A_LEND {
                @Override
                void visit() throws Exception {
                    onScheduler(LOOP, () -> LOOP.runBlocking(() -> end(false, Turns::callOnce)));
                }
            },
            CALLER {
                @Override
                void visit() throws Exception {
                    inThread(() -> end(false, Turns::callOnce));
                }
            },
            CALLER_OF_A_LENT_TURN {
                @Override
                void visit() throws Exception {
                    whileLent(() -> end(false, Turns::callOnce));
                }
            },
            CALLER_OF_ONE_LENT_NOW_AND_THEN {
                @Override
                void visit() throws Exception {
                    Disposable lends = LOOP.schedulePeriodically(
                            () -> LOOP.runBlocking(Turns::awaitAnother), 0, 0, TimeUnit.NANOSECONDS);
                    inThread(() -> end(false, Turns::callOnce));
                    lends.dispose();
                }
            },
            ANOTHER_SCHEDULER {
                @Override
                void visit() throws Exception {
                    LoopScheduler other = LoopScheduler.create(SchedulerOptions.named("other"));
                    onScheduler(
                            other,
                            () -> end(false, () -> {
                                wrong += other.isCurrent() ? 0 : 1;
                                callOnce();
                            }));
                }
            };

            abstract void visit() throws Exception;
        }

        private static final LoopScheduler LOOP = LoopScheduler.create(SchedulerOptions.named("deep"));

        private static volatile int ends;
        private static volatile int wrong;
        private static volatile int overlaps;
        private static volatile int ran;
        private static volatile boolean over;

        /** Who is in a handler. */
        private static volatile @Nullable Thread inside;

        public static void main(String[] args) throws Exception {
            Schedulers.onHandleError((thread, error) -> {});
            Callers.lendHeld(() -> true); // the classes of the library are loaded
            Thread[] others = {new Thread(Turns::callAgainAndAgain), new Thread(Turns::callAgainAndAgain)};
            for (Thread other : others) {
                other.start();
            }
            Who.valueOf(args[0]).visit();
            over = true;
            for (Thread other : others) {
                other.join();
            }
            System.out.println(ends > 0 ? "ended" : "no end of the stack");
            System.out.println(wrong + " wrong, " + overlaps + " overlaps");
            callOnce();
            System.out.println("answered");
            whileLent(Turns::callOnce);
            System.out.println("answered in a lend");
            onScheduler(LOOP, () -> System.out.println(LOOP.isCurrent() ? "in turn" : "without the turn"));
        }

        private static void callAgainAndAgain() {
            while (!over) {
                callOnce();
            }
        }

        private static void callOnce() {
            call(Turns::handler);
        }

        private static void call(Runnable body) {
            boolean answered = LOOP.callers()
                    .call(
                            new TurnCall() {
                                @Override
                                protected void run() {
                                    body.run();
                                }
                            },
                            TimeUnit.SECONDS.toNanos(10),
                            true);
            if (!answered) {
                wrong++;
            }
        }

        private static void handler() {
            overlaps += inside == null ? 0 : 1;
            wrong += LOOP.isCurrent() ? 0 : 1;
            inside = Thread.currentThread();
            long until = System.nanoTime() + 20_000;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
            inside = null;
            ran++;
        }

        /** Leaves a lend while somebody is likely to be inside. */
        private static void awaitAnother() {
            int before = ran;
            long until = System.nanoTime() + 1_000_000;
            while (ran == before && System.nanoTime() < until) {
                Thread.onSpinWait();
            }
        }

        private static void end(boolean hasTurn, Runnable body) {
            ends = StackEnd.visit(() -> {
                wrong += LOOP.isCurrent() == hasTurn ? 0 : 1;
                body.run();
            });
        }

        private static void inThread(Runnable body) throws InterruptedException {
            Thread thread = new Thread(body);
            thread.start();
            thread.join();
        }

        private static void whileLent(Runnable body) throws Exception {
            onScheduler(LOOP, () -> LOOP.runBlocking(() -> inThread(body)));
        }

        private static void onScheduler(LoopScheduler scheduler, Runnable body) throws Exception {
            FutureTask<?> task = new FutureTask<>(body, null);
            scheduler.schedule(task);
            task.get();
        }
    }
}
