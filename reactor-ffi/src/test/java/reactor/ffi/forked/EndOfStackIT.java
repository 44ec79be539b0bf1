package reactor.ffi.forked;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.StackEnd;
import reactor.ffi.fixture.Until;

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
                    OnEvent handler = (thread, sequence, id) -> ends.set(StackEnd.visit(body));
                    try (NativeCallback<OnEvent> callback = NativeCallback.direct(
                            CallbackOptions.named("handler"), CallbackType.of(OnEvent.class), handler, null)) {
                        MemorySegment pointer = callback.pointer();
                        Calls.withStack(pointer, 300_000, 0);
                    }
                }
            };

            static final AtomicInteger ends = new AtomicInteger();

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
}
