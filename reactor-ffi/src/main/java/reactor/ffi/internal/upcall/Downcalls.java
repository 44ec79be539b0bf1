package reactor.ffi.internal.upcall;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Makes C functions callable as instances of functional interfaces. */
public final class Downcalls {

    private static final SegmentAllocator COLLECTED =
            (size, alignment) -> Arena.ofAuto().allocate(size, alignment);

    private Downcalls() {}

    /** Returns a function of the C library by its name. */
    public static <F> F named(String function, Signature<F> signature) {
        return at(
                find(
                        CLibrary.FUNCTIONS,
                        function,
                        signature,
                        "the C library, where it was looked for, has no function " + function
                                + ": give the library that has it, as SymbolLookup.libraryLookup(name, Arena.global())"),
                signature);
    }

    public static <F> F named(SymbolLookup library, String function, Signature<F> signature) {
        return at(
                find(library, function, signature, "the library that was given has no function " + function),
                signature);
    }

    private static MemorySegment find(SymbolLookup library, String function, Signature<?> signature, String missing) {
        try {
            return library.find(function).orElseThrow(() -> new NoSuchElementException(missing));
        } catch (IllegalCallerException denied) {
            throw NativeAccess.denied(signature.name(), denied);
        }
    }

    public static <F> F at(MemorySegment pointer, Signature<F> signature) {
        if (!pointer.isNative()) {
            throw new IllegalArgumentException("the pointer to " + signature.name()
                    + " is a heap segment, which has no address in C: give the address of a C function");
        }
        if (pointer.address() == 0) {
            throw new IllegalArgumentException("the pointer to " + signature.name()
                    + " is NULL, so it cannot be called: where the library may leave it out, compare it with"
                    + " MemorySegment.NULL first");
        }
        String variadic = CLibrary.variadicAt(pointer);
        if (variadic != null && !signature.calling().variadic()) {
            throw new IllegalArgumentException("the pointer to " + signature.name() + " is C's " + variadic
                    + ", a variadic function: say with CallbackType.of(...).variadic(n) which parameter is the first of its"
                    + " variable arguments");
        }
        MethodHandle call = handle(pointer, signature);
        Class<F> type = signature.type();
        boolean everywhere = Modifier.isPublic(type.getModifiers())
                && type.getModule().isExported(type.getPackageName())
                && (type.getDeclaringClass() == null
                        || Modifier.isPublic(type.getDeclaringClass().getModifiers()));
        if (everywhere) {
            return MethodHandleProxies.asInterfaceInstance(type, call);
        }
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(), new Class<?>[] {type}, new Hidden(signature, spread(call))));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(MemorySegment pointer, Signature<?> signature) {
        Calling calling = signature.calling();
        try {
            MethodHandle call =
                    Linker.nativeLinker().downcallHandle(pointer, signature.descriptor(), calling.options());
            boolean struct = signature.descriptor().returnLayout().orElse(null) instanceof GroupLayout;
            MethodHandle allocated = struct ? call.bindTo(COLLECTED) : call;
            return calling.errno() ? Errno.keep(allocated) : allocated;
        } catch (IllegalCallerException denied) {
            throw NativeAccess.denied(signature.name(), denied);
        } catch (IllegalArgumentException unsupported) {
            throw signature.unsupported(unsupported);
        }
    }

    /**
     * Returns a handle of type {@code (Object[])Object}. Made once, because making one takes a hundred times as long as
     * calling it.
     */
    private static MethodHandle spread(MethodHandle call) {
        return call.asType(call.type().generic())
                .asSpreader(Object[].class, call.type().parameterCount());
    }

    /** For interfaces that only a proxy in their own package may implement. */
    private static final class Hidden implements InvocationHandler {

        private final Signature<?> signature;
        private final MethodHandle call;

        /** The default methods of the interface that were called so far, bound to the proxy. */
        private final Map<Method, MethodHandle> defaults = new ConcurrentHashMap<>();

        Hidden(Signature<?> signature, MethodHandle call) {
            this.signature = signature;
            this.call = call;
        }

        /** A proxy names {@code Object} as the class of the three methods that all objects have, redeclared or not. */
        @Override
        @SuppressWarnings("ReferenceEquality") // it is Object.equals
        public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments) throws Throwable {
            if (method.getDeclaringClass() == Object.class) {
                return switch (method.getName()) {
                    case "equals" -> proxy == requireNonNull(arguments)[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    default -> "CFunction[" + signature.name() + "]";
                };
            }
            MethodHandle target = method.isDefault() ? bound(proxy, method) : call;
            return (Object) target.invokeExact(arguments);
        }

        private MethodHandle bound(Object proxy, Method method) throws IllegalAccessException {
            MethodHandle bound = defaults.get(method);
            if (bound == null) {
                bound = spread(
                        Interfaces.unreflectDefault(method, signature.lookup()).bindTo(proxy));
                defaults.put(method, bound);
            }
            return bound;
        }
    }
}
