package reactor.ffi.internal;

import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The debug log of the steps in the life of a registration, under the one logger name {@code reactor.ffi.trail}. Off by
 * default: a caller asks {@link #isOn} before it makes a text, because some steps are taken where there is no memory for one.
 * No step that is taken for each value has a line here. All methods may be called from any thread, native ones included.
 */
public final class Trail {

    private static final Logger LOG = Loggers.getLogger("reactor.ffi.trail");

    private Trail() {}

    /**
     * Returns whether lines are written. Never throws.
     *
     * @return true if the logger's level is DEBUG or finer
     */
    public static boolean isOn() {
        try {
            return LOG.isDebugEnabled();
        } catch (Throwable broken) {
            return false;
        }
    }

    /**
     * Writes one line. Never throws: a logger that fails must not take the step with it.
     *
     * @param name the name of the stream, callback or scheduler that takes the step
     * @param step what it does, or has done
     */
    public static void log(String name, String step) {
        try {
            LOG.debug("[{}] {} on {}", name, step, Thread.currentThread().getName());
        } catch (Throwable nobodyToTell) {
            // what was to be logged happens all the same
        }
    }
}
