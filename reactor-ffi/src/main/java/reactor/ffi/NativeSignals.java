package reactor.ffi;

import java.util.List;
import reactor.core.publisher.Flux;
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
}
