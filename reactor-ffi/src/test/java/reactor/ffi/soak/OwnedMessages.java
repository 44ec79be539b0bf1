package reactor.ffi.soak;

import java.lang.foreign.MemorySegment;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnMessage;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;

/** Messages of C's memory, which the subscriber frees, or the discard hook, or the fallback: each of them, and once. */
final class OwnedMessages implements Load {

    private final Faults faults;
    private final Tally tally = new Tally("messages");
    private final CallbackScheduler scheduler = Tally.scheduler(tally.name);
    private final Rounds rounds;

    OwnedMessages(Faults faults) {
        this.faults = faults;
        this.rounds = new Rounds("messages", faults, this::subscribe);
    }

    @Override
    public void start() {
        rounds.start();
    }

    private void subscribe(long number) throws InterruptedException {
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
    public void stop() throws InterruptedException {
        rounds.stop();
        scheduler.disposeGracefully().block(Until.LIMIT);
    }

    @Override
    public void check(Faults to) {
        tally.checkStream(to);
        to.equal("messages that nobody has freed", Memory.liveMessages(), 0);
        to.equal("what C saw that must not be", Fixture.errorCount(), 0);
    }
}
