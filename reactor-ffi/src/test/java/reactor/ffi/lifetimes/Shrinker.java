package reactor.ffi.lifetimes;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Makes a failing sequence as short and as plain as it can be while it still fails. */
final class Shrinker {

    private final Predicate<List<Step>> fails;
    private final long deadline;
    private List<Step> steps;

    /** A sequence may fail now and then only: who asks whether it does repeats it. */
    private Shrinker(List<Step> failing, Predicate<List<Step>> fails, long nanos) {
        this.steps = failing;
        this.fails = fails;
        this.deadline = System.nanoTime() + nanos;
    }

    static List<Step> shrink(List<Step> failing, Predicate<List<Step>> fails, long nanos) {
        Shrinker shrinker = new Shrinker(failing, fails, nanos);
        boolean progress = true;
        while (progress) {
            progress = shrinker.shorten();
            progress |= shrinker.simplify();
        }
        return shrinker.steps;
    }

    private boolean shorten() {
        boolean progress = false;
        for (int chunk = Math.max(1, steps.size() / 2); chunk >= 1; chunk /= 2) {
            int from = 0;
            while (from + chunk <= steps.size()) {
                List<Step> shorter = new ArrayList<>(steps);
                shorter.subList(from, from + chunk).clear();
                if (accept(shorter)) {
                    progress = true;
                } else {
                    from++;
                }
            }
        }
        return progress;
    }

    private boolean simplify() {
        boolean progress = false;
        for (int i = 0; i < steps.size(); i++) {
            Step step = steps.get(i);
            for (Step simpler : List.of(
                    step.with(0, 0, 1),
                    step.with(0, step.thread(), step.amount()),
                    step.with(step.target(), 0, step.amount()),
                    step.with(step.target(), step.thread(), (step.amount() + 1) / 2))) {
                if (!simpler.equals(steps.get(i)) && isSmaller(simpler, steps.get(i))) {
                    List<Step> candidate = new ArrayList<>(steps);
                    candidate.set(i, simpler);
                    progress |= accept(candidate);
                }
            }
        }
        return progress;
    }

    private static boolean isSmaller(Step one, Step other) {
        return one.target() <= other.target() && one.thread() <= other.thread() && one.amount() <= other.amount();
    }

    private boolean accept(List<Step> candidate) {
        if (candidate.isEmpty() || System.nanoTime() - deadline > 0 || !fails.test(candidate)) {
            return false;
        }
        steps = candidate;
        return true;
    }
}
