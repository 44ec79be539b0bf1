package reactor.ffi.samples.dashboard;

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
     * @param text the beginning of the payload
     * @param value the number that it is, if it is one
     */
    record Message(
            long at, String topic, String text, @Nullable Double value) implements SourceEvent {

        static Message of(long at, String topic, String text) {
            return new Message(at, topic, text, number(text));
        }

        /** JSON has no NaN and no infinity. Most text is told from a number by how it begins, without an exception. */
        private static @Nullable Double number(String text) {
            if (text.isEmpty() || "+-.0123456789".indexOf(text.charAt(0)) < 0) {
                return null;
            }
            try {
                double value = Double.parseDouble(text);
                return Double.isFinite(value) ? value : null;
            } catch (NumberFormatException e) {
                return null;
            }
        }
    }

    /** A line that the library would write into its log. */
    record Log(long at, String text) implements SourceEvent {}
}
