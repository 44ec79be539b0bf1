package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A real Kafka node, broker and KRaft controller in one, in a JVM of its own, on the loopback interface. Its class path is
 * its own too: a broker brings Scala and much more.
 */
final class Broker implements AutoCloseable {

    private static final String CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw";

    /** How long a broker may take to start, on a busy machine. */
    private static final Duration START = Duration.ofMinutes(2);

    /** Options of a JVM whose life is short: it compiles little. */
    static final List<String> SHORT_LIFE = List.of("-XX:TieredStopAtLevel=1");

    private final int id;
    private final Path folder;
    private final Path settings;
    private final int port;
    private final List<String> options;
    private Process process;

    private Broker(int id, Path folder, Path settings, int port, List<String> options) {
        this.id = id;
        this.folder = folder;
        this.settings = settings;
        this.port = port;
        this.options = options;
    }

    /**
     * Starts the nodes of a new cluster.
     *
     * @param folder where they keep what they store
     * @param nodes 1 or 3
     * @param options of their JVMs
     * @param more settings of the brokers, a line each
     * @param properties the file that a client needs with these settings; empty: none
     */
    static List<Broker> cluster(Path folder, int nodes, List<String> options, List<String> more, String properties)
            throws IOException, InterruptedException {
        int[] ports = freePorts(2 * nodes);
        StringJoiner voters = new StringJoiner(",");
        for (int i = 0; i < nodes; i++) {
            voters.add((i + 1) + "@localhost:" + ports[nodes + i]);
        }
        List<Broker> brokers = new ArrayList<>();
        List<Process> formats = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            Path own = Files.createDirectories(folder.resolve("broker-" + (i + 1)));
            Path settings = own.resolve("server.properties");
            List<String> lines = settings(i + 1, nodes, ports[i], ports[nodes + i], voters.toString(), data(own));
            lines.addAll(more);
            Files.write(settings, lines);
            Broker broker = new Broker(i + 1, own, settings, ports[i], options);
            brokers.add(broker);
            formats.add(broker.launch(
                    "format",
                    SHORT_LIFE,
                    "kafka.tools.StorageTool",
                    "format",
                    "-t",
                    CLUSTER_ID,
                    "-c",
                    settings.toString()));
        }
        for (Process format : formats) {
            if (format.waitFor() != 0) {
                throw new IOException("formatting the storage of a broker has failed; see format.log in " + folder);
            }
        }
        for (Broker broker : brokers) {
            broker.start();
        }
        awaitReady(brokers, properties);
        return brokers;
    }

    /** Waits until the cluster answers, and all its nodes are there. */
    static void awaitReady(List<Broker> brokers, String properties) throws InterruptedException {
        String bootstrap =
                String.join(",", brokers.stream().map(Broker::address).toList());
        long end = System.nanoTime() + START.toNanos();
        while (Kafka.at(bootstrap, properties).nodes() < brokers.size()) {
            for (Broker broker : brokers) {
                if (!broker.isAlive()) {
                    throw new IllegalStateException("broker " + broker.id() + " has ended; see " + broker.folder);
                }
            }
            if (System.nanoTime() - end > 0) {
                throw new IllegalStateException("the brokers do not answer after " + START.toSeconds() + " s; see "
                        + brokers.getFirst().folder);
            }
            Thread.sleep(100);
        }
    }

    private static List<String> settings(int id, int nodes, int port, int controller, String voters, Path data) {
        int copies = Math.min(3, nodes);
        int inSync = Math.max(1, copies - 1);
        return new ArrayList<>(List.of(
                "process.roles=broker,controller",
                "node.id=" + id,
                "controller.quorum.voters=" + voters,
                "listeners=PLAINTEXT://localhost:" + port + ",CONTROLLER://localhost:" + controller,
                "advertised.listeners=PLAINTEXT://localhost:" + port,
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "controller.listener.names=CONTROLLER",
                "inter.broker.listener.name=PLAINTEXT",
                "log.dirs=" + data,
                "auto.create.topics.enable=false",
                "default.replication.factor=" + copies,
                "min.insync.replicas=" + inSync,
                "offsets.topic.replication.factor=" + copies,
                "offsets.topic.num.partitions=4",
                "transaction.state.log.replication.factor=" + copies,
                "transaction.state.log.min.isr=" + inSync,
                "transaction.state.log.num.partitions=4",
                "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
                "group.initial.rebalance.delay.ms=0",
                // A member that was killed is missed after 4 s, not after 45.
                "group.consumer.min.heartbeat.interval.ms=500",
                "group.consumer.heartbeat.interval.ms=1000",
                "group.consumer.min.session.timeout.ms=4000",
                "group.consumer.session.timeout.ms=4000"));
    }

    /**
     * Finds ports below those that Linux gives to clients: no connection of a client takes the port of a broker that is
     * away.
     */
    private static int[] freePorts(int count) {
        return ThreadLocalRandom.current()
                .ints(10_000, 32_000)
                .distinct()
                .filter(Broker::isFree)
                .limit(count)
                .toArray();
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    private Process launch(String log, List<String> options, String... mainAndArguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Dorg.slf4j.simpleLogger.showDateTime=true"));
        command.addAll(options);
        command.addAll(List.of("-classpath", classPath()));
        command.addAll(List.of(mainAndArguments));
        Process started = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve(log + ".log").toFile()))
                .start();
        Children.addBroker(started);
        return started;
    }

    private static String classPath() throws IOException {
        Path file = Path.of(System.getProperty("kafka.target", "target"), "broker.classpath");
        if (!Files.exists(file)) {
            throw new IllegalStateException(
                    file.toAbsolutePath()
                            + " is not there: start the sample by Maven, as the README says, or name your cluster with --bootstrap");
        }
        return Files.readString(file).strip();
    }

    /** Starts the process, again after {@link #kill}. Clients wait for it by themselves. */
    void start() throws IOException {
        process = launch("broker", options, "kafka.Kafka", settings.toString());
    }

    /** Ends the process at once, as {@code kill -9} does. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** What it has used of the cores. */
    Duration cpu() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Where the node keeps its logs. */
    Path data() {
        return data(folder);
    }

    private static Path data(Path folder) {
        return folder.resolve("data");
    }

    int id() {
        return id;
    }

    String address() {
        return "localhost:" + port;
    }

    @Override
    public void close() {
        Children.end(process);
    }
}
