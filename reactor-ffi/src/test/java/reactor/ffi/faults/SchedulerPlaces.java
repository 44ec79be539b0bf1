package reactor.ffi.faults;

import static reactor.ffi.faults.Cell.check;
import static reactor.ffi.faults.Cell.eventually;
import static reactor.ffi.faults.Cell.thrown;
import static reactor.ffi.faults.Place.place;
import static reactor.ffi.faults.Seen.DROPPED;
import static reactor.ffi.faults.Seen.HANDLED;
import static reactor.ffi.faults.Seen.LOG;
import static reactor.ffi.faults.Seen.SIGNAL;
import static reactor.ffi.faults.Seen.THROWN;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.Disposable;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.Confined;

/** The user code that is sent to a scheduler: tasks, native calls, and closures for a confined value. */
final class SchedulerPlaces {

    static final List<Place> ALL = List.of(
            place("a task", SchedulerPlaces::task, HANDLED),
            place("a periodic task", SchedulerPlaces::periodic, HANDLED),
            place("an onSchedule hook", SchedulerPlaces::onSchedule, THROWN),
            place("an onHandleError hook", SchedulerPlaces::onHandleError, LOG),
            place("callBlocking", SchedulerPlaces::callBlocking, THROWN),
            place("offload", SchedulerPlaces::offload, SIGNAL),
            place("a subscriber of offload", SchedulerPlaces::offloadSubscriber, HANDLED),
            place("the maker of a confined value", SchedulerPlaces::maker, HANDLED),
            place("a closure", SchedulerPlaces::closure, HANDLED),
            place("a query", SchedulerPlaces::query, SIGNAL),
            place("a subscriber of a query", SchedulerPlaces::querySubscriber, HANDLED, DROPPED, SIGNAL),
            place("a release", SchedulerPlaces::release, HANDLED),
            place("a release, as the scheduler is disposed of", SchedulerPlaces::releaseByDispose, HANDLED),
            place("an error handler of a confined value", SchedulerPlaces::errorHandler, HANDLED));

    private SchedulerPlaces() {}

    static void task(Cell cell) {
        cell.onScheduler(cell::raise);
    }

    static void periodic(Cell cell) {
        AtomicInteger runs = new AtomicInteger();
        Disposable task = cell.scheduler.schedulePeriodically(
                () -> {
                    runs.incrementAndGet();
                    cell.raise();
                },
                0,
                1,
                TimeUnit.MILLISECONDS);
        eventually("it goes on", () -> runs.get() >= 3);
        task.dispose();
    }

    static void onSchedule(Cell cell) {
        Schedulers.onScheduleHook("raises", task -> {
            cell.raise();
            return task;
        });
        try {
            thrown(() -> cell.scheduler.schedule(() -> {}));
        } finally {
            Schedulers.resetOnScheduleHook("raises");
        }
    }

    static void onHandleError(Cell cell) {
        Seen.whenHandled(cell::raise);
        cell.onScheduler(() -> {
            throw new IllegalArgumentException("the task's own");
        });
    }

    static void callBlocking(Cell cell) {
        cell.onScheduler(() -> {
            thrown(() -> cell.scheduler.runBlocking(cell::raise));
            check(cell.scheduler.isCurrent(), "the turn is back");
        });
    }

    static void offload(Cell cell) {
        cell.scheduler
                .offload(() -> {
                    cell.raise();
                    return 1L;
                })
                .subscribe(cell.new Probe("nowhere"));
    }

    static void offloadSubscriber(Cell cell) {
        cell.scheduler.offload(() -> 1L).subscribe(cell.new Probe("onNext"));
    }

    private static Confined<AtomicInteger> confined(Cell cell) {
        return Confined.of(cell.scheduler, new AtomicInteger(), value -> value.set(-1));
    }

    static void maker(Cell cell) {
        Confined<AtomicInteger> value = Confined.create(
                cell.scheduler,
                () -> {
                    cell.raise();
                    return new AtomicInteger();
                },
                made -> made.set(-1));
        value.close();
    }

    static void closure(Cell cell) {
        try (Confined<AtomicInteger> value = confined(cell)) {
            value.send(number -> cell.raise());
            value.send(AtomicInteger::incrementAndGet);
            check(Integer.valueOf(1).equals(value.call(AtomicInteger::get).block()), "the next one has run");
        }
    }

    static void query(Cell cell) {
        try (Confined<AtomicInteger> value = confined(cell)) {
            value.call(number -> {
                        cell.raise();
                        return 1L;
                    })
                    .subscribe(cell.new Probe("nowhere"));
        }
    }

    static void querySubscriber(Cell cell) {
        try (Confined<AtomicInteger> value = confined(cell)) {
            value.call(number -> 1L).subscribe(cell.new Probe("onNext"));
            check(Integer.valueOf(0).equals(value.call(AtomicInteger::get).block()), "the next one has run");
        }
    }

    static void release(Cell cell) {
        Confined.of(cell.scheduler, new AtomicInteger(), value -> cell.raise()).close();
    }

    static void releaseByDispose(Cell cell) {
        AtomicInteger released = new AtomicInteger();
        Confined.Action<Integer> release = value -> {
            released.incrementAndGet();
            cell.raise();
        };
        Confined<Integer> first = Confined.of(cell.scheduler, 1, release);
        Confined<Integer> second = Confined.of(cell.scheduler, 2, release);
        cell.scheduler.dispose();
        eventually("both are released", () -> released.get() == 2);
        first.close();
        second.close();
    }

    static void errorHandler(Cell cell) {
        try (Confined<AtomicInteger> value = Confined.create(
                cell.unqueued.onError(error -> cell.raise()), AtomicInteger::new, number -> number.set(-1))) {
            value.send(number -> {
                throw new IllegalArgumentException("the closure's own");
            });
        }
    }
}
