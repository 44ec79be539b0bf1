package reactor.ffi.internal.upcall;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import reactor.ffi.CallbackType;

/** A functional interface analysed: its C function type, and the handle that calls a handler of it. */
public final class Signature<F> implements CallbackType<F> {

    private static final ClassValue<Signature<?>> OF_CLASS = new ClassValue<>() {
        @Override
        protected Signature<?> computeValue(Class<?> type) {
            return analyse(type);
        }
    };

    private final Class<F> type;
    private final Method method;
    private final FunctionDescriptor descriptor;
    private final MethodHandles.@Nullable Lookup lookup;

    /** Bit i: parameter i is a handle. */
    private final long handles;

    /** {@code (Object handler, arguments...)result}; made when it is first needed, perhaps twice. */
    private volatile @Nullable MethodHandle invoker;

    private volatile @Nullable FunctionDescriptor neutral;

    private Signature(
            Class<F> type,
            Method method,
            FunctionDescriptor descriptor,
            MethodHandles.@Nullable Lookup lookup,
            long handles) {
        this.type = type;
        this.method = method;
        this.descriptor = descriptor;
        this.lookup = lookup;
        this.handles = handles;
    }

    @SuppressWarnings("unchecked") // keyed by the class itself
    public static <F> Signature<F> of(Class<F> type) {
        return (Signature<F>) OF_CLASS.get(requireNonNull(type, "type"));
    }

    private static <F> Signature<F> analyse(Class<F> type) {
        Method method = Interfaces.method(type);
        FunctionDescriptor generated = Interfaces.generatedBeside(type);
        if (generated == null) {
            return new Signature<>(type, method, Interfaces.descriptor(type, method), null, 0);
        }
        check(type, method, generated);
        return new Signature<>(type, method, generated, null, 0);
    }

    @Override
    public CallbackType<F> descriptor(FunctionDescriptor descriptor) {
        check(type, method, requireNonNull(descriptor, "descriptor"));
        return new Signature<>(type, method, descriptor, lookup, handles);
    }

    @Override
    public CallbackType<F> lookup(MethodHandles.Lookup lookup) {
        return new Signature<>(type, method, descriptor, requireNonNull(lookup, "lookup"), handles);
    }

    @Override
    public CallbackType<F> handles(int... parameters) {
        long bits = 0;
        for (int parameter : requireNonNull(parameters, "parameters")) {
            boolean pointer = parameter >= 0
                    && parameter
                            < Math.min(Long.SIZE, descriptor.argumentLayouts().size())
                    && descriptor.argumentLayouts().get(parameter) instanceof AddressLayout;
            if (!pointer) {
                throw new IllegalArgumentException(
                        "parameter " + parameter + " of " + name() + " is not a pointer; parameters count from 0");
            }
            bits |= 1L << parameter;
        }
        return new Signature<>(type, method, descriptor, lookup, bits);
    }

    private static void check(Class<?> type, Method method, FunctionDescriptor descriptor) {
        MethodType java = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
        MethodType c = descriptor.toMethodType();
        String name = Interfaces.name(type, method);
        if (c.parameterCount() != java.parameterCount()) {
            throw new IllegalArgumentException("the descriptor of " + name + " has " + c.parameterCount()
                    + " parameters, the method has " + java.parameterCount() + ": make them agree");
        }
        for (int i = 0; i < c.parameterCount(); i++) {
            if (c.parameterType(i) != java.parameterType(i)) {
                throw new IllegalArgumentException("parameter " + i + " of " + name + " is "
                        + java.parameterType(i).getSimpleName() + ", but its layout in the descriptor, "
                        + descriptor.argumentLayouts().get(i) + ", is carried by "
                        + c.parameterType(i).getSimpleName() + ": change one of the two");
            }
        }
        if (c.returnType() != java.returnType()) {
            throw new IllegalArgumentException("the result of " + name + " is "
                    + java.returnType().getSimpleName() + ", but the descriptor's is carried by "
                    + c.returnType().getSimpleName() + ": change one of the two");
        }
    }

    /** Binds a handler to a pointer: see {@link Stubs#open}. */
    public Upcall open(F handler, @Nullable F fallback, Callee callee, long source, Object keep) {
        requireNonNull(handler, "handler");
        return Stubs.open(this, handler, fallback, callee, source, keep);
    }

    /** Calls the handler given as first argument, with scoped arguments, and checks its result. Throws what it throws. */
    public MethodHandle invoker() {
        MethodHandle made = invoker;
        if (made == null) {
            MethodHandle handler = Interfaces.unreflect(type, method, lookup);
            MethodType general = handler.type().changeParameterType(0, Object.class);
            made = Arguments.wrap(name(), handler.asType(general), descriptor, handles);
            invoker = made;
        }
        return made;
    }

    /** The C function type without what stubs need not tell apart: names, and what pointers point to. */
    FunctionDescriptor neutralDescriptor() {
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

    private static MemoryLayout neutral(MemoryLayout layout) {
        return layout instanceof AddressLayout pointer
                ? pointer.withoutTargetLayout().withoutName()
                : layout.withoutName();
    }

    Class<F> type() {
        return type;
    }

    Method method() {
        return method;
    }

    FunctionDescriptor descriptor() {
        return descriptor;
    }

    /** The interface and its method, for messages. */
    public String name() {
        return Interfaces.name(type, method);
    }

    @Override
    public String toString() {
        return "CallbackType[" + name() + ", " + descriptor + "]";
    }
}
