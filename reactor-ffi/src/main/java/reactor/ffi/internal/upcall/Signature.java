package reactor.ffi.internal.upcall;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackType;

/** The analysis of a functional interface: its C function type, and the method handle that calls a handler of that type. */
public final class Signature<F> implements CallbackType<F> {

    private static final ClassValue<Signature<?>> OF_CLASS = new ClassValue<>() {
        @Override
        protected Signature<?> computeValue(Class<?> type) {
            return analyse(type);
        }
    };

    /**
     * The handles of {@link #invoker}, by the interface. Types that are made anew for each registration share them: the JIT
     * compiles each handle that is often called by itself, and a thousand of them do not fit into the caches of a processor.
     */
    private static final ClassValue<Map<Invoker, MethodHandle>> INVOKERS = new ClassValue<>() {
        @Override
        protected Map<Invoker, MethodHandle> computeValue(Class<?> type) {
            return new ConcurrentHashMap<>();
        }
    };

    /** What an invoker depends on, besides the interface. */
    private record Invoker(FunctionDescriptor descriptor, long handles) {}

    private static final int NO_USER_DATA = -1;

    private final Class<F> type;
    private final Method method;
    private final FunctionDescriptor descriptor;
    private final MethodHandles.@Nullable Lookup lookup;

    /** Whether the descriptor was derived from the method, and not given by the user. */
    private final boolean derived;

    /** Bit i says that parameter i is a handle. */
    private final long handles;

    /** The parameter that C hands back; {@link #NO_USER_DATA}: none. */
    private final int userData;

    /** What concerns functions that Java calls only; {@link Calling#PLAIN} for a callback. */
    private final Calling calling;

    /**
     * The handle of type {@code (Object handler, arguments...)result}, for {@link #neutralDescriptor}. Found when it is
     * first needed.
     */
    private volatile @Nullable MethodHandle invoker;

    private volatile @Nullable FunctionDescriptor neutral;

    private Signature(
            Class<F> type,
            Method method,
            FunctionDescriptor descriptor,
            boolean derived,
            MethodHandles.@Nullable Lookup lookup,
            long handles,
            int userData,
            Calling calling) {
        this.type = type;
        this.method = method;
        this.descriptor = descriptor;
        this.derived = derived;
        this.lookup = lookup;
        this.handles = handles;
        this.userData = userData;
        this.calling = calling;
    }

    @SuppressWarnings("unchecked") // keyed by the class itself
    public static <F> Signature<F> of(Class<F> type) {
        return (Signature<F>) OF_CLASS.get(requireNonNull(type, "type"));
    }

    private static <F> Signature<F> analyse(Class<F> type) {
        Method method = Interfaces.method(type);
        FunctionDescriptor generated = Interfaces.generatedBeside(type, null);
        if (generated == null) {
            return new Signature<>(
                    type, method, Interfaces.descriptor(type, method), true, null, 0, NO_USER_DATA, Calling.PLAIN);
        }
        Descriptors.check(type, method, generated);
        return new Signature<>(type, method, generated, false, null, 0, NO_USER_DATA, Calling.PLAIN);
    }

    @Override
    public CallbackType<F> descriptor(FunctionDescriptor descriptor) {
        Descriptors.check(type, method, requireNonNull(descriptor, "descriptor"));
        Descriptors.checkHandles(name(), descriptor, handles);
        Descriptors.checkUserData(name(), descriptor, userData);
        Descriptors.checkVariadic(name(), descriptor, calling.firstVariadic());
        return new Signature<>(type, method, descriptor, false, lookup, handles, userData, calling);
    }

    /**
     * Reads the interface again, because the lookup may give access to a generated descriptor that was out of reach
     * before.
     */
    @Override
    public CallbackType<F> lookup(MethodHandles.Lookup lookup) {
        requireNonNull(lookup, "lookup");
        FunctionDescriptor generated = derived ? Interfaces.generatedBeside(type, lookup) : null;
        if (generated == null) {
            return new Signature<>(type, method, descriptor, derived, lookup, handles, userData, calling);
        }
        Descriptors.check(type, method, generated);
        Descriptors.checkHandles(name(), generated, handles);
        Descriptors.checkUserData(name(), generated, userData);
        Descriptors.checkVariadic(name(), generated, calling.firstVariadic());
        return new Signature<>(type, method, generated, false, lookup, handles, userData, calling);
    }

    @Override
    public CallbackType<F> handles(int... parameters) {
        long bits = 0;
        for (int parameter : requireNonNull(parameters, "parameters")) {
            if (parameter < 0 || parameter >= Long.SIZE) {
                throw Descriptors.notAPointer(name(), parameter);
            }
            bits |= 1L << parameter;
        }
        Descriptors.checkHandles(name(), descriptor, bits);
        return new Signature<>(type, method, descriptor, derived, lookup, bits, userData, calling);
    }

    @Override
    public CallbackType<F> userData(int index) {
        if (index < 0) {
            throw Descriptors.notUserData(name(), index, "there is no such parameter");
        }
        Descriptors.checkUserData(name(), descriptor, index);
        return new Signature<>(type, method, descriptor, derived, lookup, handles, index, calling);
    }

    @Override
    public CallbackType<F> variadic(int first) {
        int parameters = descriptor.argumentLayouts().size();
        if (first < 0 || first > parameters) {
            throw new IllegalArgumentException("the variable arguments of " + name() + " cannot begin at parameter "
                    + first + ": give its position from 0, and " + parameters + " where the call has none");
        }
        Descriptors.checkVariadic(name(), descriptor, first);
        return new Signature<>(
                type, method, descriptor, derived, lookup, handles, userData, new Calling(first, calling.errno()));
    }

    @Override
    public CallbackType<F> errno() {
        return new Signature<>(
                type,
                method,
                descriptor,
                derived,
                lookup,
                handles,
                userData,
                new Calling(calling.firstVariadic(), true));
    }

    /**
     * Returns the error for a layout that the linker refuses, because C does not have it on this platform or because it
     * is too large for a call.
     */
    IllegalArgumentException unsupported(IllegalArgumentException cause) {
        return Descriptors.unsupported(name(), descriptor, cause);
    }

    /**
     * Binds a handler to a pointer: see {@link Stubs#open}.
     *
     * @param owner see {@link SourceKey}
     */
    public Upcall open(F handler, @Nullable F fallback, Callee callee, Object owner, Object keep) {
        F target = instance(handler, "handler");
        return Stubs.open(this, invoker(), target, fallback, callee, SourceKey.of(owner, type, target), keep);
    }

    /**
     * Binds a pointer to a handle that calls the handler in a way of its own.
     *
     * @param entry a handle of the type of {@link #invoker}
     * @param target the first argument of {@code entry}
     * @param handler the handler that {@code entry} calls
     * @param owner see {@link SourceKey}
     */
    public Upcall open(
            MethodHandle entry, Object target, F handler, @Nullable F fallback, Callee callee, Object owner) {
        return open(entry, target, handler, fallback, callee, owner, callee);
    }

    /**
     * As the one above.
     *
     * @param keep not collected before the slot is reused
     */
    public Upcall open(
            MethodHandle entry,
            Object target,
            Object handler,
            @Nullable F fallback,
            Callee callee,
            Object owner,
            Object keep) {
        return Stubs.open(this, entry, target, fallback, callee, SourceKey.of(owner, type, handler), keep);
    }

    /** Checks the type of a handler, which raw types do not, so that the error comes here and not at the first call. */
    public F instance(F given, String what) {
        if (!type.isInstance(requireNonNull(given, what))) {
            throw new IllegalArgumentException("the " + what + " of " + name() + " is a "
                    + given.getClass().getTypeName() + ": give an instance of " + type.getTypeName());
        }
        return given;
    }

    /**
     * The interface's method as {@code (Object handler, arguments...)result}, with the types that the interface declares.
     *
     * @throws IllegalArgumentException if the type is of a function that Java calls, or the interface cannot be called from here
     */
    public MethodHandle method() {
        if (!calling.equals(Calling.PLAIN)) {
            throw new IllegalArgumentException("the type of " + name()
                    + " is variadic or keeps errno, which is for functions that Java calls: give a callback a type without"
                    + " .variadic(...) and .errno()");
        }
        MethodHandle handler = Interfaces.unreflect(type, method, lookup);
        return handler.asType(handler.type().changeParameterType(0, Object.class));
    }

    /**
     * Returns the handle that calls the handler given as its first argument, with scoped arguments, and checks the
     * handler's result. In the type of the handle a pointer is a {@code long}. The handle throws what the handler
     * throws.
     */
    public MethodHandle invoker() {
        MethodHandle made = invoker;
        if (made == null) {
            MethodHandle method = method(); // fails without access, which another type of this interface may have had
            made = INVOKERS.get(type)
                    .computeIfAbsent(
                            new Invoker(descriptor, handles | handle()),
                            key -> Arguments.wrap(name(), method, key.descriptor(), key.handles()));
            invoker = made;
        }
        return made;
    }

    /** Returns whether a stub, which lives for ever, may hold a handle that knows this type. */
    boolean isForEver() {
        return Interfaces.livesAsLongAsThisLibrary(type);
    }

    /** User data is no memory, also where its layout is a pointer. */
    private long handle() {
        return hasUserData() && descriptor.argumentLayouts().get(userData) instanceof AddressLayout
                ? 1L << userData
                : 0;
    }

    /**
     * Returns the C function type without names, and with numbers in place of pointers: stubs of types that are equal
     * then can be shared.
     */
    public FunctionDescriptor neutralDescriptor() {
        FunctionDescriptor made = neutral;
        if (made == null) {
            MemoryLayout[] arguments = descriptor.argumentLayouts().stream()
                    .map(Signature::neutral)
                    .toArray(MemoryLayout[]::new);
            made = descriptor
                    .returnLayout()
                    .map(result -> FunctionDescriptor.of(neutral(result), arguments))
                    .orElseGet(() -> FunctionDescriptor.ofVoid(arguments));
            neutral = made;
        }
        return made;
    }

    /**
     * Returns the layout that the JDK sees: a number in place of a pointer, because for a pointer the JDK would allocate
     * a segment outside of the guard, see {@link Arguments}.
     */
    private static MemoryLayout neutral(MemoryLayout layout) {
        return layout instanceof AddressLayout pointer
                ? ValueLayout.JAVA_LONG.withOrder(pointer.order()).withByteAlignment(pointer.byteAlignment())
                : layout.withoutName();
    }

    /** Whether C says by user data whose call it is, so that its callbacks share their pointers. */
    public boolean hasUserData() {
        return userData >= 0;
    }

    /** The position of the user data; negative: none. */
    int userData() {
        return userData;
    }

    public Class<F> type() {
        return type;
    }

    Calling calling() {
        return calling;
    }

    MethodHandles.@Nullable Lookup lookup() {
        return lookup;
    }

    public FunctionDescriptor descriptor() {
        return descriptor;
    }

    /** Returns the interface and its method, for messages. */
    public String name() {
        return Interfaces.name(type, method);
    }

    @Override
    public String toString() {
        return "CallbackType[" + name() + ", " + descriptor + "]";
    }
}
