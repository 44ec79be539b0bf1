package reactor.ffi.internal.loop;

/** A source that has nothing to do; a race gives it what it needs. */
class QuietSource extends LoopSource {

    QuietSource(Sources sources) {
        super(sources);
    }

    @Override
    protected boolean drain(int budget) {
        return false;
    }

    @Override
    protected boolean hasWork() {
        return false;
    }

    @Override
    protected void end(Throwable cause) {}

    @Override
    protected void exit() {}

    @Override
    protected boolean runsOn(Thread thread) {
        return false;
    }
}
