package reactor.ffi.samples.kafka;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Prints the batches of a topic, as a console consumer does: what each record says of itself, and its first events. */
public final class Reader {

    /** What the program understands. */
    static final Map<String, String> DEFAULTS = Map.of(
            "bootstrap",
            "",
            "properties",
            "",
            "topic",
            "reactor-ffi-events",
            "events",
            "3",
            "most",
            "9223372036854775807");

    private Reader() {}

    /**
     * Prints all records that are there, then ends.
     *
     * @param args see {@link #DEFAULTS}
     */
    public static void main(String[] args) {
        Status.exitWith(() -> {
            Arguments arguments = Arguments.parse(args, DEFAULTS);
            Kafka kafka = Kafka.at(arguments.required("bootstrap"), arguments.text("properties"));
            long events = arguments.number("events", 0);
            Windows.records(kafka, arguments.text("topic"), () -> true)
                    .take(arguments.number("most", 1))
                    .doOnNext(record -> print(record, events))
                    .then()
                    .block();
            System.exit(0);
        });
    }

    private static void print(ConsumerRecord<byte[], byte[]> record, long events) {
        String where = record.topic() + "-" + record.partition() + "@" + record.offset();
        try {
            Batch batch = Batch.from(record);
            System.out.printf(
                    "%s source %d from %d: %d events, %d dropped before, %d bytes, %s%n",
                    where,
                    batch.events().getSource(),
                    batch.events().getFirstSequence(),
                    batch.size(),
                    batch.dropped(),
                    record.value().length,
                    batch.size() == 0 ? "the source's last record" : batch.time());
            List<Event> all = batch.toEvents();
            all.stream().limit(events).forEach(event -> System.out.println("    " + event));
        } catch (ForeignRecordException e) {
            System.out.println(where + " is not of this sample: " + e.getMessage());
        }
    }
}
