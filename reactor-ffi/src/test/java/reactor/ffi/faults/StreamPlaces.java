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
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;

/** The user code of a stream, from its registration to its end. */
final class StreamPlaces {

    static final List<Place> ALL = List.of(
            place("a registration", StreamPlaces::registration, SIGNAL),
            place("a registration that has completed its stream", StreamPlaces::registrationAfterTheEnd, DROPPED),
            place("a handler on a native thread", cell -> handler(cell, () -> cell.fire(4)), SIGNAL),
            place("a handler on the scheduler's thread", StreamPlaces::handlerOnTheScheduler, SIGNAL),
            place("a handler that has completed its stream", StreamPlaces::handlerAfterTheEnd, DROPPED),
            place("a fallback", StreamPlaces::fallback, SIGNAL),
            place("onSubscribe", StreamPlaces::onSubscribe, THROWN),
            place("onNext", cell -> subscriber(cell, "onNext"), HANDLED),
            place("onNext, below C on the scheduler's thread", StreamPlaces::onNextBelowC, HANDLED),
            place("onComplete", cell -> subscriber(cell, "onComplete"), HANDLED),
            place("onError", cell -> subscriber(cell, "onError"), HANDLED),
            place("a lambda that subscribes", StreamPlaces::lambda, SIGNAL, HANDLED),
            place("an operator", StreamPlaces::operator, SIGNAL, HANDLED),
            place("onRequest", cell -> onRequest(cell, sink -> {}), SIGNAL),
            place("onRequest that has completed its stream", cell -> onRequest(cell, NativeSink::complete), DROPPED),
            place("onDispose of a stream that completes", StreamPlaces::onDisposeAtTheEnd, SIGNAL),
            place("onDispose of a stream that is cancelled", StreamPlaces::onDisposeAfterCancel, DROPPED),
            place("onDispose of a stream that has ended", StreamPlaces::onDisposeTooLate, DROPPED),
            place("onDispose of a stream that fails", StreamPlaces::onDisposeAfterAnError, SIGNAL),
            place("a discard hook", StreamPlaces::discard, LOG, HANDLED),
            place("an onErrorDropped hook", StreamPlaces::droppedHook, HANDLED),
            place(
                    "an onErrorDropped hook, in a registration",
                    StreamPlaces::droppedHookInRegistration,
                    THROWN,
                    HANDLED),
            place("a loop", StreamPlaces::loop, SIGNAL));

    private StreamPlaces() {}

    static void registration(Cell cell) {
        cell.subscribe(sink -> {
            cell.events(sink);
            cell.raise();
        });
    }

    static void registrationAfterTheEnd(Cell cell) {
        cell.subscribe(sink -> {
            cell.events(sink);
            sink.complete();
            cell.raise();
        });
    }

    static void handler(Cell cell, Runnable fire) {
        cell.subscribe(sink -> cell.register(sink, value -> {
            sink.next(value);
            if (value == 1) {
                cell.raise();
            }
        }));
        fire.run();
    }

    static void handlerOnTheScheduler(Cell cell) {
        handler(cell, () -> cell.onScheduler(() -> cell.fireHere(4)));
    }

    static void handlerAfterTheEnd(Cell cell) {
        cell.subscribe(sink -> cell.register(sink, value -> {
            sink.complete();
            cell.raise();
        }));
        cell.fire(3);
    }

    /** The handler has failed before it: C gets a zero. */
    static void fallback(Cell cell) {
        cell.fallback = 0;
        cell.subscribe(sink -> {
            cell.register(sink, value -> {});
            OnAsk raising = (thread, sequence, id) -> {
                cell.raise();
                return Cell.FALLBACK;
            };
            cell.pointer = sink.callback(OnAsk.class, raising, raising);
        });
        cell.fire(2);
    }

    static void onSubscribe(Cell cell) {
        thrown(() -> cell.subscribe(cell.stream(), "onSubscribe"));
    }

    static void subscriber(Cell cell, String where) {
        Flux<Long> flux = NativeFlux.create(
                cell.options,
                sink -> cell.register(sink, value -> {
                    sink.next(value);
                    if (where.equals("onComplete")) {
                        sink.complete();
                    } else if (where.equals("onError")) {
                        sink.error(new IllegalArgumentException("the source's own"));
                    }
                }));
        cell.subscribe(flux, where);
        cell.fire(1);
    }

    static void onNextBelowC(Cell cell) {
        cell.subscribe(cell.stream(), "onNext");
        cell.onScheduler(() -> cell.fireHere(3));
    }

    static void lambda(Cell cell) {
        cell.stream().subscribe(value -> cell.raise(), SIGNAL::add);
        cell.fire(2);
    }

    static void operator(Cell cell) {
        cell.subscribe(
                cell.stream().map(value -> {
                    cell.raise();
                    return value;
                }),
                "nowhere");
        cell.fire(2);
    }

    static void onRequest(Cell cell, Consumer<NativeSink<Long>> before) {
        cell.subscribe(sink -> {
            cell.events(sink);
            sink.onRequest(n -> {
                before.accept(sink);
                cell.raise();
            });
        });
    }

    static void onDisposeAtTheEnd(Cell cell) {
        cell.subscribe(sink -> {
            cell.events(sink);
            sink.onDispose(cell::raise);
            sink.complete();
        });
    }

    static void onDisposeAfterCancel(Cell cell) {
        Cell.Probe probe = cell.subscribe(sink -> {
            cell.events(sink);
            sink.onDispose(cell::raise);
        });
        cell.fire(2);
        probe.subscription.cancel();
    }

    static void onDisposeTooLate(Cell cell) {
        AtomicReference<NativeSink<Long>> late = new AtomicReference<>();
        Cell.Probe probe = cell.subscribe(sink -> {
            cell.events(sink);
            late.set(sink);
            sink.complete();
        });
        eventually("the stream has ended", () -> probe.ends.get() == 1);
        late.get().onDispose(cell::raise);
    }

    /** Both errors are seen, the second one too where the first one keeps nothing. */
    static void onDisposeAfterAnError(Cell cell) {
        cell.subscribe(sink -> {
            cell.events(sink);
            sink.onDispose(() -> {
                throw new ClassNotFoundException("the action's own");
            });
            cell.raise();
        });
        eventually("the action's error is seen", () -> Seen.has(ClassNotFoundException.class));
    }

    static void discard(Cell cell) {
        Disposable stalled = NativeFlux.<Long>create(cell.options.overflow(Overflow.dropNewest(1)), cell::events)
                .doOnDiscard(Long.class, value -> cell.raise())
                .subscribeWith(new Stalled<>());
        cell.fire(3);
        check(cell.metrics().dropped() == 2, "two are dropped: " + cell.metrics());
        stalled.dispose();
    }

    static void droppedHook(Cell cell) {
        Seen.whenDropped(cell::raise);
        Cell.Probe probe = cell.subscribe(sink -> {
            cell.events(sink);
            sink.onDispose(() -> {
                throw new IllegalArgumentException("the action's own");
            });
        });
        probe.subscription.cancel();
    }

    static void droppedHookInRegistration(Cell cell) {
        Seen.whenDropped(cell::raise);
        thrown(() -> cell.subscribe(sink -> {
            cell.events(sink);
            sink.complete();
            throw new IllegalArgumentException("the registration's own");
        }));
    }

    static void loop(Cell cell) {
        cell.subscribe(sink -> {
            cell.events(sink);
            sink.runLoop(() -> {
                cell.raise();
                return true;
            });
        });
    }
}
