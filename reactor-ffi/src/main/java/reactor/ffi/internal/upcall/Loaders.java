package reactor.ffi.internal.upcall;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How many slots name a class loader: their handler's, or a late fallback's. When the last goes, native threads forget it
 * too, so that it can be collected while they live on.
 */
final class Loaders {

    private static final Map<ClassLoader, Integer> SLOTS = new HashMap<>();

    private Loaders() {}

    /** The context class loader of the registering thread: what its frameworks expect to find in a callback too. */
    static @Nullable ClassLoader ofCaller(Class<?> type) {
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        return context != null ? context : type.getClassLoader();
    }

    static void retain(@Nullable ClassLoader loader) {
        if (loader != null) {
            synchronized (SLOTS) {
                SLOTS.merge(loader, 1, Integer::sum);
            }
        }
    }

    static void release(ClassLoader loader) {
        synchronized (SLOTS) {
            if (SLOTS.computeIfPresent(loader, (key, slots) -> slots == 1 ? null : slots - 1) == null) {
                NativeThreads.forget(loader);
            }
        }
    }
}
