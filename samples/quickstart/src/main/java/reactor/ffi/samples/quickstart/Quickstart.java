package reactor.ffi.samples.quickstart;

/** Native callbacks as a stream, in one file. */
public final class Quickstart {

    private Quickstart() {}

    /**
     * Runs the sample.
     *
     * @param args the number of ticks to take
     */
    public static void main(String[] args) {
        System.out.println("quickstart: " + args[0] + " ticks");
    }
}
