package reactor.ffi.samples.kafka;

import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/** The processes that this JVM has started: none outlives it. */
final class Children {

    /** How long the workers may flush what they have when this JVM is told to go. */
    private static final long FLUSH_SECONDS = 15;

    /** How long a process may take for an orderly end. */
    private static final long END_SECONDS = 5;

    private static final Queue<Process> WORKERS = new ConcurrentLinkedQueue<>();
    private static final Queue<Process> BROKERS = new ConcurrentLinkedQueue<>();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(Children::endAll, "children at exit"));
    }

    private Children() {}

    static void addWorker(Process process) {
        add(WORKERS, process);
    }

    /** Adds a process that is ended after all workers, which still need it to flush. */
    static void addBroker(Process process) {
        add(BROKERS, process);
    }

    private static void add(Queue<Process> children, Process process) {
        children.removeIf(other -> !other.isAlive());
        children.add(process);
    }

    /** Ends a process: SIGTERM, and after some seconds SIGKILL. */
    static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static void endAll() {
        WORKERS.forEach(worker -> worker.toHandle().destroy());
        CompletableFuture.allOf(WORKERS.stream().map(Process::onExit).toArray(CompletableFuture[]::new))
                .completeOnTimeout(null, FLUSH_SECONDS, TimeUnit.SECONDS)
                .join();
        WORKERS.forEach(Process::destroyForcibly);
        BROKERS.forEach(Process::destroyForcibly);
    }
}
