package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CoverageTest {

    @Test
    void countsEachNumberOnceAndEachRepetition() {
        Coverage coverage = new Coverage();
        coverage.add(1, 0, 10);
        coverage.add(1, 20, 10);
        assertThat(coverage.covered()).isEqualTo(20);
        coverage.add(1, 10, 10); // what was between
        assertThat(coverage.covered()).isEqualTo(30);
        assertThat(coverage.doubled()).isZero();
        coverage.add(1, 5, 20);
        assertThat(coverage.covered()).isEqualTo(30);
        assertThat(coverage.doubled()).isEqualTo(20);
        coverage.add(2, 5, 20); // another source
        assertThat(coverage.doubled()).isEqualTo(20);
    }

    @Test
    void agreesWithACountOfEachNumber() {
        Random random = new Random(42);
        for (int round = 0; round < 200; round++) {
            Coverage coverage = new Coverage();
            Map<Long, Integer> counts = new HashMap<>();
            for (int i = 0; i < 30; i++) {
                long first = random.nextInt(100);
                long length = random.nextInt(12);
                coverage.add(0, first, length);
                for (long number = first; number < first + length; number++) {
                    counts.merge(number, 1, Integer::sum);
                }
            }
            assertThat(coverage.covered()).isEqualTo(counts.size());
            assertThat(coverage.doubled())
                    .isEqualTo(counts.values().stream().mapToInt(n -> n - 1).sum());
        }
    }
}
