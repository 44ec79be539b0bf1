package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Which user data live, and which have ended. An index is free for other user data once nothing can come by the old one any
 * more that would have to find it: no late call that needs its fallback or its arena, and no handler that still runs, since
 * what the next registration waits for at its end are the calls inside the same slots.
 *
 * <p>Ended user data without fallback and arena is free at once where all handlers are known to have left. With one of them
 * it is kept for the time of the quarantine, and let go of by {@link Sweeper}. Where a handler may still run, it waits until
 * the next look finds none.
 */
public final class Lives {

    /** At least as many have to wait before the next look, because each look costs a {@link HeavyBarrier}. */
    private static final int LOOK = 16;

    /** No SecureRandom: that reads a file, on a scheduler's thread perhaps. The key is against accidents, not against foes. */
    private static final Lives ALL = new Lives(new Tokens(new SplittableRandom(), Tokens.INDEX_BITS, Tokens.LIFE_BITS));

    static {
        Sweeper.add(ALL::sweep);
    }

    @GuardedBy("this")
    private final Tokens tokens;

    /** Ended, with a fallback or an arena: oldest first. */
    @GuardedBy("this")
    private final LinkedHashSet<UserData> kept = new LinkedHashSet<>();

    /** Ended, and perhaps with a handler that still runs. */
    @GuardedBy("this")
    private final LinkedHashSet<UserData> leaving = new LinkedHashSet<>();

    /** How many of these the last look has left. */
    @GuardedBy("this")
    private int stayed;

    Lives(Tokens tokens) {
        this.tokens = tokens;
    }

    static Lives all() {
        return ALL;
    }

    /** Returns how many ended user data are kept until late calls are no longer expected. */
    public static int quarantined() {
        return ALL.kept();
    }

    private synchronized int kept() {
        return kept.size();
    }

    /** Returns how many indexes were given out, again and again. */
    synchronized int indexes() {
        return tokens.indexes();
    }

    synchronized long take() {
        if (!tokens.hasFree() && leaving.size() >= 2 * stayed + LOOK) {
            look();
        }
        return tokens.take();
    }

    /**
     * Ends user data, once. Where that fails, for want of memory, it has not ended, and can be asked for again.
     *
     * @param keep whether late calls need what it has
     */
    synchronized void end(UserData ended, boolean keep) {
        if (ended.hasEnded) {
            return;
        }
        if (keep) {
            kept.add(ended);
            ended.endedAt = System.nanoTime();
            ended.hasEnded = true;
            if (kept.size() > Ceiling.limit()) {
                leave(kept.getFirst());
            }
            Sweeper.request();
        } else if (ended.hasLeft()) {
            ended.hasEnded = true;
            tokens.free(ended.token);
        } else {
            leaving.add(ended);
            ended.hasEnded = true;
        }
    }

    /** Late calls no longer need what it has. */
    synchronized void letGo(UserData ended) {
        if (kept.contains(ended)) {
            leave(ended);
        }
    }

    @GuardedBy("this")
    private void leave(UserData ended) {
        ended.silence();
        leaving.add(ended); // a late call may be inside its fallback
        kept.remove(ended); // last: without memory nothing has changed
    }

    /** Frees those that no call is inside of. */
    @GuardedBy("this")
    private void look() {
        Set<Integer> held = NativeThreads.held();
        for (Iterator<UserData> each = leaving.iterator(); each.hasNext(); ) {
            UserData ended = each.next();
            if (ended.isOutside(held)) {
                each.remove();
                tokens.free(ended.token);
            }
        }
        stayed = leaving.size();
    }

    /**
     * Lets go of the fallbacks and arenas where the quarantine is over.
     *
     * @return whether there are others, for which it is not
     */
    synchronized boolean sweep() {
        long now = System.nanoTime();
        while (!kept.isEmpty() && now - kept.getFirst().endedAt >= Limits.QUARANTINE) {
            leave(kept.getFirst());
        }
        return !kept.isEmpty();
    }
}
