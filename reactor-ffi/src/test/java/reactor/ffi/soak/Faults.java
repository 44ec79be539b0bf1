package reactor.ffi.soak;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;

/** What went wrong, of which the first few are kept. From any thread. */
final class Faults {

    private static final int KEPT = 20;

    @GuardedBy("this")
    private final List<String> kept = new ArrayList<>();

    synchronized void add(String fault) {
        if (kept.size() < KEPT) {
            kept.add(fault);
        }
    }

    void add(String where, Throwable error) {
        StringWriter trace = new StringWriter();
        error.printStackTrace(new PrintWriter(trace));
        add(where + ": " + trace);
    }

    void equal(String what, long actual, long expected) {
        if (actual != expected) {
            add(what + ": " + actual + " instead of " + expected);
        }
    }

    void some(String what, long actual) {
        if (actual <= 0) {
            add(what + ": none");
        }
    }

    synchronized List<String> all() {
        return List.copyOf(kept);
    }
}
