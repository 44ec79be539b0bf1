package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The shared stubs of one C function type and position of the user data: the first for the first callback of that type that a
 * registration makes, the second for its second, and so on.
 */
public final class Routes {

    /** How many callbacks of one C type a registration may make. */
    static final int MOST = 64;

    private static final Logger LOG = Loggers.getLogger(Routes.class);
    private static final Map<Key, Routes> ALL = new ConcurrentHashMap<>();

    private record Key(FunctionDescriptor neutral, int userData) {}

    final Boundary boundary;
    private final MethodHandle entry;
    private final FunctionDescriptor descriptor;
    private final int userData;

    /** The interface that was first, for messages. */
    private final String name;

    /** The stubs that exist, in their order. */
    @GuardedBy("this")
    private final @Nullable Route[] routes = new Route[MOST];

    /** Calls whose user data is that of nothing that lives or has ended last. Not LongAdder: it allocates under contention. */
    private final AtomicLong unknown = new AtomicLong();

    /** The first of these was logged, or is about to be. */
    private volatile boolean said;

    private Routes(Key key, String name) {
        this.descriptor = key.neutral();
        this.userData = key.userData();
        this.name = name;
        this.boundary = new Boundary(descriptor);
        this.entry = boundary.routed(userData);
        ThreadRecord.prepare();
    }

    static Routes of(Signature<?> signature) {
        return ALL.computeIfAbsent(
                new Key(signature.neutralDescriptor(), signature.userData()), key -> new Routes(key, signature.name()));
    }

    /** Returns how many calls came with user data that is that of nothing. */
    public static long unknown() {
        long sum = 0;
        for (Routes each : ALL.values()) {
            sum += each.unknown.get();
        }
        return sum;
    }

    /**
     * Finds or makes a shared stub.
     *
     * @param ordinal from 0
     * @throws IllegalStateException if the ordinal is 64 or more, or no stub is left
     */
    synchronized Route get(Signature<?> signature, int ordinal) {
        if (ordinal >= MOST) {
            throw new IllegalStateException("more than " + MOST + " callbacks of the C type of " + signature.name()
                    + " were made with one user data, released ones too: C's user data says whose call it is, and each"
                    + " callback has a pointer of its own for good. Make a NativeCallback for each, which has user data of its"
                    + " own, or a CallbackType without userData");
        }
        Route route = routes[ordinal];
        if (route == null) {
            route = new Route(this::countUnknown, boundary, entry, descriptor, signature);
            routes[ordinal] = route;
        }
        return route;
    }

    /**
     * Counts a call with user data that is that of nothing, and has the first one logged, on a thread of ours: the calling
     * thread may hold a lock, or be in a hurry.
     */
    void countUnknown(long token) {
        long before = unknown.getAndIncrement();
        NativeThreads.sawLateCall();
        if (!said && (before & (before - 1)) == 0) { // else each call would try, where no thread can be started
            say(token);
        }
    }

    private void say(long token) {
        try {
            Thread thread = Thread.ofPlatform()
                    .daemon()
                    .name("reactor-ffi-unknown")
                    .inheritInheritableThreadLocals(false)
                    .unstarted(() -> LOG.warn(explanation(token)));
            thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
            said = true;
            thread.start();
        } catch (Throwable noThread) {
            said = false; // there is no thread, memory or stack to say it
        }
    }

    private String explanation(long token) {
        return "C has called a callback of the type of " + name + ", whose user data is parameter " + userData
                + ", with 0x"
                + Long.toHexString(token)
                + ", which is the user data of nothing that lives: the call got the zero of the"
                + " result. Where the callback is registered, pass sink.userData(), or the userData() of the NativeCallback."
                + " Or C calls long after the end. Further such calls of this C type are only counted:"
                + " PoolMetrics.now().unknown()";
    }
}
