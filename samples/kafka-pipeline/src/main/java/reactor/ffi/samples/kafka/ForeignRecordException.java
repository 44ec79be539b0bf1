package reactor.ffi.samples.kafka;

/** A record on a topic of this sample that is not of this sample. */
final class ForeignRecordException extends Exception {

    private static final long serialVersionUID = 1L;

    ForeignRecordException(String message) {
        super(message);
    }
}
