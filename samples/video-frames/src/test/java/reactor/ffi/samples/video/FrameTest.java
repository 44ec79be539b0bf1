package reactor.ffi.samples.video;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class FrameTest {

    /** Three pixels a row, and one byte more that is none. */
    private static Frame frame(int... pixels) {
        byte[] bytes = new byte[pixels.length];
        for (int i = 0; i < pixels.length; i++) {
            bytes[i] = (byte) pixels[i];
        }
        return new Frame(3, 2, 4, 0, bytes);
    }

    @Test
    void itsBrightnessIsTheMeanOfItsPixelsAndNotOfTheBytesBetweenTheRows() {
        assertThat(frame(255, 0, 0, 255, 255, 0, 0, 255).brightness()).isCloseTo(1 / 3.0, within(1e-9));
        assertThat(frame(255, 255, 255, 0, 255, 255, 255).brightness()).isEqualTo(1);
    }

    @Test
    void itsLineIsDenseWhereItIsLight() {
        assertThat(frame(0, 128, 255, 0, 0, 128, 255).line(3)).isEqualTo(" +@");
    }

    @Test
    void tooFewBytesAreRefused() {
        assertThatThrownBy(() -> frame(1, 2, 3, 4, 5, 6))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("6 bytes are too few for 3 x 2 pixels, 4 a row");
    }
}
