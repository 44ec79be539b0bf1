package reactor.ffi.lifetimes;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** What a sequence has broken. Any thread. */
final class Checks {

    private final List<String> broken = new CopyOnWriteArrayList<>();

    void equal(String what, long actual, long expected) {
        if (actual != expected) {
            broken(what + ": " + actual + " instead of " + expected);
        }
    }

    void holds(String what, boolean holds) {
        if (!holds) {
            broken(what);
        }
    }

    void broken(String what) {
        if (broken.size() < 10) {
            broken.add(what);
        }
    }

    List<String> broken() {
        return broken;
    }
}
