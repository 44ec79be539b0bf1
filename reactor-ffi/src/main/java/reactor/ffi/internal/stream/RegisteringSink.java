package reactor.ffi.internal.stream;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import reactor.ffi.CallbackType;
import reactor.ffi.ListenerType;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCall;
import reactor.ffi.NativeSink;
import reactor.ffi.Records;
import reactor.ffi.internal.upcall.Signature;

/** The part of a sink that registers callbacks and actions; its {@link Teardown} undoes what was made here. */
public sealed interface RegisteringSink<T> extends NativeSink<T>, Owner permits NativeSubscription, SharedRegistration {

    Teardown teardown();

    @Override
    boolean isCancelled();

    @Override
    default <F> MemorySegment callback(CallbackType<F> type, F handler) {
        return teardown().callback((Signature<F>) requireNonNull(type, "type"), handler, null);
    }

    @Override
    default <F> MemorySegment callback(CallbackType<F> type, F handler, F fallback) {
        return teardown()
                .callback((Signature<F>) requireNonNull(type, "type"), handler, requireNonNull(fallback, "fallback"));
    }

    @Override
    default <F> MemorySegment listener(ListenerType<F> type, F handler) {
        requireNonNull(handler, "handler");
        throw noListeners(type);
    }

    @Override
    default <F> MemorySegment batches(ListenerType<F> type, Consumer<? super Records> handler) {
        requireNonNull(handler, "handler");
        throw noListeners(type);
    }

    private static UnsupportedOperationException noListeners(ListenerType<?> type) {
        return new UnsupportedOperationException(
                "a shared stream has no listeners, as its values are for several subscribers: make "
                        + requireNonNull(type, "type")
                        + " on the sink of NativeFlux.create, and share() that Flux; or use sink.callback");
    }

    @Override
    default NativeSink<T> onDispose(NativeAction action) {
        teardown().onDispose(requireNonNull(action, "action"));
        return this;
    }

    @Override
    default NativeSink<T> runLoop(NativeCall<?> loop) {
        teardown().runLoop(requireNonNull(loop, "loop"), this::complete, this::error);
        return this;
    }

    @Override
    default Arena arena() {
        return teardown().arena();
    }

    @Override
    default MemorySegment userData() {
        return teardown().userData();
    }

    @Override
    default void release(MemorySegment pointer) {
        teardown().release(requireNonNull(pointer, "pointer"));
    }

    @Override
    default MemorySegment releaseNotify() {
        return teardown().releaseNotify();
    }
}
