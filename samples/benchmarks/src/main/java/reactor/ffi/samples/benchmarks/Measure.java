package reactor.ffi.samples.benchmarks;

import java.util.List;
import java.util.Locale;

/** What is measured. The points of one measure are taken in the same rounds, so that they can be compared. */
@SuppressWarnings("ImmutableEnumChecker") // List.of, and toList: they are
enum Measure {
    STREAM("one native thread, first call to last event", "ns/event", 1_000_000, 2_000_000, "stream:1"),
    STREAM_N(
            "so many native threads, first call to last event",
            "ns/event",
            256_000,
            1_280_000,
            "stream_1:1",
            "stream_2:2",
            "stream_4:4",
            "stream_8:8",
            "stream_64:64"),
    SOURCES_N(
            "so many live callbacks on one scheduler, called in turn by one native thread",
            "ns/event",
            300_000,
            1_000_000,
            "sources_1:1",
            "sources_10:10",
            "sources_100:100",
            "sources_1000:1000",
            "sources_10000:10000"),
    ANSWERED("a native thread waits for each answer, call after call", "ns/call", 50_000, 500_000, "answered:1"),
    ANSWERED_PARKED(
            "3 ms of silence before each call: both sides sleep; median of a round",
            "ns/call",
            50,
            300,
            "answered_parked:1"),
    ANSWERED_LENT(
            "the scheduler's thread waits in callBlocking, the native thread borrows its turn",
            "ns/call",
            1_000_000,
            3_000_000,
            "answered_lent:1"),
    SAME_THREAD("called back on the thread that called C", "ns/call", 1_000_000, 3_000_000, "same_thread:1"),
    DIRECT("answered on the native thread itself", "ns/call", 1_000_000, 3_000_000, "direct:1"),
    WAKE("5 ms of silence, then one event: native call to onNext", "ns", 100, 1_000, "wake:1"),
    CYCLE("subscribe, register, one event, cancel, unregistered", "ns/cycle", 2_000, 10_000, "cycle:1"),
    ALLOCATION("of the whole JVM, with the event's own object", "bytes/event", 1_000_000, 2_000_000, "allocation:0"),
    ALLOCATION_POINTER(
            "the same, of an event that reads a text which C points to",
            "bytes/event",
            1_000_000,
            2_000_000,
            "allocation_pointer:1"),
    CALL(
            "one native thread in bursts that there is room for: what a call costs that thread",
            "ns/call",
            1_000_000,
            4_000_000,
            "call:1"),
    GC("calls of a native thread, while the program collects garbage without end", "ns", 2_000, 10_000, "gc:1"),
    IDLE("CPU time of all threads but the JVM's own, 100 live subscriptions", "ms in 5 s", 1_000, 5_000, "idle:100");

    /**
     * One point of a measure.
     *
     * @param name what it is called in the results
     * @param size threads, callbacks, whatever the measure varies
     */
    record Point(String name, int size) {}

    private final String what;
    private final String unit;
    private final int quick;
    private final int full;
    private final List<Point> points;

    Measure(String what, String unit, int quick, int full, String... points) {
        this.what = what;
        this.unit = unit;
        this.quick = quick;
        this.full = full;
        this.points = List.of(points).stream()
                .map(point -> point.split(":", -1))
                .map(parts -> new Point(parts[0], Integer.parseInt(parts[1])))
                .toList();
    }

    /** What it is called on the command line. */
    String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    String what() {
        return what;
    }

    String unit() {
        return unit;
    }

    List<Point> points() {
        return points;
    }

    /** Whether its points are one of something, and more of it. */
    boolean isOneAndMore() {
        return this == STREAM_N || this == SOURCES_N;
    }

    /** How many events, calls or ms one round has. */
    int count(boolean fullSetting) {
        return fullSetting ? full : quick;
    }
}
