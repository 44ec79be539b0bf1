package reactor.ffi.internal.upcall;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;

/**
 * Refuses a function descriptor that does not fit the method of its interface, or what a {@link Signature} says of single
 * parameters. Each message names the interface and its method.
 */
final class Descriptors {

    /** Fewer parameter slots than this always fit into a method of 255, whatever the JDK adds for a result. */
    private static final int MANY_SLOTS = 245;

    private static final Set<Class<?>> PROMOTED =
            Set.of(boolean.class, byte.class, short.class, char.class, float.class);

    private Descriptors() {}

    /** Refuses a descriptor whose layouts are not carried by the types of the method. */
    static void check(Class<?> type, Method method, FunctionDescriptor descriptor) {
        MethodType java = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
        MethodType c = descriptor.toMethodType();
        String name = Interfaces.name(type, method);
        for (int i = 0; i < c.parameterCount(); i++) {
            checkIsSomething(
                    "parameter " + i, name, descriptor.argumentLayouts().get(i));
        }
        descriptor.returnLayout().ifPresent(result -> checkIsSomething("the result", name, result));
        if (c.parameterCount() != java.parameterCount()) {
            throw new IllegalArgumentException(
                    "the descriptor of " + name + ", " + descriptor + ", has " + c.parameterCount()
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

    /** Refuses a layout of no bytes: the JDK accepts one, and ends the JVM at the first call. */
    private static void checkIsSomething(String what, String name, MemoryLayout layout) {
        if (layout instanceof GroupLayout && layout.byteSize() == 0) {
            throw new IllegalArgumentException(what + " of " + name + " is a struct or union of no bytes, " + layout
                    + ", which C passes as nothing: leave it out, or say what it holds");
        }
    }

    /**
     * Refuses handles that are not pointers.
     *
     * @param handles bit i says that parameter i is a handle
     */
    static void checkHandles(String name, FunctionDescriptor descriptor, long handles) {
        List<MemoryLayout> parameters = descriptor.argumentLayouts();
        for (int i = 0; i < Long.SIZE; i++) {
            boolean pointer = i < parameters.size() && parameters.get(i) instanceof AddressLayout;
            if ((handles >>> i & 1) != 0 && !pointer) {
                throw notAPointer(name, i);
            }
        }
    }

    static IllegalArgumentException notAPointer(String name, int parameter) {
        return new IllegalArgumentException("parameter " + parameter + " of " + name
                + " is not a pointer, so it cannot be a handle; parameters count from 0");
    }

    /**
     * Refuses user data that does not hold 64 bits.
     *
     * @param index the parameter; negative: none
     */
    static void checkUserData(String name, FunctionDescriptor descriptor, int index) {
        if (index < 0) {
            return;
        }
        List<MemoryLayout> parameters = descriptor.argumentLayouts();
        if (index >= parameters.size() || index >= Long.SIZE) {
            throw notUserData(
                    name,
                    index,
                    "there is no such parameter" + (index < parameters.size() ? " among the first 64" : ""));
        }
        MemoryLayout layout = parameters.get(index);
        if (layout.byteSize() != Long.BYTES
                || !(layout instanceof AddressLayout || layout instanceof ValueLayout.OfLong)) {
            throw notUserData(name, index, "it is " + layout + ", which does not hold the 64 bits of sink.userData()");
        }
    }

    static IllegalArgumentException notUserData(String name, int index, String why) {
        return new IllegalArgumentException("parameter " + index + " of " + name + " cannot be the user data: " + why
                + ". Give the position, from 0, of the pointer or the integer of 64 bits that C hands back unchanged, or leave"
                + " userData out: each callback then has a pointer of its own");
    }

    /**
     * Refuses variable arguments of types that C promotes.
     *
     * @param first the first variable argument; negative: none
     */
    static void checkVariadic(String name, FunctionDescriptor descriptor, int first) {
        List<MemoryLayout> parameters = descriptor.argumentLayouts();
        for (int i = first; first >= 0 && i < parameters.size(); i++) {
            if (parameters.get(i) instanceof ValueLayout value && PROMOTED.contains(value.carrier())) {
                throw new IllegalArgumentException("parameter " + i + " of " + name + " is "
                        + value.carrier().getSimpleName()
                        + ", which C promotes where it is a variable argument: declare "
                        + (value.carrier() == float.class ? "double" : "int"));
            }
        }
    }

    /** Returns the error for a descriptor that the linker has refused. */
    static IllegalArgumentException unsupported(
            String name, FunctionDescriptor descriptor, IllegalArgumentException cause) {
        long slots = slots(descriptor);
        return new IllegalArgumentException(
                slots > MANY_SLOTS
                        ? "the parameters of " + name + ", " + descriptor
                                + ", are too large: the JDK takes a struct by value"
                                + " apart into words of 8 bytes, and each of them fills two parameter slots of a method. The"
                                + " JVM allows a method 255 slots, the JDK itself needs some, and these parameters take "
                                + slots + ". Let C code in between pass a pointer to the struct"
                        : "the descriptor of " + name + ", " + descriptor
                                + ", has a layout that this platform's C does not: " + cause.getMessage(),
                cause);
    }

    /** Returns how many parameter slots the JDK's own method has if structs by value are passed on the stack. */
    private static long slots(FunctionDescriptor descriptor) {
        long slots = 0;
        for (MemoryLayout parameter : descriptor.argumentLayouts()) {
            boolean narrow = parameter instanceof ValueLayout && parameter.byteSize() < Long.BYTES;
            slots += narrow ? 1 : 2 * ((parameter.byteSize() + 7) / 8);
        }
        return slots;
    }
}
