package reactor.ffi.samples.dashboard;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a source tells, one type for each of libmosquitto's callbacks. All are copies, made on the native thread. */
sealed interface SourceEvent {

    /** When native code called, in milliseconds since 1970. */
    long at();

    /** The source delivers from now on. */
    record Connected(long at, String how) implements SourceEvent {}

    /** The connection is gone, or was refused. libmosquitto tries again by itself, unless it was told to disconnect. */
    record Disconnected(long at, String why) implements SourceEvent {}

    /**
     * A value.
     *
     * @param text the payload, or its beginning
     * @param more how many bytes of the payload are not in the text
     * @param value the number that the whole payload is, if it is one
     */
    record Message(
            long at,
            String topic,
            String text,
            int more,
            @Nullable Double value) implements SourceEvent {

        /** What people write as a number. {@link Double#parseDouble} takes {@code 12d} and {@code 0x1p3} too. */
        private static final Pattern NUMBER = Pattern.compile("[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?");
        /** No chart has to add or subtract numbers of a size at which the result is infinite. */
        private static final double LARGEST = 1e300;

        static Message of(long at, String topic, String text) {
            return of(at, topic, new Excerpt(text, 0));
        }

        static Message of(long at, String topic, Excerpt payload) {
            return new Message(
                    at, topic, payload.text(), payload.more(), payload.more() == 0 ? number(payload.text()) : null);
        }

        private static @Nullable Double number(String text) {
            String stripped = text.strip();
            if (!NUMBER.matcher(stripped).matches()) {
                return null;
            }
            double value = Double.parseDouble(stripped);
            return Math.abs(value) <= LARGEST ? value : null;
        }
    }

    /** A line that the library would write into its log. */
    record Log(long at, String text) implements SourceEvent {}
}
