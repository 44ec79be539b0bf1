package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** No token is given out twice, and none can be taken for something else. */
class TokensTest {

    private final Random seeds = new Random(42);

    private Tokens tokens(int indexBits, int lifeBits) {
        return new Tokens(new Random(seeds.nextLong()), indexBits, lifeBits);
    }

    private Tokens tokens() {
        return tokens(Tokens.INDEX_BITS, Tokens.LIFE_BITS);
    }

    @Test
    void eachLifeOfAnIndexHasATokenOfItsOwnUntilTheLastOne() {
        Tokens tokens = tokens(3, 10);
        Set<Long> given = new HashSet<>();
        for (int i = 0; i < 7 * 1024; i++) {
            long token = tokens.take();
            assertThat(given.add(token)).isTrue();
            tokens.free(token);
        }
        assertThat(tokens.hasFree()).isFalse();
        assertThatThrownBy(tokens::take)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no user data is left");
    }

    @Test
    void anIndexWhoseLivesHaveEndedIsLeftOut() {
        Tokens tokens = tokens(4, 1);
        long first = tokens.take();
        tokens.free(first);
        long second = tokens.take();
        assertThat(Tokens.index(second)).isEqualTo(Tokens.index(first));
        assertThat(second).isNotEqualTo(first);
        tokens.free(second);
        assertThat(Tokens.index(tokens.take())).isNotEqualTo(Tokens.index(first));
        assertThat(tokens.indexes()).isEqualTo(2);
    }

    @Test
    void theFullCountHasNoTokenTwiceAroundItsEnd() {
        Tokens tokens = tokens(2, 18);
        Set<Long> given = new HashSet<>();
        for (int i = 0; i < 3 << 18; i++) {
            long token = tokens.take();
            assertThat(given.add(token)).isTrue();
            tokens.free(token);
        }
    }

    @Test
    void anIndexIsTakenAgainOnlyOnceItIsFree() {
        Tokens tokens = tokens();
        Set<Integer> indexes = new HashSet<>();
        long[] taken = new long[1000];
        for (int i = 0; i < taken.length; i++) {
            taken[i] = tokens.take();
            assertThat(indexes.add(Tokens.index(taken[i]))).isTrue();
        }
        for (long token : taken) {
            tokens.free(token);
        }
        for (int i = 0; i < taken.length; i++) {
            assertThat(indexes.remove(Tokens.index(tokens.take()))).isTrue();
        }
        assertThat(tokens.indexes()).isEqualTo(taken.length);
    }

    /** On x86-64 with 48 or 57 bits, with or without bits that are ignored; on aarch64 with 52 bits and a tag. */
    @Test
    void isNoAddressOnAnyPlatform() {
        Tokens tokens = tokens();
        for (int i = 0; i < 100_000; i++) {
            long token = tokens.take();
            assertThat(token >> 56).as("canonical, 57 bits").isNotIn(0L, -1L);
            assertThat(token >>> 63).as("canonical, LAM").isNotEqualTo(token >>> 56 & 1);
            assertThat(token >>> 55 & 1).as("a user's, TBI").isEqualTo(1);
            if (i % 2 == 0) {
                tokens.free(token);
            }
        }
    }

    @Test
    void isNeverWhat32BitsCanHold() {
        Tokens tokens = tokens();
        Tokens others = tokens();
        for (int i = 0; i < 100_000; i++) {
            long token = tokens.take();
            assertThat((long) (int) token).isNotEqualTo(token);
            assertThat(token & 0xffff_ffffL).isNotEqualTo(token);
            assertThat((long) (int) others.take() >>> 55 & 3).isIn(0L, 3L);
        }
    }

    @Test
    void twoCopiesOfTheLibraryShareNone() {
        Set<Long> given = new HashSet<>();
        for (int copy = 0; copy < 8; copy++) {
            Tokens tokens = tokens();
            for (int i = 0; i < 20_000; i++) {
                assertThat(given.add(tokens.take())).isTrue();
            }
            for (int i = 0; i < 20_000; i++) {
                long token = tokens.take();
                tokens.free(token);
                assertThat(given.add(token)).isTrue();
            }
        }
    }

    /** Neighbours differ in about half of the bits that are free to differ. */
    @Test
    void noTokenFollowsFromAnother() {
        Tokens tokens = tokens();
        long differing = 0;
        int pairs = 10_000;
        long last = tokens.take() & (-1L << Tokens.INDEX_BITS);
        for (int i = 0; i < pairs; i++) {
            long token = tokens.take() & (-1L << Tokens.INDEX_BITS);
            differing += Long.bitCount(token ^ last);
            last = token;
        }
        assertThat((double) differing / pairs).isBetween(Tokens.LIFE_BITS * 0.4, Tokens.LIFE_BITS * 0.6);
    }

    @Test
    void aKeyOfZeroesIsABijectionToo() {
        RandomGenerator zero = () -> 0;
        Tokens tokens = new Tokens(zero, 2, 12);
        Set<Long> given = new HashSet<>();
        for (int i = 0; i < 3 << 12; i++) {
            long token = tokens.take();
            assertThat(given.add(token)).isTrue();
            tokens.free(token);
        }
    }
}
