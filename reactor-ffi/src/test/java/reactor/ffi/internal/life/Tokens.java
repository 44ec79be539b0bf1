package reactor.ffi.internal.life;

/** How many tokens keep the JVM up, for tests that are not of this package. */
public final class Tokens {

    private Tokens() {}

    public static long out() {
        return KeepAlive.tokens();
    }
}
