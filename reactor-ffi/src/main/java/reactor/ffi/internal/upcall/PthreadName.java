package reactor.ffi.internal.upcall;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/** Reads the name that native code gave the calling thread, on platforms with {@code pthread_getname_np}. */
final class PthreadName {

    private static final int SIZE = 64;

    private static final @Nullable MethodHandle SELF =
            find("pthread_self", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
    private static final @Nullable MethodHandle GET_NAME = find(
            "pthread_getname_np",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));

    private PthreadName() {}

    static String current() {
        if (SELF == null || GET_NAME == null) {
            return "thread";
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(SIZE);
            int error = (int) GET_NAME.invokeExact((long) SELF.invokeExact(), name, (long) SIZE);
            String text = error == 0 ? name.getString(0) : "";
            return text.isBlank() ? "thread" : text;
        } catch (Throwable _) {
            return "thread"; // an upcall must not fail for want of a name
        }
    }

    @SuppressWarnings("restricted")
    private static @Nullable MethodHandle find(String symbol, FunctionDescriptor descriptor) {
        if (System.getProperty("os.name").startsWith("Windows")) {
            return null; // mingw's winpthreads would answer for threads that are not its own
        }
        try {
            return CLibrary.FUNCTIONS
                    .find(symbol)
                    .map(address -> Linker.nativeLinker().downcallHandle(address, descriptor))
                    .orElse(null);
        } catch (IllegalCallerException denied) {
            return null; // then there are no upcalls either; who makes the first stub is told
        }
    }
}
