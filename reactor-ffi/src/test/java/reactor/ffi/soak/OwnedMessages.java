package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnMessage;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;

/** Messages of C's memory, which the subscriber frees, or the discard hook, or the fallback: each of them, and once. */
final class OwnedMessages extends RoundsLoad {

    OwnedMessages(Faults faults) {
        super("messages", faults);
    }

    @Override
    void round(long number) throws InterruptedException {
        Flux<MemorySegment> messages =
                NativeFlux.create(tally.options().on(scheduler).overflow(Overflow.dropOldest(64)), this::register);
        Disposable subscription = tally.counting(messages, MemorySegment.class)
                .doOnDiscard(MemorySegment.class, Memory::freeMessage)
                .subscribe(Memory::freeMessage, error -> faults.add(tally.name, error));
        rounds.pause(50);
        subscription.dispose();
        tally.awaitNoSubscriber();
    }

    private void register(NativeSink<MemorySegment> sink) {
        MemorySegment pointer = sink.callback(
                OnMessage.class,
                message -> {
                    tally.handled.increment();
                    sink.next(MemorySegment.ofAddress(message.address()));
                },
                Memory::freeMessage);
        Source source = Source.messages(pointer, 0).start(1, -1, 0);
        sink.onDispose(() -> tally.end(source, sink, pointer));
    }

    @Override
    public void check(Faults to) {
        super.check(to);
        to.equal("messages that nobody has freed", Memory.liveMessages(), 0);
        to.equal("what C saw that must not be", Fixture.errorCount(), 0);
    }
}
