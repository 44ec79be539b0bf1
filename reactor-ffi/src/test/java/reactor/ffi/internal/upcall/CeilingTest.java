package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.ffi.fixture.Callbacks.EchoInt;

/** How many stubs there may be, and for whom they are the same. */
class CeilingTest {

    private static final long MB = 1 << 20;

    @ParameterizedTest
    @CsvSource({"240,16384", "128,16384", "48,6144", "8,1024", "4,512", "0,64", "100000,16384"})
    void isAnEighthOfTheCodeCache(long megabytes, int stubs) {
        assertThat(Ceiling.derived(megabytes * MB)).isEqualTo(stubs);
    }

    @Test
    void isReadFromTheOptionsWhereTheJvmDoesNotTell() {
        assertThat(CodeCache.ofOptions("")).isEqualTo(48 * MB);
        assertThat(CodeCache.ofOptions("-Xmx8m -XX:ReservedCodeCacheSize=8m -cp x"))
                .isEqualTo(8 * MB);
        assertThat(CodeCache.ofOptions("-XX:ReservedCodeCacheSize=1G")).isEqualTo(1024 * MB);
        assertThat(CodeCache.ofOptions("-XX:ReservedCodeCacheSize=4096k")).isEqualTo(4 * MB);
        assertThat(CodeCache.ofOptions("-XX:ReservedCodeCacheSize=3145728")).isEqualTo(3 * MB);
        assertThat(CodeCache.ofOptions("-XX:ReservedCodeCacheSize=8m -XX:ReservedCodeCacheSize=16M"))
                .as("the last one counts")
                .isEqualTo(16 * MB);
    }

    @Test
    void isReadFromTheJvm() {
        assertThat(CodeCache.reserved()).isBetween(2 * MB, 2048 * MB);
    }

    @Nested
    class OneSource {

        interface AlsoEchoInt extends EchoInt {}

        private EchoInt adds(int more) {
            return value -> value + more;
        }

        private SourceKey key(Object owner, Object handler) {
            return SourceKey.of(owner, EchoInt.class, handler);
        }

        @Test
        void isOneOwnerOneInterfaceAndOneHandlerClass() {
            SourceKey one = key("a", adds(1));
            assertThat(key("a", adds(2))).isEqualTo(one);
            assertThat(key("b", adds(1))).as("another name").isNotEqualTo(one);
            assertThat(key(1L, adds(1))).as("a stream").isNotEqualTo(one);
            EchoInt other = value -> value;
            assertThat(key("a", other)).as("other code").isNotEqualTo(one);
            assertThat(SourceKey.of("a", AlsoEchoInt.class, adds(1)))
                    .as("another interface")
                    .isNotEqualTo(one);
        }

        @Test
        void isNeverThatOfTwoProxies() throws ReflectiveOperationException {
            EchoInt proxy = MethodHandleProxies.asInterfaceInstance(
                    EchoInt.class,
                    MethodHandles.lookup().findStatic(Math.class, "abs", MethodType.methodType(int.class, int.class)));
            assertThat(key("a", proxy)).isNotEqualTo(key("a", proxy));
            Object reflected = java.lang.reflect.Proxy.newProxyInstance(
                    EchoInt.class.getClassLoader(), new Class<?>[] {EchoInt.class}, (self, method, arguments) -> 1);
            assertThat(key("a", reflected)).isNotEqualTo(key("a", reflected));
        }
    }
}
