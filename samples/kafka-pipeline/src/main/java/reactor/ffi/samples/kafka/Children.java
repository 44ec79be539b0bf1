package reactor.ffi.samples.kafka;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The processes that this JVM has started: none outlives it. */
final class Children {

    private static final Queue<Process> ALL = new ConcurrentLinkedQueue<>();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> ALL.forEach(Process::destroyForcibly), "children at exit"));
    }

    private Children() {}

    static void add(Process process) {
        ALL.removeIf(other -> !other.isAlive());
        ALL.add(process);
    }
}
