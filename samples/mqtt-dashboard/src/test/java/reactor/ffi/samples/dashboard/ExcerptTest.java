package reactor.ffi.samples.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExcerptTest {

    private static MemorySegment bytes(String text) {
        return MemorySegment.ofArray(text.getBytes(UTF_8));
    }

    @Test
    void aShortTextIsWhole() {
        assertThat(Excerpt.of(bytes("21.5 °C"))).isEqualTo(new Excerpt("21.5 °C", 0));
        assertThat(Excerpt.of(MemorySegment.NULL)).isEqualTo(new Excerpt("", 0));
        assertThat(Excerpt.of(bytes("x".repeat(256)))).isEqualTo(new Excerpt("x".repeat(256), 0));
        assertThat(Excerpt.name(bytes("kitchen/temperature"))).isEqualTo("kitchen/temperature");
    }

    @Test
    void ofALongTextItIsTheBeginningAndHowMuchIsLeft() {
        assertThat(Excerpt.of(bytes("x".repeat(70_000)))).isEqualTo(new Excerpt("x".repeat(256), 69_744));
    }

    @ParameterizedTest
    @ValueSource(strings = {"é", "€", "🙂"})
    void noCharacterIsCut(String character) {
        for (int before = 0; before < 4; before++) {
            Excerpt excerpt = Excerpt.of(bytes("x".repeat(before) + character.repeat(200)));
            assertThat(excerpt.text()).matches("x{" + before + "}(" + character + ")+");
            assertThat(excerpt.text().getBytes(UTF_8)).hasSizeBetween(253, 256);
            int all = before + 200 * character.getBytes(UTF_8).length;
            assertThat(excerpt.text().getBytes(UTF_8).length + excerpt.more()).isEqualTo(all);
        }
    }

    @Test
    void bytesThatAreNoTextAreCutSomewhere() {
        byte[] continuations = new byte[1000];
        Arrays.fill(continuations, (byte) 0x80);
        assertThat(Excerpt.of(MemorySegment.ofArray(continuations)).more()).isBetween(744, 747);
    }

    @Test
    void namesOfLongTextsDifferAsTheTextsDo() {
        try (Arena arena = Arena.ofConfined()) {
            String same = "a/".repeat(30_000);
            String one = Excerpt.name(arena.allocateFrom(same + 1).asSlice(0, 60_001));
            String two = Excerpt.name(arena.allocateFrom(same + 2).asSlice(0, 60_001));
            assertThat(one).startsWith("a/a/").hasSizeLessThan(300).contains("… (60,001 bytes, ");
            assertThat(two).isNotEqualTo(one);
        }
    }
}
