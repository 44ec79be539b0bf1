package reactor.ffi.forked;

/** What user code may throw, the way it comes about in real life. */
enum Thrown {
    RUNTIME_EXCEPTION(IllegalStateException.class) {
        @Override
        void raise() {
            throw new IllegalStateException("on purpose");
        }
    },
    ERROR(AssertionError.class) {
        @Override
        void raise() {
            throw new AssertionError("on purpose");
        }
    },
    STACK_OVERFLOW(StackOverflowError.class) {
        @Override
        @SuppressWarnings("InfiniteRecursion")
        void raise() {
            raise();
        }
    },
    OUT_OF_MEMORY(OutOfMemoryError.class) {
        @Override
        void raise() {
            Object[] last = null;
            while (true) {
                last = new Object[] {last, new long[1 << 16]};
            }
        }
    };

    final Class<? extends Throwable> type;

    Thrown(Class<? extends Throwable> type) {
        this.type = type;
    }

    abstract void raise();
}
