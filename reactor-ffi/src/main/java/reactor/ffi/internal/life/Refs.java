package reactor.ffi.internal.life;

import org.jspecify.annotations.Nullable;

/** The count that a user moves with ref and unref. Above zero it holds one token of {@link KeepAlive}. Any thread. */
public final class Refs {

    /** Never below zero. Guarded by this, as is the token, which is there just while it is above zero. */
    private int count;

    private KeepAlive.@Nullable Token token;

    /** The new count. */
    public synchronized int ref() {
        if (count == Integer.MAX_VALUE) {
            throw new IllegalStateException("more than " + Integer.MAX_VALUE + " refs; a ref without its unref?");
        }
        if (token == null) {
            token = KeepAlive.acquire();
        }
        return ++count;
    }

    /** The new count. */
    public synchronized int unref() {
        if (count > 0 && --count == 0 && token != null) {
            token.release();
            token = null;
        }
        return count;
    }

    /** Zero or more. */
    public synchronized int count() {
        return count;
    }

    /** Takes back all that is left. */
    public synchronized void clear() {
        count = Math.min(count, 1);
        unref();
    }
}
