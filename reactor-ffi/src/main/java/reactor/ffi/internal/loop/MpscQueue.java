package reactor.ffi.internal.loop;

import java.lang.invoke.ConstantBootstraps;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A first-in first-out queue without a limit, of many producers and one consumer, whose items carry their own links.
 *
 * <p>Producers push on a stack. When the consumer has taken all that it had, it takes the whole stack, and turns it round.
 *
 * <p>An Error may come anywhere: at the end of the heap, or of the stack, which a handler may use up. Here it comes before an
 * item is queued, or not at all, and takes nothing from the queue: to offer is one compare-and-set, to take the stack is one,
 * each is the last call that is made, and plain loads and stores, which need neither memory nor stack, do the rest. A
 * {@code getAndSet} would not do, because a VarHandle's goes on to check the type of what it returns.
 *
 * @param <T> the items
 */
public final class MpscQueue<T extends MpscQueue.Item> extends MpscQueueFields.Back {

    private static final VarHandle NEWEST = ConstantBootstraps.fieldVarHandle(
            MethodHandles.lookup(), "newest", VarHandle.class, MpscQueueFields.Producer.class, MpscQueue.Item.class);

    static {
        link();
    }

    /** The first use of a VarHandle allocates: an end for want of memory must not be the first. */
    private static void link() {
        MpscQueue<Item> queue = new MpscQueue<>();
        queue.offer(new Item() {});
        queue.offer(new Item() {});
        queue.removeIf(item -> queue.size() == 2);
        Object ignored = queue.poll();
    }

    /** An item, which is in one queue at a time. */
    public abstract static class Item {

        /**
         * While the item is in the stack, the item that was offered before it; afterwards, the item that
         * was offered after it.
         */
        @Nullable
        Item next;

        /** How many items are in the stack, from its bottom up to this item. */
        int height;

        /** For a subclass. */
        protected Item() {}
    }

    /** An empty queue. */
    public MpscQueue() {}

    /**
     * Queues an item. Any thread. With the effects of a volatile write.
     *
     * @param item is not queued anywhere
     */
    public void offer(T item) {
        Item top;
        do {
            top = newest;
            item.next = top;
            item.height = top == null ? 1 : top.height + 1;
        } while (!NEWEST.compareAndSet(this, top, item));
    }

    /**
     * The number of items. Any thread: those that are taken meanwhile may be counted or not.
     *
     * @return not negative
     */
    public int size() {
        Item top = newest;
        return taken + (top == null ? 0 : top.height);
    }

    /**
     * Whether there is nothing to take. The consumer only. With the effects of a volatile read.
     *
     * @return true if {@link #poll} returns null
     */
    public boolean isEmpty() {
        return first == null && newest == null;
    }

    /**
     * Takes the oldest item. The consumer only.
     *
     * @return null if there is none
     */
    @SuppressWarnings("unchecked") // only offer puts items in
    public @Nullable T poll() {
        Item oldest = first;
        if (oldest == null) {
            takeIn();
            oldest = first;
            if (oldest == null) {
                return null;
            }
        }
        first = oldest.next;
        if (first == null) {
            last = null;
        }
        oldest.next = null;
        taken--;
        return (T) oldest;
    }

    /**
     * Removes all items that the predicate accepts. The consumer only. What the predicate throws comes through, and
     * harms nothing.
     */
    @SuppressWarnings("unchecked") // only offer puts items in
    void removeIf(Predicate<? super T> gone) {
        takeIn();
        Item before = null;
        Item item = first;
        while (item != null) {
            Item next = item.next;
            if (!gone.test((T) item)) {
                before = item;
            } else {
                if (before == null) {
                    first = next;
                } else {
                    before.next = next;
                }
                if (next == null) {
                    last = before;
                }
                item.next = null;
                taken--;
            }
            item = next;
        }
    }

    /** Takes the stack, and appends it to what was taken before. Nothing is called once the stack is empty. */
    private void takeIn() {
        Item top;
        do {
            top = newest;
            if (top == null) {
                return;
            }
        } while (!NEWEST.compareAndSet(this, top, null));
        Item tail = last;
        last = top;
        Item later = null;
        Item item = top;
        while (item != null) {
            Item earlier = item.next;
            item.next = later;
            later = item;
            item = earlier;
            taken++;
        }
        if (tail == null) {
            first = later;
        } else {
            tail.next = later;
        }
    }
}
