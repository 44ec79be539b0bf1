package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;

class BatchesTest {

    private static List<Event> events(int source, long count, LongPredicate kept) {
        return LongStream.range(0, count)
                .filter(kept)
                .mapToObj(i -> new Event(source, i, i, i))
                .toList();
    }

    private static List<Batch> batches(Sensors sensors, int size, List<Event> events) {
        List<Batch> all = new Batches(1, sensors, size)
                .of(Flux.fromIterable(events), Duration.ofMillis(5))
                .collectList()
                .block(Duration.ofSeconds(10));
        assertThat(all).isNotNull();
        return all;
    }

    @Test
    void aGapEndsABatchAndTheNextOneSaysHowManyWereDropped() {
        List<Batch> all = batches(new Sensors(0, 1, 1, 0), 10, events(0, 30, i -> (i < 4 || i > 8) && i != 25));
        assertThat(all.stream().mapToInt(Batch::size).sum()).isEqualTo(24);
        long next = 0;
        for (Batch batch : all.subList(0, all.size() - 1)) {
            assertThat(batch.size()).isBetween(1, 10);
            assertThat(batch.events().getFirstSequence()).isEqualTo(next + batch.dropped());
            next = batch.events().getFirstSequence() + batch.size();
        }
        assertThat(all.stream().mapToLong(Batch::dropped).filter(n -> n > 0)).containsExactly(5L, 1L);
    }

    @Test
    void eachSourceHasBatchesOfItsOwnInItsOrder() {
        List<Event> mixed = new ArrayList<>();
        List<Event> one = events(5, 100, i -> true);
        List<Event> two = events(6, 100, i -> true);
        for (int i = 0; i < 100; i++) {
            mixed.add(one.get(i));
            mixed.add(two.get(i));
        }
        List<Batch> all = batches(new Sensors(5, 2, 1, 0), 16, mixed);
        for (int source = 5; source <= 6; source++) {
            int of = source;
            assertThat(all.stream()
                            .filter(batch -> batch.events().getSource() == of)
                            .flatMap(batch -> batch.toEvents().stream()))
                    .isEqualTo(of == 5 ? one : two);
        }
    }

    @Test
    void realNativeThreadsSendAllTheirReadings() {
        Sensors sensors = new Sensors(0, 3, 10_000, 0);
        List<Batch> all = new Batches(1, sensors, 64)
                .of(sensors.events(CallbackOptions.named("batches-test")), Duration.ofMillis(5))
                .collectList()
                .block(Duration.ofSeconds(30));
        assertThat(all).isNotNull();
        assertThat(sensors.sent()).isEqualTo(30_000);
        assertThat(all.stream().mapToInt(Batch::size).sum()).isEqualTo(30_000);
        assertThat(all.stream().filter(batch -> batch.size() == 0))
                .hasSize(3)
                .allMatch(end -> end.events().getFirstSequence() == 10_000 && end.dropped() == 0);
    }
}
