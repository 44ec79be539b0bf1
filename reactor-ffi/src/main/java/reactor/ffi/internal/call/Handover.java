package reactor.ffi.internal.call;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The way of an answered call, for one carrier type. It names no user's class. In words:
 *
 * <pre>
 * result call(Answers answers, arguments...) {
 *     if (answers.hasTurn()) {
 *         return answers.invoker(answers.handler, arguments...);
 *     }
 *     try {
 *         return answers.tryBorrow()
 *                 ? answers.invoker(answers.handler, arguments...)
 *                 : (result) answers.handOver(new Object[] {arguments...});
 *     } finally {
 *         answers.giveBack();
 *     }
 * }
 * </pre>
 *
 * <p>An Error may come between any two of these, at the end of the stack. That a call which came without the turn leaves
 * without it holds then, too, because the borrowing is within the {@code try}, and {@code giveBack} asks whether it has succeeded.
 */
final class Handover {

    private static final Map<MethodType, MethodHandle> BY_TYPE = new ConcurrentHashMap<>();

    private static final MethodHandle HAS_TURN;
    private static final MethodHandle BORROW;
    private static final MethodHandle GIVE_BACK;
    private static final MethodHandle HAND_OVER;
    private static final MethodHandle INVOKER;
    private static final MethodHandle HANDLER;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HAS_TURN = general(lookup.findVirtual(Answers.class, "hasTurn", methodType(boolean.class)), 0);
            BORROW = general(lookup.findVirtual(Answers.class, "tryBorrow", methodType(boolean.class)), 0);
            GIVE_BACK = general(lookup.findVirtual(Answers.class, "giveBack", methodType(void.class)), 0);
            HAND_OVER =
                    general(lookup.findVirtual(Answers.class, "handOver", methodType(Object.class, Object[].class)), 0);
            INVOKER = general(lookup.findGetter(Answers.class, "invoker", MethodHandle.class), 0);
            HANDLER = general(lookup.findGetter(Answers.class, "handler", Object.class), 0);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Handover() {}

    /**
     * Returns the chain for an invoker of type {@code (Object handler, arguments...)result}; the chain takes an {@code
     * Answers} in the handler's place.
     */
    static MethodHandle of(MethodType invoker) {
        return BY_TYPE.computeIfAbsent(invoker, Handover::make);
    }

    private static MethodHandle make(MethodType type) {
        MethodHandle invoke = MethodHandles.filterArguments(MethodHandles.exactInvoker(type), 0, INVOKER, HANDLER);
        int[] once = new int[type.parameterCount() + 1];
        for (int i = 1; i < once.length; i++) {
            once[i] = i - 1;
        }
        MethodHandle here = MethodHandles.permuteArguments(invoke, type, once);
        MethodHandle there =
                HAND_OVER.asCollector(Object[].class, type.parameterCount() - 1).asType(type);
        MethodHandle borrowed =
                MethodHandles.tryFinally(MethodHandles.guardWithTest(BORROW, here, there), giveBack(type.returnType()));
        return MethodHandles.guardWithTest(HAS_TURN, here, borrowed);
    }

    /** {@code (Throwable, result, Object)result}. */
    private static MethodHandle giveBack(Class<?> result) {
        MethodHandle giveBack = result == void.class
                ? GIVE_BACK
                : MethodHandles.collectArguments(MethodHandles.identity(result), 1, GIVE_BACK);
        return MethodHandles.dropArguments(giveBack, 0, Throwable.class);
    }

    private static MethodHandle general(MethodHandle handle, int parameter) {
        return handle.asType(handle.type().changeParameterType(parameter, Object.class));
    }
}
