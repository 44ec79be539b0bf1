package reactor.ffi.internal.upcall;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads functional interfaces. Each refusal names the interface, the parameter and the remedy. */
final class Interfaces {

    private static final Map<Class<?>, MemoryLayout> LAYOUTS = Map.of(
            boolean.class, ValueLayout.JAVA_BOOLEAN,
            byte.class, ValueLayout.JAVA_BYTE,
            short.class, ValueLayout.JAVA_SHORT,
            char.class, ValueLayout.JAVA_CHAR,
            int.class, ValueLayout.JAVA_INT,
            long.class, ValueLayout.JAVA_LONG,
            float.class, ValueLayout.JAVA_FLOAT,
            double.class, ValueLayout.JAVA_DOUBLE,
            MemorySegment.class, ValueLayout.ADDRESS);

    private Interfaces() {}

    static String name(Class<?> type, Method method) {
        return type.getTypeName() + "." + method.getName();
    }

    /** Returns the one abstract method of a functional interface. */
    static Method method(Class<?> type) {
        if (!type.isInterface() || type.isAnnotation()) {
            throw new IllegalArgumentException(type.getTypeName()
                    + " is not an interface; declare a functional interface with the parameters of the C function");
        }
        if (type.getTypeParameters().length > 0) {
            throw new IllegalArgumentException(type.getTypeName()
                    + " is generic, so its types are not C types; declare an interface with plain types");
        }
        List<Method> found = new ArrayList<>();
        for (Method method : type.getMethods()) {
            if (Modifier.isAbstract(method.getModifiers()) && !isObjects(method) && !isRedeclared(method, found)) {
                found.add(method);
            }
        }
        if (found.size() != 1) {
            throw new IllegalArgumentException(type.getTypeName() + " has " + found.size()
                    + " abstract methods; a callback is an interface with exactly one");
        }
        Method method = found.get(0);
        if (method.getTypeParameters().length > 0) {
            throw new IllegalArgumentException(
                    name(type, method) + " is a generic method, so its types are not C types; declare plain types");
        }
        return method;
    }

    /** Returns whether the method is a public method of Object, which every instance has. */
    static boolean isObjects(Method method) {
        try {
            return Modifier.isPublic(Object.class
                    .getMethod(method.getName(), method.getParameterTypes())
                    .getModifiers());
        } catch (NoSuchMethodException _) {
            return false;
        }
    }

    private static boolean isRedeclared(Method method, List<Method> found) {
        return found.stream()
                .anyMatch(other -> other.getName().equals(method.getName())
                        && List.of(other.getParameterTypes()).equals(List.of(method.getParameterTypes()))
                        && other.getReturnType() == method.getReturnType());
    }

    /** Whether a class is of the class loader of this library or of one above, and not hidden: hidden ones go earlier. */
    @SuppressWarnings("ReferenceEquality") // a class loader is what it is
    static boolean livesAsLongAsThisLibrary(Class<?> type) {
        ClassLoader loader = Interfaces.class.getClassLoader();
        while (loader != null && loader != type.getClassLoader()) {
            loader = loader.getParent();
        }
        return loader == type.getClassLoader() && !type.isHidden();
    }

    static FunctionDescriptor descriptor(Class<?> type, Method method) {
        Class<?>[] parameters = method.getParameterTypes();
        MemoryLayout[] layouts = new MemoryLayout[parameters.length];
        for (int i = 0; i < layouts.length; i++) {
            layouts[i] = layout(type, method, "parameter " + i, parameters[i]);
        }
        return method.getReturnType() == void.class
                ? FunctionDescriptor.ofVoid(layouts)
                : FunctionDescriptor.of(layout(type, method, "the result", method.getReturnType()), layouts);
    }

    private static MemoryLayout layout(Class<?> type, Method method, String what, Class<?> java) {
        MemoryLayout layout = LAYOUTS.get(java);
        if (layout == null) {
            throw new IllegalArgumentException(what + " of " + name(type, method) + " is " + java.getTypeName()
                    + ", which C does not have: use a primitive type, or MemorySegment for a pointer"
                    + " (and for a struct by value, with CallbackType.descriptor)");
        }
        return layout;
    }

    /**
     * The descriptor that jextract generates in the class around the interface: {@code public static FunctionDescriptor
     * descriptor()}.
     */
    static @Nullable FunctionDescriptor generatedBeside(Class<?> type, MethodHandles.@Nullable Lookup given) {
        Class<?> around = type.getDeclaringClass();
        if (around == null) {
            return null;
        }
        try {
            Method method = around.getDeclaredMethod("descriptor");
            if (!Modifier.isStatic(method.getModifiers()) || method.getReturnType() != FunctionDescriptor.class) {
                return null;
            }
            if (given != null) {
                return (FunctionDescriptor) given.unreflect(method).invokeExact();
            }
            return method.canAccess(null) || method.trySetAccessible()
                    ? (FunctionDescriptor) method.invoke(null)
                    : null;
        } catch (NoSuchMethodException | IllegalAccessException _) {
            return null;
        } catch (InvocationTargetException e) {
            throw broken(type, around, e.getCause());
        } catch (Throwable e) {
            throw broken(type, around, e);
        }
    }

    private static IllegalArgumentException broken(Class<?> type, Class<?> around, @Nullable Throwable cause) {
        return new IllegalArgumentException(
                around.getTypeName() + ".descriptor(), the generated descriptor of " + type.getTypeName() + ", throws",
                cause);
    }

    /** {@code (F, arguments...)result}. */
    static MethodHandle unreflect(Class<?> type, Method method, MethodHandles.@Nullable Lookup given) {
        Module here = Interfaces.class.getModule();
        try {
            if (given != null) {
                return given.unreflect(method);
            }
            here.addReads(type.getModule());
            MethodHandles.Lookup own = MethodHandles.lookup();
            boolean open = type.getModule().isOpen(type.getPackageName(), here);
            return (open ? MethodHandles.privateLookupIn(type, own) : own).unreflect(method);
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException(
                    name(type, method) + " cannot be called from here: "
                            + (given != null
                                    ? "the lookup that was given has no access to it; take MethodHandles.lookup() in its package"
                                    : "make it public in an exported package, open the package to reactor.ffi, or give"
                                            + " CallbackType.of(...).lookup(MethodHandles.lookup())"),
                    e);
        }
    }

    /** {@code (interface, arguments...)result}: a default method, for an instance that is a proxy. */
    static MethodHandle unreflectDefault(Method method, MethodHandles.@Nullable Lookup given)
            throws IllegalAccessException {
        Class<?> declaring = method.getDeclaringClass();
        MethodHandles.Lookup lookup = given != null ? given : MethodHandles.lookup();
        return MethodHandles.privateLookupIn(declaring, lookup).unreflectSpecial(method, declaring);
    }
}
