package reactor.ffi.internal.upcall;

import java.lang.foreign.Linker;
import java.util.ArrayList;
import java.util.List;

/**
 * How Java calls a C function, beyond what its descriptor says.
 *
 * @param firstVariadic the first of its variable arguments, or a negative number for a function that is not variadic
 * @param errno whether {@link Errno} keeps what the function leaves there
 */
record Calling(int firstVariadic, boolean errno) {

    /** A call that is not variadic and keeps no {@code errno}: the only kind that a callback can have. */
    static final Calling PLAIN = new Calling(-1, false);

    boolean variadic() {
        return firstVariadic >= 0;
    }

    Linker.Option[] options() {
        List<Linker.Option> options = new ArrayList<>();
        if (variadic()) {
            options.add(Linker.Option.firstVariadicArg(firstVariadic));
        }
        if (errno) {
            options.add(Errno.KEPT);
        }
        return options.toArray(Linker.Option[]::new);
    }
}
