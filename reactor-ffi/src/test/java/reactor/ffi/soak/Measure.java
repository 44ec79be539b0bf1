package reactor.ffi.soak;

import java.util.Locale;

/**
 * What has to stay flat, and how much it may differ between the beginning and the end. The load goes on while it is read, so
 * each moves by what the load has in hand just then.
 */
enum Measure {
    /** What is in the queues and in quarantine comes and goes. */
    HEAP(1 << 20),
    /** The JDK makes a class for each pointer that is called often, and some of them late. */
    METASPACE(2 << 20),
    /** The compilers go on compiling, and throwing away; on a busy machine half of the first minute's code comes late. */
    CODE_CACHE(12 << 20),
    /** The part of it where stubs are; one takes 0.8 KB. */
    STUB_CODE(1 << 18),
    /** Native memory of the JVM, but for heap and code. Metaspace is in it, and the stacks of threads that are alive just now. */
    TRACKED(3 << 20),
    /** What C has allocated. */
    MALLOC(1 << 20),
    /** Only told: what glibc keeps of what was freed depends on which threads have freed it. */
    RESIDENT(Long.MAX_VALUE),
    /** Short-lived native threads, and those of clients that connect, are some at one time and none at another. */
    THREADS(8),
    /** A client that connects has three, a broker that is being started one for each look at it. */
    DESCRIPTORS(8),
    /** As many as were ever needed at once: a machine that stutters needs more. */
    STUBS(300);

    final long tolerance;

    Measure(long tolerance) {
        this.tolerance = tolerance;
    }

    String show(long value) {
        return switch (this) {
            case THREADS, DESCRIPTORS, STUBS -> Long.toString(value);
            default -> "%.1f MB".formatted(value / 1048576.0);
        };
    }

    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
