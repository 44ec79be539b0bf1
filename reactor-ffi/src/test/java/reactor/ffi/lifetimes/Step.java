package reactor.ffi.lifetimes;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * One step of a sequence. All is drawn beforehand and means something wherever it stands, so that a sequence is still one
 * when steps are taken out of it: a target counts modulo the lives that there are, and where there is none, or it has no
 * such thing, the step does nothing.
 *
 * @param kind what is done
 * @param target to which life
 * @param thread which native thread does it; of what is made: an odd one makes it share its pointer
 * @param amount how often, how long, or which variety
 */
record Step(Kind kind, int target, int thread, int amount) {

    /** What is done. The weight says how often. */
    enum Kind {
        SUBSCRIBE(4),
        EXCHANGE(4),
        CREATE(4),
        CONFINE(4),
        FIRE(14),
        FIRE_ON_SCHEDULER(4),
        REQUEST(5),
        COMPLETE(2),
        FAIL(1),
        END(3),
        THROW(3),
        REF(2),
        UNREF(3),
        REF_SCHEDULER(1),
        UNREF_SCHEDULER(1),
        LEND(3),
        BUSY(2),
        PAUSE(4),
        AWAIT_CALLS(10),
        DISPOSE(1);

        private final int weight;

        Kind(int weight) {
            this.weight = weight;
        }
    }

    static final int THREADS = 4;
    static final int MOST = 24;

    private static final List<Kind> KINDS = new ArrayList<>();

    static {
        for (Kind kind : Kind.values()) {
            for (int i = 0; i < kind.weight; i++) {
                KINDS.add(kind);
            }
        }
    }

    /** About MOST steps at most, the first of which makes something. */
    static List<Step> sequence(long seed) {
        Random random = new Random(seed);
        List<Step> steps = new ArrayList<>();
        steps.add(draw(random, random.nextBoolean() ? Kind.SUBSCRIBE : Kind.CREATE));
        int length = 3 + random.nextInt(MOST - 3);
        while (steps.size() < length) {
            steps.add(draw(random, KINDS.get(random.nextInt(KINDS.size()))));
        }
        if (random.nextBoolean()) {
            steps.add(draw(random, Kind.AWAIT_CALLS));
        }
        return steps;
    }

    private static Step draw(Random random, Kind kind) {
        return new Step(kind, random.nextInt(3), random.nextInt(THREADS), 1 + random.nextInt(24));
    }

    /** The same with less of it. */
    Step with(int target, int thread, int amount) {
        return new Step(kind, target, thread, amount);
    }

    @Override
    public String toString() {
        return kind + "(target " + target + ", thread " + thread + ", amount " + amount + ")";
    }
}
