package reactor.ffi.lifetimes;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.ForkedJvm;

/**
 * Random sequences of all that can be done to streams, exchanges, callbacks, confined values and their scheduler, by native threads, against a
 * simple model. A sequence that fails is shrunk and printed with its seed.
 */
class RandomLifetimesIT {

    /** System property: how many sequences. */
    private static final String SEQUENCES = "reactor.ffi.lifetimes.sequences";

    /** System property: the first one's seed; the next has the next. */
    private static final String SEED = "reactor.ffi.lifetimes.seed";

    @Test
    void everySequenceAddsUpAndEveryAnswerIsRightOrTheFallback() {
        long sequences = Long.getLong(SEQUENCES, 10_000);
        long seed = Long.getLong(SEED, System.nanoTime() & 0xFFFF_FFFFL);
        System.out.printf("%d sequences from seed %d on (-D%s=%d)%n", sequences, seed, SEED, seed);
        ForkedJvm.of(Sequences.class)
                .arguments(Long.toString(seed), Long.toString(sequences))
                .jvmOptions("-Dorg.slf4j.simpleLogger.log.reactor.ffi.internal.loop.Errors=off") // what is planned
                .timeout(Duration.ofMillis(60_000 + 50 * sequences))
                .run()
                .assertExitedCleanly()
                .assertOut("accounting exact");
    }

    static final class Sequences {

        /** What fails now and then only has so many chances to fail again. */
        private static final int TRIES = 40;

        /** In so many sequences everything happens. */
        private static final int ALL_OUTCOMES = 1_000;

        private World world = new World(Duration.ofSeconds(1));

        /** What the last sequence that failed has broken. */
        private List<String> broken = List.of();

        public static void main(String[] args) {
            long seed = Long.parseLong(args[0]);
            long sequences = Long.parseLong(args[1]);
            long begun = System.nanoTime();
            try (World world = new World(Duration.ofSeconds(10))) {
                for (long i = 0; i < sequences; i++) {
                    List<Step> steps = Step.sequence(seed + i);
                    List<String> broken = world.run(steps);
                    if (!broken.isEmpty()) {
                        report(seed + i, steps, broken);
                        System.exit(1);
                    }
                }
                System.out.println(world.outcomes);
                if (sequences >= ALL_OUTCOMES && !world.outcomes.missing().isEmpty()) {
                    throw new AssertionError("never happened: " + world.outcomes.missing());
                }
            }
            System.out.printf(
                    "accounting exact: %d sequences in %d ms%n",
                    sequences, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
        }

        private static void report(long seed, List<Step> steps, List<String> broken) {
            System.out.printf("seed %d (-D%s=%d -D%s=1):%n%s%n", seed, SEED, seed, SEQUENCES, lines(steps));
            System.out.println("is broken: " + broken);
            Sequences again = new Sequences();
            List<Step> shrunk = Shrinker.shrink(steps, again::fails, TimeUnit.SECONDS.toNanos(20));
            System.out.printf("shrunk from %d steps to %d:%n%s%n", steps.size(), shrunk.size(), lines(shrunk));
            System.out.println("is broken: " + (again.broken.isEmpty() ? "not in a second run" : again.broken));
        }

        /** A world in which something went wrong is left as it is: its threads may hang. */
        private boolean fails(List<Step> steps) {
            for (int i = 0; i < TRIES; i++) {
                List<String> found = world.run(steps);
                if (!found.isEmpty()) {
                    broken = found;
                    world = new World(Duration.ofSeconds(1));
                    return true;
                }
            }
            return false;
        }

        private static String lines(List<Step> steps) {
            return steps.stream().map(step -> "    " + step).collect(Collectors.joining("\n"));
        }
    }
}
