package reactor.ffi.internal.upcall;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import reactor.ffi.CallbackType;
import reactor.ffi.internal.metrics.SourceCounters;

/** A registration as the tests make it: what a subscription is in the library. Keeps what it is told. */
class TestCallee implements Callee {

    private static final AtomicLong SOURCES = new AtomicLong(1_000_000);

    final SourceCounters counters = new SourceCounters("test");
    final List<Throwable> thrown = new CopyOnWriteArrayList<>();
    final List<Throwable> thrownByFallbacks = new CopyOnWriteArrayList<>();
    final long source = SOURCES.incrementAndGet();

    @Override
    public void handlerFailed(Throwable failure) {
        thrown.add(failure);
    }

    @Override
    public Consumer<? super Throwable> fallbackErrors() {
        return thrownByFallbacks::add;
    }

    @Override
    public SourceCounters counters() {
        return counters;
    }

    <F> Upcall open(Class<F> type, F handler) {
        return open(CallbackType.of(type), handler, null);
    }

    <F> Upcall open(Class<F> type, F handler, F fallback) {
        return open(CallbackType.of(type), handler, fallback);
    }

    <F> Upcall open(CallbackType<F> type, F handler, F fallback) {
        return open(type, handler, fallback, this);
    }

    <F> Upcall open(CallbackType<F> type, F handler, F fallback, Object keep) {
        return ((Signature<F>) type).open(handler, fallback, this, source, keep);
    }

    <F> MemorySegment pointer(Class<F> type, F handler) {
        return open(type, handler).pointer();
    }

    <F> MemorySegment pointer(CallbackType<F> type, F handler) {
        return open(type, handler, null).pointer();
    }
}
