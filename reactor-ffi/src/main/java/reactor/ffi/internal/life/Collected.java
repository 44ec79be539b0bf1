package reactor.ffi.internal.life;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/**
 * Runs an action when an object is collected that was not closed. One cleaner serves all objects. Its thread starts with
 * the first object and not in a static initialiser, because an initialiser that fails in a moment without threads makes
 * its class unusable for good.
 */
public final class Collected {

    @GuardedBy("Collected.class")
    private static @Nullable Cleaner cleaner;

    private Collected() {}

    /**
     * Registers an object. Where no thread can be had this fails, and the next call tries again.
     *
     * @param object what may be collected
     * @param action runs on the cleaner's thread once the object is collected; does not refer to it
     * @return runs the action now
     */
    public static synchronized Cleaner.Cleanable tell(Object object, Runnable action) {
        Cleaner own = cleaner;
        if (own == null) {
            own = Cleaner.create();
            cleaner = own;
        }
        return own.register(object, action);
    }
}
