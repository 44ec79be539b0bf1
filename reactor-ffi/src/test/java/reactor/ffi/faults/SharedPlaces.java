package reactor.ffi.faults;

import static reactor.ffi.faults.Cell.check;
import static reactor.ffi.faults.Cell.eventually;
import static reactor.ffi.faults.Place.place;
import static reactor.ffi.faults.Seen.DROPPED;
import static reactor.ffi.faults.Seen.HANDLED;
import static reactor.ffi.faults.Seen.SIGNAL;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;

/** The user code of a shared stream: an error of the source is everybody's, one of a subscriber is its own. */
final class SharedPlaces {

    static final List<Place> ALL = List.of(
            place("a shared registration", SharedPlaces::registration, SIGNAL),
            place("a shared handler", SharedPlaces::handler, SIGNAL),
            place("a shared handler that has completed its stream", SharedPlaces::handlerAfterTheEnd, DROPPED),
            place("onRequest of a shared stream", SharedPlaces::onRequest, SIGNAL),
            place("onDispose of a shared stream that completes", SharedPlaces::onDisposeAtTheEnd, SIGNAL),
            place("onDispose of a shared stream that all have left", SharedPlaces::onDisposeAfterTheLast, DROPPED),
            place("onNext of one of two", SharedPlaces::onNextOfOne, HANDLED),
            place("an onErrorDropped hook, of one that has left", SharedPlaces::droppedHookOfOne, HANDLED));

    private SharedPlaces() {}

    /** Both join before the registration runs, or whatever it schedules. */
    private static void bothFail(Cell cell, Registration<NativeSink<Long>> registration, Runnable fire) {
        Flux<Long> shared = NativeFlux.share(cell.options, registration);
        AtomicReference<Cell.Probe> first = new AtomicReference<>();
        AtomicReference<Cell.Probe> second = new AtomicReference<>();
        cell.onScheduler(() -> {
            first.set(cell.subscribe(shared, "nowhere"));
            second.set(cell.subscribe(shared, "nowhere"));
        });
        cell.onScheduler(() -> {}); // they have joined
        fire.run();
        eventually(
                "both have heard of it",
                () -> first.get().ends.get() == 1 && second.get().ends.get() == 1);
        check(SIGNAL.count(cell.fault) == 2, "as an error");
    }

    static void registration(Cell cell) {
        bothFail(
                cell,
                sink -> {
                    cell.events(sink);
                    cell.raise();
                },
                () -> {});
    }

    static void handler(Cell cell) {
        bothFail(
                cell,
                sink -> cell.register(sink, value -> {
                    sink.next(value);
                    if (value == 1) {
                        cell.raise();
                    }
                }),
                () -> cell.fire(4));
    }

    static void handlerAfterTheEnd(Cell cell) {
        Flux<Long> shared = NativeFlux.share(
                cell.options,
                sink -> cell.register(sink, value -> {
                    sink.complete();
                    cell.raise();
                }));
        Cell.Probe probe = cell.subscribe(shared, "nowhere");
        cell.onScheduler(() -> {});
        cell.fire(3);
        eventually("it is complete", () -> probe.ends.get() == 1);
    }

    static void onRequest(Cell cell) {
        bothFail(
                cell,
                sink -> {
                    cell.events(sink);
                    sink.onRequest(n -> cell.raise());
                },
                () -> {});
    }

    static void onDisposeAtTheEnd(Cell cell) {
        AtomicReference<NativeSink<Long>> source = new AtomicReference<>();
        bothFail(
                cell,
                sink -> {
                    cell.events(sink);
                    sink.onDispose(cell::raise);
                    source.set(sink);
                },
                () -> source.get().complete());
    }

    static void onDisposeAfterTheLast(Cell cell) {
        Cell.Probe probe = cell.subscribe(
                NativeFlux.share(cell.options, sink -> {
                    cell.events(sink);
                    sink.onDispose(cell::raise);
                }),
                "nowhere");
        cell.onScheduler(() -> {});
        probe.subscription.cancel();
    }

    static void onNextOfOne(Cell cell) {
        Flux<Long> shared = NativeFlux.share(cell.options, cell::events);
        Cell.Probe bad = cell.subscribe(shared, "onNext");
        Cell.Probe good = cell.subscribe(shared, "nowhere");
        cell.onScheduler(() -> {});
        cell.fire(3);
        eventually("the other one has got all", () -> good.values.get() == 3);
        check(bad.ends.get() == 0 && good.ends.get() == 0, "nobody has ended");
        good.subscription.cancel();
    }

    /** One cancels while the source is undone: its share of the error is dropped, and the hook throws. */
    static void droppedHookOfOne(Cell cell) {
        Seen.whenDropped(cell::raise);
        AtomicReference<NativeSink<Long>> source = new AtomicReference<>();
        AtomicReference<Cell.Probe> leaves = new AtomicReference<>();
        Flux<Long> shared = NativeFlux.share(cell.options, sink -> {
            cell.events(sink);
            sink.onDispose(() -> leaves.get().subscription.cancel());
            source.set(sink);
        });
        leaves.set(cell.subscribe(shared, "nowhere"));
        Cell.Probe stays = cell.subscribe(shared, "nowhere");
        cell.onScheduler(() -> {}); // they have joined
        source.get().error(new IllegalArgumentException("the source's own"));
        eventually("the other one has heard of it", () -> stays.ends.get() == 1);
    }
}
