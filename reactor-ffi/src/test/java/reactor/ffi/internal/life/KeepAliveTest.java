package reactor.ffi.internal.life;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KeepAliveTest {

    @Test
    void aTokenIsGivenBackOnce() {
        long before = KeepAlive.tokens();
        KeepAlive.Token token = KeepAlive.acquire();
        token.release();
        token.release();
        assertThat(KeepAlive.tokens()).isEqualTo(before);
    }
}
