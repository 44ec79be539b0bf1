package reactor.ffi.internal.stream;

import java.lang.invoke.MethodHandle;
import java.util.function.Consumer;
import reactor.ffi.Records;

/** The user's handler of a listener, and how that handler gets records. */
sealed interface ListenerHandler {

    /** Returns the object that the user gave. */
    Object ofUser();

    /**
     * A handler that is called for each record.
     *
     * @param reader {@code (Object target, long record)void}
     */
    record Each(MethodHandle reader, Object ofUser) implements ListenerHandler {

        void handle(Object target, long record) throws Throwable {
            reader.invokeExact(target, record);
        }
    }

    /** A handler that is called for several records. */
    record Batches(Consumer<? super Records> ofUser) implements ListenerHandler {}
}
