package reactor.ffi.samples.dashboard;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.CRC32;

/**
 * The beginning of a text in UTF-8 that a stranger sent. MQTT allows topics of 64 KB and payloads of 256 MB, and queues hold
 * thousands of messages: nothing of that size leaves the native memory.
 *
 * @param text the beginning, which ends with a whole character
 * @param more how many bytes follow that are not in the text
 */
record Excerpt(String text, int more) {

    static final int MOST_BYTES = 256;

    static Excerpt of(MemorySegment bytes) {
        long length = Math.min(MOST_BYTES, bytes.byteSize());
        // A character has at most 4 bytes, and all but its first byte are 10xxxxxx.
        for (int back = 0; back < 3 && length < bytes.byteSize() && isInsideACharacter(bytes, length); back++) {
            length--;
        }
        byte[] beginning = bytes.asSlice(0, length).toArray(JAVA_BYTE);
        return new Excerpt(new String(beginning, StandardCharsets.UTF_8), Math.toIntExact(bytes.byteSize() - length));
    }

    private static boolean isInsideACharacter(MemorySegment bytes, long at) {
        return (bytes.get(JAVA_BYTE, at) & 0xC0) == 0x80;
    }

    /** A name that is short, and differs from that of another long text with the same beginning. */
    static String name(MemorySegment bytes) {
        Excerpt excerpt = of(bytes);
        if (excerpt.more == 0) {
            return excerpt.text;
        }
        CRC32 sum = new CRC32();
        sum.update(bytes.asByteBuffer());
        return String.format(Locale.ROOT, "%s… (%,d bytes, %08x)", excerpt.text, bytes.byteSize(), sum.getValue());
    }
}
