package reactor.ffi.samples.nats;

/** Something is not installed; the message says what to install. */
final class MissingException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    MissingException(String message) {
        super(message);
    }
}
