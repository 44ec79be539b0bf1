package reactor.ffi.internal.upcall;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Which user data live, and which have ended. The index of ended user data is free for other user data when two things are
 * sure. No late call needs the fallback or the arena any more. And no handler of the old user data still runs, because the
 * next registration with that index waits at its end for all calls inside the same slots.
 *
 * <p>The index of ended user data without fallback and arena is free at once if all handlers are known to have left. With a
 * fallback or an arena the user data is kept for the time of the quarantine, until {@link Sweeper} lets go of it. If a
 * handler may still run, the user data waits until a later look finds no thread inside.
 */
public final class Lives {

    /** How many user data have to wait, at least, before the next look, because each look costs a {@link HeavyBarrier}. */
    private static final int LOOK = 16;

    /**
     * The user data of this JVM. A SecureRandom would read a file, perhaps on a scheduler's thread; the key is to prevent
     * accidents, not attacks.
     */
    private static final Lives ALL = new Lives(new Tokens(new SplittableRandom(), Tokens.INDEX_BITS, Tokens.LIFE_BITS));

    static {
        Sweeper.add(ALL::sweep);
    }

    @GuardedBy("this")
    private final Tokens tokens;

    /** The ended user data with a fallback or an arena, oldest first. */
    @GuardedBy("this")
    private final LinkedHashSet<UserData> kept = new LinkedHashSet<>();

    /** The ended user data of which a handler may still run. */
    @GuardedBy("this")
    private final LinkedHashSet<UserData> leaving = new LinkedHashSet<>();

    /** How many entries of {@code leaving} were there after the last look. */
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

    /** Returns how many different indexes were given out so far. */
    synchronized int indexes() {
        return tokens.indexes();
    }

    /** Takes a token, after a look for indexes that have become free. */
    synchronized long take() {
        if (!tokens.hasFree() && leaving.size() >= 2 * stayed + LOOK) {
            look();
        }
        return tokens.take();
    }

    /**
     * Ends user data; a second call does nothing. If this fails for want of memory, the user data has not ended, and the call
     * can be repeated.
     *
     * @param keep whether late calls need the fallback or the arena
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

    /** Lets go of the fallback and the arena of ended user data, which late calls no longer need. */
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

    /** Frees the indexes of ended user data whose callbacks no thread is inside of. */
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
     * Lets go of the fallbacks and arenas of user data whose quarantine is over.
     *
     * @return whether other user data is still in quarantine
     */
    synchronized boolean sweep() {
        long now = System.nanoTime();
        while (!kept.isEmpty() && now - kept.getFirst().endedAt >= Limits.QUARANTINE) {
            leave(kept.getFirst());
        }
        return !kept.isEmpty();
    }
}
