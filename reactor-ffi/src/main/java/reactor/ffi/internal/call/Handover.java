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
 *     int turn = answers.enter();
 *     if (turn == NONE) {
 *         return (result) answers.handOver(new Object[] {arguments...});
 *     }
 *     try {
 *         return answers.invoker(answers.handler, arguments...);
 *     } finally {
 *         answers.leave(turn);
 *     }
 * }
 * </pre>
 */
final class Handover {

    private static final Map<MethodType, MethodHandle> BY_TYPE = new ConcurrentHashMap<>();

    private static final MethodHandle ENTER;
    private static final MethodHandle HAS_TURN;
    private static final MethodHandle LEAVE;
    private static final MethodHandle HAND_OVER;
    private static final MethodHandle INVOKER;
    private static final MethodHandle HANDLER;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ENTER = general(lookup.findVirtual(Answers.class, "enter", methodType(int.class)), 0);
            HAS_TURN = lookup.findStatic(Answers.class, "hasTurn", methodType(boolean.class, int.class));
            LEAVE = MethodHandles.permuteArguments(
                    general(lookup.findVirtual(Answers.class, "leave", methodType(void.class, int.class)), 0),
                    methodType(void.class, int.class, Object.class),
                    1,
                    0);
            HAND_OVER =
                    general(lookup.findVirtual(Answers.class, "handOver", methodType(Object.class, Object[].class)), 0);
            INVOKER = general(lookup.findGetter(Answers.class, "invoker", MethodHandle.class), 0);
            HANDLER = general(lookup.findGetter(Answers.class, "handler", Object.class), 0);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Handover() {}

    /** The invoker is {@code (Object handler, arguments...)result}; the result takes {@code Answers} in the handler's place */
    static MethodHandle of(MethodType invoker) {
        return BY_TYPE.computeIfAbsent(invoker, Handover::make);
    }

    private static MethodHandle make(MethodType type) {
        MethodType withTurn = type.insertParameterTypes(0, int.class);

        MethodHandle invoke = MethodHandles.filterArguments(MethodHandles.exactInvoker(type), 0, INVOKER, HANDLER);
        int[] once = new int[type.parameterCount() + 1];
        for (int i = 0; i < once.length; i++) {
            once[i] = i == 0 ? 1 : i;
        }
        MethodHandle here = MethodHandles.tryFinally(
                MethodHandles.permuteArguments(invoke, withTurn, once), leave(type.returnType()));

        MethodHandle there =
                HAND_OVER.asCollector(Object[].class, type.parameterCount() - 1).asType(type);
        MethodHandle choice =
                MethodHandles.guardWithTest(HAS_TURN, here, MethodHandles.dropArguments(there, 0, int.class));
        return MethodHandles.foldArguments(choice, ENTER);
    }

    /** {@code (Throwable, result, int, Object)result}. */
    private static MethodHandle leave(Class<?> result) {
        MethodHandle leave =
                result == void.class ? LEAVE : MethodHandles.collectArguments(MethodHandles.identity(result), 1, LEAVE);
        return MethodHandles.dropArguments(leave, 0, Throwable.class);
    }

    private static MethodHandle general(MethodHandle handle, int parameter) {
        return handle.asType(handle.type().changeParameterType(parameter, Object.class));
    }
}
