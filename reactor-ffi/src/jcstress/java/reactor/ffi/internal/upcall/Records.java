package reactor.ffi.internal.upcall;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** What an upcall does on its way in, without one. */
final class Records {

    private Records() {}

    /** Of the thread that asks; it is in no list. */
    static ThreadRecord create() {
        try {
            return (ThreadRecord) MethodHandles.privateLookupIn(ThreadRecord.class, MethodHandles.lookup())
                    .findConstructor(ThreadRecord.class, MethodType.methodType(void.class))
                    .invokeExact();
        } catch (Throwable e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static Binding enter(Frame frame, Slot slot) {
        try {
            return (Binding) Frame.ENTER.invokeExact(frame, slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
