package reactor.ffi;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.ffi.internal.signal.SignalActions;
import reactor.ffi.internal.signal.Signals;

/**
 * POSIX signals as a stream, by way of the JVM's own dispatcher. Never give a callback pointer to {@code sigaction}: a
 * signal handler may run on a thread that is in the middle of anything, and an upcall there aborts or hangs the JVM.
 *
 * <p>After the last cancellation a signal does again what that signal did before the first subscription. Without a
 * handler, HUP, INT and TERM end the JVM, which runs its shutdown hooks; other signals, such as USR1, end the process
 * at once. So keep a subscription for as long as signals are sent.
 */
public final class NativeSignals {

    private NativeSignals() {}

    /**
     * A signal that has come.
     *
     * @param name its name without SIG, such as HUP
     * @param number its number on this platform
     * @param count how many signals of this name the JVM has dispatched since the first subscription took the name
     *     over, including this signal. Signals of the same name coalesce, so fewer may arrive than were sent.
     */
    public record Signal(String name, int number, long count) {}

    /**
     * A signal as it was sent.
     *
     * @param name the name that the stream was asked for, such as RTMIN+3
     * @param number its number on this platform
     * @param code the {@code si_code}: 0 of {@code kill}, -1 of {@code sigqueue}, -2 of a timer, positive of the kernel
     * @param value what {@code sigqueue} or the timer has sent: its {@code sival_ptr}, whose lower half is the {@code sival_int}
     * @param process the process that sent the signal, 0 for the kernel; of a timer, its number
     * @param user the user of that process; of a timer, how many of its signals were left out before this one
     */
    public record Sent(String name, int number, int code, long value, int process, int user) {}

    /** {@code void (*)(int number, int code, long value, int process, int user)}. */
    @FunctionalInterface
    private interface OnSignal {
        @SuppressWarnings("UnusedMethod") // by a handle
        void signal(int number, int code, long value, int process, int user);
    }

    /**
     * Returns a stream of the signals of these names, on the shared scheduler.
     *
     * @param names names without SIG, such as HUP, TERM, USR1
     * @return a {@link Flux}. Its first subscription takes the signals over from the handlers that were installed
     *     before; the last cancellation gives the signals back. A subscription fails with an {@link
     *     IllegalArgumentException} if a name is unknown, or if the JVM or the system uses that signal itself, and with
     *     an {@link IllegalStateException} if the JVM was started with {@code -Xrs}.
     * @throws IllegalArgumentException if {@code names} is empty, or a name begins with SIG
     */
    public static Flux<Signal> on(String... names) {
        return on(CallbackOptions.named("signals").overflow(Overflow.dropOldest(256)), names);
    }

    /**
     * Returns a stream of the signals of these names.
     *
     * @param options name, scheduler, policy, and whether a subscription keeps the JVM alive
     * @param names names without SIG, such as HUP, TERM, USR1
     * @return a Flux, as that of {@link #on(String...)}
     * @throws IllegalArgumentException if {@code names} is empty, or a name begins with SIG
     */
    public static Flux<Signal> on(CallbackOptions options, String... names) {
        List<String> each = Signals.names(names);
        return NativeFlux.create(options, sink -> {
            for (String name : each) {
                Signals.Handler handler = (number, count) -> sink.next(new Signal(name, number, count));
                Signals.take(name, handler);
                sink.onDispose(() -> Signals.giveBack(name, handler));
            }
        });
    }

    /**
     * Returns a stream of the signals of these names as they were sent, on the shared scheduler, for up to 1,024 signals that
     * wait.
     *
     * @param names names without SIG, such as RTMIN+3, RTMAX-1, USR1
     * @return a Flux, as that of {@link #realTime(CallbackOptions, String...)}
     * @throws IllegalArgumentException if {@code names} is empty, or a name begins with SIG
     */
    public static Flux<Sent> realTime(String... names) {
        return realTime(CallbackOptions.named("signals").overflow(Overflow.dropNewest(1024)), names);
    }

    /**
     * Returns a stream of the signals of these names as they were sent: with their value and their sender. They do not pass the
     * JVM's dispatcher: a {@linkplain NativeSink#listener(ListenerType, Object) listener} is the signal handler of the process. So
     * none coalesces with another here, as long as there is room, and {@link CallbackMetrics#droppedCalls()} counts those that found
     * none. (The kernel itself coalesces signals such as USR1, and keeps each real-time signal.) Signals that two threads take
     * at once have no order.
     *
     * <p>Each subscription gets each signal, and the handler that was there before the first one is called too. The last cancellation
     * puts that handler back. Without one, a real-time signal then ends the process at once: keep a subscription for as
     * long as signals are sent.
     *
     * @param options name, scheduler, {@link Overflow#dropNewest} or {@link Overflow#error}, and whether a subscription keeps the
     *     JVM alive
     * @param names names without SIG, such as RTMIN+3, RTMAX-1, USR1
     * @return a Flux. A subscription fails with an {@link IllegalArgumentException} if there is no such signal, or the JVM
     *     uses it, and with an {@link UnsupportedOperationException} where {@link ListenerType#isNative()} is false.
     * @throws IllegalArgumentException if {@code names} is empty, a name begins with SIG, or the options have another {@link
     *     Overflow}
     */
    public static Flux<Sent> realTime(CallbackOptions options, String... names) {
        Overflow overflow = requireNonNull(options, "options").overflow();
        List<String> each = Signals.names(names);
        if (overflow.policy() != Overflow.Policy.DROP_NEWEST && overflow.policy() != Overflow.Policy.ERROR) {
            throw new IllegalArgumentException("the options of " + options.name() + " say " + overflow
                    + ", and a signal handler must neither wait nor take a lock: give CallbackOptions.overflow"
                    + " Overflow.dropNewest(n) or Overflow.error(n)");
        }
        return NativeFlux.create(options, sink -> {
            ListenerType<OnSignal> type =
                    ListenerType.of(CallbackType.of(OnSignal.class).lookup(MethodHandles.lookup()));
            if (!type.isNative()) {
                throw new UnsupportedOperationException("a signal handler must not enter the JVM, and listeners are no"
                        + " machine code here: use NativeSignals.on");
            }
            for (String name : each) {
                MemorySegment pointer = sink.listener(
                        type,
                        (number, code, value, process, user) ->
                                sink.next(new Sent(name, number, code, value, process, user)));
                SignalActions installed = SignalActions.install(name, pointer);
                sink.onDispose(installed::remove);
            }
        });
    }
}
