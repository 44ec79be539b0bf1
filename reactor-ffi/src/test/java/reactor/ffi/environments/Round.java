package reactor.ffi.environments;

import java.time.Duration;
import java.util.concurrent.Callable;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.SchedulerOptions;
import reactor.ffi.fixture.Fixture;

/**
 * One round of everything that the library does, against native threads, with exact counts: a programme for any environment. It
 * prints a line for each part that is done, and ends by itself.
 *
 * <p>Arguments: events of each native thread, the {@link Signals signals} of the JVM, and how deep upcalls nest at least on its
 * threads.
 */
final class Round {

    /** What a JVM lets arrive. */
    enum Signals {
        DELIVERED,
        /** It runs with -Xrs. */
        REDUCED
    }

    /** The lines that it prints. */
    static final String[] PARTS = {
        "policies",
        "arguments",
        "churn",
        "late calls",
        "a failed stream",
        "a shared stream",
        "short-lived threads",
        "a disposed scheduler",
        "hot answers",
        "answers after sleep",
        "answers on the same thread",
        "answers on a lent turn",
        "answers of another scheduler",
        "an answer too late",
        "direct answers",
        "exchanges",
        "a confined value",
        "offloaded calls",
        "timers",
        "nesting",
        "signals",
        "everything"
    };

    static final int THREADS = 4;
    static final long FALLBACK = -7;
    static final Duration LIMIT = Duration.ofSeconds(40);

    final long each;
    final CallbackScheduler scheduler = CallbackScheduler.create(SchedulerOptions.named("round"));

    private Round(long each) {
        this.each = each;
    }

    public static void main(String[] args) {
        try {
            Round round = new Round(Long.parseLong(args[0]));
            new StreamParts(round).run();
            new AnswerParts(round).run();
            new OtherParts(round).run(Signals.valueOf(args[1]));
            round.scheduler.disposeGracefully().block(LIMIT);
            check("errors seen in C", Fixture.errorCount(), 0);
            done("everything");
        } catch (Throwable failed) {
            failed.printStackTrace();
            Runtime.getRuntime().halt(1); // what it has left behind would keep the JVM alive
        }
    }

    static void done(String part) {
        System.out.println(part);
    }

    static void check(String what, long actual, long expected) {
        if (actual != expected) {
            throw new AssertionError(what + ": " + actual + " instead of " + expected);
        }
    }

    CallbackOptions options(String name) {
        return CallbackOptions.named(name).on(scheduler).answerWithin(LIMIT);
    }

    /** Runs it as a task. */
    <R> R onScheduler(Callable<R> task) {
        return Mono.fromCallable(task).subscribeOn(scheduler).block(LIMIT);
    }
}
