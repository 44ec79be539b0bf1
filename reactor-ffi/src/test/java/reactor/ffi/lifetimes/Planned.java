package reactor.ffi.lifetimes;

/** What a user's code throws in these tests. */
final class Planned extends RuntimeException {

    private static final long serialVersionUID = 1L;

    Planned() {
        super("planned", null, false, false);
    }
}
