package reactor.ffi.internal.upcall;

import java.lang.invoke.MethodHandleProxies;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Callbacks with equal keys are one source: a late call of one means the same to another. They have the same owner, and their
 * handlers run the same code. A slot keeps the key for the life of the process, so the key holds numbers in place of classes.
 *
 * @param owner a Flux by its number, or the name of answered callbacks
 * @param type the interface
 * @param handler the handler's class, which for a lambda expression is that expression
 */
record SourceKey(Object owner, long type, long handler) {

    private static final AtomicLong LAST = new AtomicLong();

    private static final ClassValue<Long> NUMBERS = new ClassValue<>() {
        @Override
        protected Long computeValue(Class<?> type) {
            return LAST.incrementAndGet();
        }
    };

    static SourceKey of(Object owner, Class<?> type, Object handler) {
        return new SourceKey(owner, NUMBERS.get(type), code(handler));
    }

    /** Proxies of one class run any code: no two of them are the same. */
    private static long code(Object handler) {
        return Proxy.isProxyClass(handler.getClass()) || MethodHandleProxies.isWrapperInstance(handler)
                ? LAST.incrementAndGet()
                : NUMBERS.get(handler.getClass());
    }
}
