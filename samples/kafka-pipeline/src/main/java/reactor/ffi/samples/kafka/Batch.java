package reactor.ffi.samples.kafka;

import com.google.protobuf.InvalidProtocolBufferException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import reactor.ffi.samples.kafka.wire.EventBatch;

/**
 * Consecutive events of one source, which travel as one record: a Protobuf message as the value, CloudEvents attributes as the
 * headers ("binary content mode" of CloudEvents' Kafka binding), so that one CloudEvent is one batch.
 *
 * @param events what the record carries
 * @param dropped how many events of the source were dropped before the first of these
 */
record Batch(EventBatch events, long dropped) {

    /** The media type of the value. */
    static final String CONTENT_TYPE = "application/protobuf";

    static final String TYPE = "reactor.ffi.samples.kafka.EventBatch";

    /** Key, headers, Kafka's own few bytes, and the fields of the message that are no columns. */
    private static final int OVERHEAD = 512;

    /** Ten bytes of time at most, and four of the value. */
    private static final int MOST_BYTES_OF_AN_EVENT = 14;

    /**
     * Makes a batch.
     *
     * @param run which run of the publisher
     * @param events of one source, with numbers that follow one another
     * @param dropped how many of the source were dropped before the first
     */
    static Batch of(long run, List<Event> events, long dropped) {
        Event first = events.getFirst();
        EventBatch.Builder batch = EventBatch.newBuilder()
                .setRun(run)
                .setSource(first.source())
                .setFirstSequence(first.sequence())
                .setFirstMicros(first.micros());
        for (int i = 0; i < events.size(); i++) {
            batch.addValue(events.get(i).value());
            if (i > 0) {
                batch.addLaterMicros(events.get(i).micros() - events.get(i - 1).micros());
            }
        }
        return new Batch(batch.build(), dropped);
    }

    /** The last record of a source: no events, and how many it has sent in all. */
    static Batch end(long run, int source, long sent, long dropped) {
        return new Batch(
                EventBatch.newBuilder()
                        .setRun(run)
                        .setSource(source)
                        .setFirstSequence(sent)
                        .build(),
                dropped);
    }

    int size() {
        return events.getValueCount();
    }

    /** What a record of so many events takes at most, on the wire. */
    static int mostBytes(int events) {
        return OVERHEAD + MOST_BYTES_OF_AN_EVENT * events;
    }

    /**
     * Encodes the batch as a record. The partition is chosen for the source: a hash of a few keys would leave partitions empty.
     *
     * @param partitions how many the topic has
     */
    ProducerRecord<byte[], byte[]> toRecord(String topic, int partitions) {
        int source = events.getSource();
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                topic,
                source % partitions,
                ByteBuffer.allocate(Integer.BYTES).putInt(source).array(),
                events.toByteArray());
        header(record, "content-type", CONTENT_TYPE);
        header(record, "ce_specversion", "1.0");
        header(record, "ce_type", TYPE);
        header(record, "ce_source", "/runs/" + events.getRun() + "/sources/" + source);
        header(record, "ce_id", events.getRun() + "-" + source + "-" + events.getFirstSequence() + "-" + size());
        header(record, "ce_time", Instant.now().toString());
        header(record, "ce_dropped", Long.toString(dropped));
        return record;
    }

    private static void header(ProducerRecord<byte[], byte[]> record, String name, String value) {
        record.headers().add(name, value.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Decodes a record.
     *
     * @throws ForeignRecordException if it is not one of ours; the message says why
     */
    static Batch from(ConsumerRecord<byte[], byte[]> record) throws ForeignRecordException {
        String type = text(record.headers(), "ce_type");
        if (!type.equals(TYPE)) {
            throw new ForeignRecordException("its header ce_type is \"" + type + "\", not \"" + TYPE + "\"");
        }
        if (record.value() == null) {
            throw new ForeignRecordException("it has no value");
        }
        try {
            EventBatch events = EventBatch.parseFrom(record.value());
            if (events.getLaterMicrosCount() != Math.max(0, events.getValueCount() - 1)) {
                throw new ForeignRecordException("its columns are of different length");
            }
            return new Batch(events, Long.parseLong(text(record.headers(), "ce_dropped")));
        } catch (InvalidProtocolBufferException e) {
            throw new ForeignRecordException("its value is no EventBatch: " + e.getMessage());
        } catch (NumberFormatException e) {
            throw new ForeignRecordException("its header ce_dropped is no number");
        }
    }

    private static String text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }

    /** The events, one by one. */
    List<Event> toEvents() {
        List<Event> all = new ArrayList<>(size());
        long micros = events.getFirstMicros();
        for (int i = 0; i < size(); i++) {
            micros += i == 0 ? 0 : events.getLaterMicros(i - 1);
            all.add(new Event(events.getSource(), events.getFirstSequence() + i, micros, events.getValue(i)));
        }
        return all;
    }

    /** When the first event was measured. */
    Instant time() {
        return Instant.EPOCH.plusNanos(TimeUnit.MICROSECONDS.toNanos(events.getFirstMicros()));
    }
}
