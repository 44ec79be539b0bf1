package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

class BatchTest {

    private static List<Event> events(int count) {
        List<Event> events = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            // The clock goes back in the middle.
            events.add(new Event(7, 100 + i, 1_000_000L + i * 100L - (i >= count / 2 ? 5_000_000 : 0), i / 4f));
        }
        return events;
    }

    private static ConsumerRecord<byte[], byte[]> received(ProducerRecord<byte[], byte[]> sent, byte[] value) {
        return new ConsumerRecord<>(
                sent.topic(),
                sent.partition(),
                0,
                0,
                TimestampType.CREATE_TIME,
                sent.key().length,
                value.length,
                sent.key(),
                value,
                new RecordHeaders(sent.headers()),
                Optional.empty());
    }

    @Test
    void arrivesAsItWasSent() throws Exception {
        ProducerRecord<byte[], byte[]> record = Batch.of(3, events(50), 12).toRecord("events", 6);
        assertThat(record.partition()).isEqualTo(7 % 6);
        Batch batch = Batch.from(received(record, record.value()));
        assertThat(batch.toEvents()).isEqualTo(events(50));
        assertThat(batch.dropped()).isEqualTo(12);
        assertThat(batch.events().getRun()).isEqualTo(3);
    }

    @Test
    void takesAboutSixBytesAnEventAndNeverMoreThanItsBound() {
        List<Event> steady = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            steady.add(new Event(1, i, 1_700_000_000_000_000L + i * 50L, i));
        }
        assertThat(Batch.of(1, steady, 0).toRecord("events", 6).value().length).isBetween(5_000, 6_500);
        assertThat(Batch.of(1, events(1000), 0).toRecord("events", 6).value().length)
                .isLessThan(Batch.mostBytes(1000));
    }

    @Test
    void whoseColumnsDoNotFitIsRefused() {
        ProducerRecord<byte[], byte[]> record = Batch.of(3, events(5), 0).toRecord("events", 6);
        byte[] value = Batch.of(3, events(5), 0).events().toBuilder()
                .addValue(1)
                .build()
                .toByteArray();
        assertThatThrownBy(() -> Batch.from(received(record, value)))
                .isInstanceOf(ForeignRecordException.class)
                .hasMessageContaining("columns");
    }
}
