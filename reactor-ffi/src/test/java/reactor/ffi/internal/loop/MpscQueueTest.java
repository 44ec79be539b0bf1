package reactor.ffi.internal.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class MpscQueueTest {

    private static final class Numbered extends MpscQueue.Item {

        final int producer;
        final int value;

        Numbered(int producer, int value) {
            this.producer = producer;
            this.value = value;
        }
    }

    private final MpscQueue<Numbered> queue = new MpscQueue<>();

    private void offer(int... values) {
        for (int value : values) {
            queue.offer(new Numbered(0, value));
        }
    }

    private List<Integer> poll(int count) {
        List<Integer> values = new ArrayList<>();
        Numbered number;
        while (values.size() < count && (number = queue.poll()) != null) {
            values.add(number.value);
        }
        return values;
    }

    @Test
    void givesBackInOrderWhatWasOffered() {
        assertThat(queue.poll()).isNull();
        offer(1, 2, 3);
        assertThat(poll(2)).containsExactly(1, 2);
        offer(4, 5);
        assertThat(poll(9)).containsExactly(3, 4, 5);
        assertThat(queue.poll()).isNull();
        offer(6);
        assertThat(poll(9)).containsExactly(6);
    }

    @Test
    void knowsHowManyThereAre() {
        assertThat(queue.isEmpty()).isTrue();
        assertThat(queue.size()).isZero();
        offer(1, 2, 3);
        assertThat(queue.isEmpty()).isFalse();
        assertThat(queue.size()).isEqualTo(3);
        assertThat(poll(1)).containsExactly(1);
        offer(4);
        assertThat(queue.size()).as("two are taken, one is not").isEqualTo(3);
        queue.removeIf(number -> number.value == 3);
        assertThat(queue.size()).isEqualTo(2);
        assertThat(poll(9)).containsExactly(2, 4);
        assertThat(queue.size()).isZero();
        assertThat(queue.isEmpty()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4})
    void takesOutFromAnywhere(int taken) {
        offer(0, 1, 2, 3);
        assertThat(poll(taken)).hasSize(taken);
        offer(4, 5, 6);
        queue.removeIf(number -> number.value % 3 == 0);
        offer(7);
        List<Integer> left = new ArrayList<>(List.of(1, 2, 4, 5, 7));
        left.removeIf(value -> value < taken);
        assertThat(poll(9)).isEqualTo(left);
        offer(8);
        queue.removeIf(number -> true);
        assertThat(queue.isEmpty()).isTrue();
        assertThat(queue.size()).isZero();
        offer(9);
        assertThat(poll(9)).containsExactly(9);
    }

    @Test
    void losesNothingWhenThePredicateThrows() {
        offer(1, 2, 3, 4);
        assertThatThrownBy(() -> queue.removeIf(number -> {
                    if (number.value == 3) {
                        throw new IllegalStateException("on purpose");
                    }
                    return number.value == 2;
                }))
                .hasMessage("on purpose");
        assertThat(queue.size()).isEqualTo(3);
        offer(5);
        assertThat(poll(9)).containsExactly(1, 3, 4, 5);
    }

    @Test
    void anItemThatWasTakenMayBeOfferedAgain() {
        offer(1, 2);
        Numbered first = queue.poll();
        assertThat(first).isNotNull();
        queue.offer(first);
        assertThat(poll(9)).containsExactly(2, 1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @SuppressWarnings(
            "ThreadPriorityCheck") // more threads than processors: who finds nothing to do lets the others run
    void manyProducersLoseNothingAndKeepTheirOrder(int producers) throws Exception {
        int each = 300_000;
        List<FutureTask<Void>> running = new ArrayList<>();
        for (int p = 0; p < producers; p++) {
            int producer = p;
            Callable<Void> body = () -> {
                for (int i = 0; i < each; i++) {
                    queue.offer(new Numbered(producer, i));
                    if ((i & 1023) == 0) {
                        Thread.yield();
                    }
                }
                return null;
            };
            FutureTask<Void> task = new FutureTask<>(body);
            running.add(task);
            new Thread(task, "producer").start();
        }
        int[] next = new int[producers];
        for (int taken = 0; taken < producers * each; ) {
            Numbered number = queue.poll();
            if (number == null) {
                Thread.yield();
                continue;
            }
            assertThat(number.value).isEqualTo(next[number.producer]++);
            taken++;
        }
        for (FutureTask<Void> task : running) {
            task.get();
        }
        assertThat(queue.poll()).isNull();
        assertThat(queue.size()).isZero();
    }
}
