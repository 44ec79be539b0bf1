package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.util.Logger;
import reactor.util.Loggers;

/**
 * The shared stubs of one C function type and one position of the user data. The first stub is for the first callback of that
 * type that each registration makes, the second stub for the second callback, and so on.
 */
public final class Routes {

    /** How many callbacks of one C type a registration may make. */
    static final int MOST = 64;

    private static final Logger LOG = Loggers.getLogger(Routes.class);
    private static final Map<Key, Routes> ALL = new ConcurrentHashMap<>();

    private record Key(FunctionDescriptor neutral, int userData) {}

    final Boundary boundary;
    private final FunctionDescriptor descriptor;
    private final int userData;

    /** The name of the first interface of this C type, for messages. */
    private final String name;

    /** The stubs by ordinal; null where there is no stub yet. */
    @GuardedBy("this")
    private final @Nullable Route[] routes = new Route[MOST];

    /**
     * How many calls had user data that no live and no late callback has. Not a LongAdder, which allocates under contention.
     */
    private final AtomicLong unknown = new AtomicLong();

    /** Whether the first of these calls was logged, or is about to be, by the thread that has set this. */
    private final AtomicBoolean said = new AtomicBoolean();

    private Routes(Key key, String name) {
        this.descriptor = key.neutral();
        this.userData = key.userData();
        this.name = name;
        this.boundary = new Boundary(descriptor);
        ThreadRecord.prepare();
    }

    static Routes of(Signature<?> signature) {
        return ALL.computeIfAbsent(
                new Key(signature.neutralDescriptor(), signature.userData()), key -> new Routes(key, signature.name()));
    }

    /** Returns how many calls came with user data that no callback has. */
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
     * @param invoker what the callback of the signature is called by: compiled into a stub that is made for it, if it may be
     * @throws IllegalStateException if the ordinal is 64 or more, or no stub is left
     */
    synchronized Route get(Signature<?> signature, int ordinal, MethodHandle invoker) {
        if (ordinal >= MOST) {
            throw new IllegalStateException("more than " + MOST + " callbacks of the C type of " + signature.name()
                    + " were made with one user data, released ones too: C's user data says whose call it is, and each"
                    + " callback has a pointer of its own for good. Make a NativeCallback for each, which has user data of its"
                    + " own, or a CallbackType without userData");
        }
        Route route = routes[ordinal];
        if (route == null) {
            MethodHandle entry = boundary.routed(userData, signature.isForEver() ? invoker : null);
            route = new Route(this::countUnknown, boundary, entry, descriptor, signature);
            routes[ordinal] = route;
        }
        return route;
    }

    /**
     * Counts a call with user data that no callback has. The first such call is logged, on a thread of the library, because
     * the calling thread may hold a lock or be a real-time thread.
     */
    void countUnknown(long token) {
        long before = unknown.getAndIncrement();
        NativeThreads.sawLateCall();
        // By the powers of two, else each call would try, where no thread can be started.
        if ((before & (before - 1)) == 0 && said.compareAndSet(false, true)) {
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
            thread.start();
        } catch (Throwable noThread) {
            said.set(false); // there is no thread, memory or stack to say it
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
