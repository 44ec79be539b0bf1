package reactor.ffi.faults;

import java.util.EnumMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import reactor.core.publisher.Hooks;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.CapturedLog;

/** Where an error may come to light. */
enum Seen {
    /** In onError. */
    SIGNAL,

    /** Out of the method that was called. */
    THROWN,

    /** In {@code Hooks.onErrorDropped}. */
    DROPPED,

    /** In {@code Schedulers.onHandleError}, and in the log before that. */
    HANDLED,

    /** In the log. */
    LOG;

    private static final Map<Seen, Queue<Throwable>> ERRORS = new EnumMap<>(Seen.class);
    private static volatile Runnable droppedHook = () -> {};
    private static volatile Runnable handledHook = () -> {};
    private static volatile CapturedLog log = new CapturedLog();

    static {
        for (Seen where : values()) {
            ERRORS.put(where, new ConcurrentLinkedQueue<>());
        }
        Hooks.onErrorDropped(error -> {
            DROPPED.add(error);
            droppedHook.run();
        });
        Schedulers.onHandleError((thread, error) -> {
            HANDLED.add(error);
            handledHook.run();
        });
    }

    static void clear() {
        ERRORS.values().forEach(Queue::clear);
        droppedHook = () -> {};
        handledHook = () -> {};
        log.close();
        log = new CapturedLog();
    }

    /** What the hook does besides. */
    static void whenDropped(Runnable hook) {
        droppedHook = hook;
    }

    static void whenHandled(Runnable hook) {
        handledHook = hook;
    }

    void add(Throwable error) {
        ERRORS.get(this).add(error);
    }

    int count(Fault fault) {
        return (int) ERRORS.get(this).stream().filter(fault::isIn).count();
    }

    boolean has(Fault fault) {
        return this == LOG ? fault.isIn(log.text()) : count(fault) > 0;
    }

    /** Anywhere, by itself or in another one. */
    static boolean has(Class<? extends Throwable> type) {
        return ERRORS.values().stream().flatMap(Queue::stream).anyMatch(error -> Fault.isIn(type, error));
    }

    /** All of it, for a report. */
    static String all() {
        return ERRORS + ", log: " + log.text().lines().limit(5).toList();
    }
}
