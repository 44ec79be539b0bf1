package reactor.ffi.internal.loop;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** What the races are judged by, and nobody else needs to read. */
public final class Fields {

    private static final VarHandle IDLE_STATE = find(Idle.class, "state", int.class);
    private static final VarHandle SOURCE_STATE = find(LoopSourceFields.class, "state", int.class);

    private Fields() {}

    /** As if the loop looked at it by itself: a signal wakes nobody. */
    public static void keepAwake(LoopSource source) {
        SOURCE_STATE.setVolatile(source, LoopSource.ACTIVE);
    }

    static boolean isAwake(Idle idle) {
        return (int) IDLE_STATE.getVolatile(idle) == 0;
    }

    private static VarHandle find(Class<?> type, String name, Class<?> of) {
        try {
            return MethodHandles.privateLookupIn(type, MethodHandles.lookup()).findVarHandle(type, name, of);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
