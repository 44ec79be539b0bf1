package reactor.ffi.internal.life;

import java.lang.ref.Cleaner;
import org.jspecify.annotations.Nullable;

/**
 * Tells of objects that were collected without being closed. One cleaner for all of them, whose thread starts with the first:
 * not in a static initialiser, because one that fails in a moment without threads leaves a class that nobody can ever use.
 */
public final class Collected {

    /** Guarded by the class. */
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
