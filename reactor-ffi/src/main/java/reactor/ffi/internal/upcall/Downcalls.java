package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;

/** C function pointers as instances of functional interfaces. */
public final class Downcalls {

    private static final SegmentAllocator COLLECTED =
            (size, alignment) -> Arena.ofAuto().allocate(size, alignment);

    private Downcalls() {}

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
        MethodHandle call = handle(pointer, signature);
        Class<F> type = signature.type();
        boolean everywhere = Modifier.isPublic(type.getModifiers())
                && type.getModule().isExported(type.getPackageName())
                && (type.getDeclaringClass() == null
                        || Modifier.isPublic(type.getDeclaringClass().getModifiers()));
        if (everywhere) {
            return MethodHandleProxies.asInterfaceInstance(type, call);
        }
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, slow(signature, call)));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(MemorySegment pointer, Signature<?> signature) {
        try {
            MethodHandle call = Linker.nativeLinker().downcallHandle(pointer, signature.descriptor());
            boolean struct = signature.descriptor().returnLayout().orElse(null) instanceof GroupLayout;
            return struct ? call.bindTo(COLLECTED) : call;
        } catch (IllegalCallerException denied) {
            throw NativeAccess.denied(signature.name(), denied);
        } catch (IllegalArgumentException unsupported) {
            throw signature.unsupported(unsupported);
        }
    }

    /** For interfaces that only a proxy in their own package may implement. */
    @SuppressWarnings("ReferenceEquality") // it is Object.equals
    private static InvocationHandler slow(Signature<?> signature, MethodHandle call) {
        return (proxy, method, arguments) -> {
            if (Modifier.isAbstract(method.getModifiers()) && !Interfaces.isObjects(method)) {
                return call.invokeWithArguments(arguments == null ? new Object[0] : arguments);
            }
            if (method.isDefault()) {
                return Interfaces.unreflectDefault(method, signature.lookup())
                        .bindTo(proxy)
                        .invokeWithArguments(arguments == null ? new Object[0] : arguments);
            }
            return switch (method.getName()) {
                case "equals" -> proxy == arguments[0];
                case "hashCode" -> System.identityHashCode(proxy);
                default -> "CFunction[" + signature.name() + "]";
            };
        };
    }
}
