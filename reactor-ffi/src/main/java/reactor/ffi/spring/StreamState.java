package reactor.ffi.spring;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import org.jspecify.annotations.Nullable;

/** The state of the streams of one name, for the health endpoint. All methods may be called from any thread. */
final class StreamState {

    /** What the health endpoint reports. */
    record View(boolean up, String text) {}

    @GuardedBy("this")
    private int registrations;

    @GuardedBy("this")
    private boolean connected = true;

    /** The error of the connection, or the error that the last registration has ended with. */
    @GuardedBy("this")
    private @Nullable String detail;

    @GuardedBy("this")
    private boolean failed;

    synchronized void registered() {
        if (registrations++ == 0) {
            fresh();
        }
    }

    synchronized void unregistered() {
        if (--registrations == 0) {
            fresh();
        }
    }

    @GuardedBy("this")
    private void fresh() {
        connected = true;
        detail = null;
        failed = false;
    }

    synchronized void connected(String to) {
        connected = true;
        detail = to;
    }

    synchronized void disconnected(String why) {
        connected = false;
        detail = why;
    }

    /** Notes the error of a registration that has ended. While other registrations of that name live, this is no failure. */
    synchronized void failed(Throwable error) {
        if (registrations == 0) {
            failed = true;
            detail = error.toString();
        }
    }

    synchronized View view() {
        if (failed) {
            return new View(false, "failed: " + detail);
        }
        if (registrations == 0) {
            return new View(true, "nobody subscribes");
        }
        String state = connected ? "connected" : "disconnected";
        return new View(connected, detail == null ? state : state + ": " + detail);
    }
}
