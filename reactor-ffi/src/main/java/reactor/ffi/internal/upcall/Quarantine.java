package reactor.ffi.internal.upcall;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The inert slots of one C function type that native code may still call, oldest first. A slot leaves the quarantine when it
 * is due, which is old enough and with enough younger slots behind it; or early, if it was offered to its source. Not thread
 * safe: all calls hold the lock of its {@link Stubs}.
 */
final class Quarantine implements Iterable<Slot> {

    private final LinkedHashSet<Slot> slots = new LinkedHashSet<>();

    /** Those of them that were offered, by their source. No set is empty. */
    private final Map<SourceKey, LinkedHashSet<Slot>> offered = new HashMap<>();

    void add(Slot slot) {
        slots.add(slot);
    }

    /** Lets the source of a slot that waits here take it early. */
    void offer(Slot slot) {
        if (slots.contains(slot)) {
            offered.computeIfAbsent(slot.source, source -> new LinkedHashSet<>())
                    .add(slot);
        }
    }

    boolean remove(Slot slot) {
        LinkedHashSet<Slot> own = offered.get(slot.source);
        if (own != null && own.remove(slot) && own.isEmpty()) {
            offered.remove(slot.source);
        }
        return slots.remove(slot);
    }

    /**
     * Takes the oldest slot that was offered to the source if that is due, else the oldest slot of all if that is. The source
     * goes first because late calls on its slots would mean the same.
     */
    @Nullable
    Slot takeDue(SourceKey source) {
        if (slots.size() <= Limits.QUARANTINE_DEPTH || !isOld(slots.getFirst())) {
            return null;
        }
        LinkedHashSet<Slot> own = offered.get(source);
        Slot due = own != null && isDue(own.getFirst()) ? own.getFirst() : slots.getFirst();
        remove(due);
        return due;
    }

    private static boolean isOld(Slot slot) {
        return System.nanoTime() - slot.retiredAt >= Limits.QUARANTINE;
    }

    private boolean isDue(Slot slot) {
        if (!isOld(slot)) {
            return false;
        }
        int younger = 0;
        for (Slot other : slots.reversed()) {
            if (slot.equals(other)) {
                return false;
            }
            if (++younger == Limits.QUARANTINE_DEPTH) {
                break;
            }
        }
        return true;
    }

    /** Takes the oldest slot that was offered to the source, however young that slot is. */
    @Nullable
    Slot takeEarly(SourceKey source) {
        LinkedHashSet<Slot> own = offered.get(source);
        if (own == null) {
            return null;
        }
        Slot oldest = own.getFirst();
        remove(oldest);
        return oldest;
    }

    /** Returns how many slots are offered to the source. */
    int offered(SourceKey source) {
        LinkedHashSet<Slot> own = offered.get(source);
        return own == null ? 0 : own.size();
    }

    int size() {
        return slots.size();
    }

    /** Iterates from the oldest slot to the youngest. */
    @Override
    public Iterator<Slot> iterator() {
        return slots.iterator();
    }
}
