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

    static Frame next(Slot slot) {
        try {
            return (Frame) ThreadRecord.NEXT.invokeExact((LastCaller) slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static Binding enter(Frame frame, Slot slot, Route route, long userData) {
        try {
            return (Binding) Frame.ENTER_ROUTED.invokeExact(frame, slot, (Strangers) route, userData);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** A slot that nobody has called gives a thread the frame of its own record. */
    @SuppressWarnings("ReferenceEquality")
    static boolean isOfThisThread(Frame frame) {
        return frame == next(new Slot(1, new Binding(MethodHandles.zero(void.class), null, null, null, null, null)));
    }

    /** Of a live registration, or of one that has ended; without a callee. */
    static Binding binding(long userData) {
        return new Binding(MethodHandles.zero(void.class), null, null, null, null, null, userData);
    }

    /** Any shared stub: it counts calls that are nobody's. */
    static Route route() {
        Signature<?> signature = (Signature<?>) Signature.of(Event.class).userData(0);
        return Routes.of(signature).get(signature, 0, signature.invoker());
    }

    /** An event of C. */
    public interface Event {
        void call(long userData);
    }
}
