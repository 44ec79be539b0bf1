package reactor.ffi;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;

/**
 * A registration that a test looks into. Its one callback hands over sequence + id; native threads of the fixture fire it.
 */
final class TestEvents implements Registration<NativeSink<Long>> {

    final AtomicInteger registered = new AtomicInteger();
    final AtomicInteger unregistered = new AtomicInteger();

    /** Of the latest registration. */
    volatile @Nullable NativeSink<Long> sink;

    volatile MemorySegment pointer = MemorySegment.NULL;

    @Override
    public void register(NativeSink<Long> sink) {
        this.sink = sink;
        pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence + id));
        registered.incrementAndGet();
        sink.onDispose(unregistered::incrementAndGet);
    }

    /** From a new native thread: that value, then the next ones, n in all. Returns when the thread has ended. */
    void fire(long first, int n) {
        Calls.fromThreads(pointer, 1, n, first);
    }

    /** On the calling thread. */
    void fireHere(long first, int n) {
        Calls.n(pointer, n, first);
    }
}
