package reactor.ffi.samples.nats;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;

/**
 * A million messages of a real NATS server as a {@link Flux}: counted, their order checked, and then once more for each
 * {@link Overflow} policy, with a consumer that is too slow. It ends with a table, and the JVM exits by itself.
 */
public final class Throughput {

    private static final String SUBJECT = "numbers";
    private static final int SUBSCRIPTIONS = 200;

    /** Long enough that the slow consumer cannot keep up. */
    private static final Duration SLOW = Duration.ofNanos(3_000);

    /** What the command line says. */
    private record Arguments(long messages, String server) {

        static Arguments of(String[] args) {
            long messages = 1_000_000;
            String server = "";
            for (int i = 0; i < args.length; i++) {
                // both --name value and --name=value
                String[] option = args[i].split("=", 2);
                String value = option.length > 1 ? option[1] : i + 1 < args.length ? args[++i] : "";
                switch (option[0]) {
                    case "--messages" -> messages = Long.parseLong(value);
                    case "--server" -> server = value;
                    default ->
                        throw new IllegalArgumentException(
                                option[0] + " is unknown; there are --messages N and --server nats://host:port");
                }
            }
            return new Arguments(messages, server);
        }
    }

    private record Line(Trial trial, Trial.Result result) {}

    private Throughput() {}

    /**
     * Runs the sample.
     *
     * @param args {@code --messages N}, a million without it; {@code --server url}, a server of our own without it
     * @throws Throwable if nats.c says that something failed
     */
    public static void main(String[] args) throws Throwable {
        Arguments arguments = Arguments.of(args);
        try {
            Nats.require();
            if (arguments.server().isEmpty()) {
                try (NatsServer server = NatsServer.start(NatsServer.folders())) {
                    run(server.url(), arguments.messages());
                }
            } else {
                run(arguments.server(), arguments.messages());
            }
        } catch (MissingException e) {
            System.err.println("Cannot run: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void run(String url, long messages) throws Throwable {
        System.out.printf(Locale.ROOT, "%,d messages through %s%n", messages, url);
        List<Line> lines = new ArrayList<>();
        try (NatsConnection connection = new NatsConnection(url, SUBJECT);
                CallbackScheduler scheduler = CallbackScheduler.create("numbers")) {
            for (Trial trial : trials(messages)) {
                String name = "nats-" + lines.size();
                lines.add(new Line(trial, trial.run(connection, scheduler, name, System.out::println)));
            }
            table(lines);
            handshake(connection, scheduler);
            // The last one was cancelled, and may still unregister; for that it needs the connection.
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        }
        Nats.closeAndWait();
    }

    private static List<Trial> trials(long messages) {
        Duration patience = Duration.ofSeconds(10);
        return List.of(
                new Trial(messages, Overflow.block(8192, patience), Duration.ZERO),
                new Trial(messages, Overflow.block(8192, patience), SLOW),
                new Trial(messages, Overflow.unbounded(), SLOW),
                new Trial(messages, Overflow.dropNewest(8192), SLOW),
                new Trial(messages, Overflow.dropOldest(8192), SLOW),
                new Trial(messages, Overflow.latest(), SLOW),
                new Trial(messages, Overflow.error(8192), SLOW));
    }

    private static void table(List<Line> lines) {
        String format = "%-24s %9s %11s %11s %11s %11s %5s %6s %8s %11s  %s%n";
        System.out.printf(
                format,
                "policy",
                "consumer",
                "published",
                "received",
                "delivered",
                "discarded",
                "late",
                "order",
                "seconds",
                "received/s",
                "end");
        for (Line line : lines) {
            Trial.Result seen = line.result();
            System.out.printf(
                    Locale.ROOT,
                    format.replace("%9s", "%6d ns").replaceAll("%11s", "%,11d").replace("%8s", "%8.2f"),
                    line.trial().overflow(),
                    line.trial().work().toNanos(),
                    seen.published(),
                    seen.received(),
                    seen.delivered(),
                    seen.discarded(),
                    seen.lateCalls(),
                    seen.outOfOrder() == 0 ? "kept" : "LOST",
                    seen.seconds(),
                    Math.round(seen.received() / seen.seconds()),
                    seen.end());
        }
    }

    /**
     * One subscription after the other, each cancelled from inside onNext. Each registers when the one before it has
     * unregistered, so who publishes does not know when: it goes on until they have all seen a number.
     */
    private static void handshake(NatsConnection connection, CallbackScheduler scheduler) throws Throwable {
        Numbers numbers = new Numbers(connection);
        CompletableFuture<Void> done = numbers.flux(
                        CallbackOptions.named("nats-handshake").on(scheduler))
                .take(1)
                .repeat(SUBSCRIPTIONS - 1)
                .then()
                .toFuture();
        for (long i = 0; !done.isDone(); i++) {
            connection.publish(i);
            connection.flush();
        }
        System.out.printf(
                Locale.ROOT,
                "%d subscriptions, one after the other, shared %d C function pointer%n",
                SUBSCRIPTIONS,
                numbers.pointers());
    }
}
