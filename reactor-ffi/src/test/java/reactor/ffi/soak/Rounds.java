package reactor.ffi.soak;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The same again and again, on a thread of its own, until it is stopped or fails. */
final class Rounds {

    /** One of them. */
    @FunctionalInterface
    interface Round {
        void run(long number) throws Exception;
    }

    private final Thread thread;
    private final Faults faults;
    private final Round round;
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile long done;

    Rounds(String name, Faults faults, Round round) {
        this.thread = new Thread(this::run, "soak-" + name);
        this.faults = faults;
        this.round = round;
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void run() {
        try {
            for (long number = 0; !isStopped(); number++) {
                round.run(number);
                done = number + 1;
            }
        } catch (Exception | Error e) {
            faults.add(thread.getName(), e);
        }
    }

    boolean isStopped() {
        return stopped.getCount() == 0;
    }

    /** Lets time pass between two rounds; not longer than to the end. */
    void pause(long millis) throws InterruptedException {
        stopped.await(millis, TimeUnit.MILLISECONDS);
    }

    /** The round that is on its way is the last. */
    void stop() throws InterruptedException {
        stopped.countDown();
        thread.join(TimeUnit.MINUTES.toMillis(1));
        if (thread.isAlive()) {
            IllegalStateException hangs = new IllegalStateException("does not end");
            hangs.setStackTrace(thread.getStackTrace());
            faults.add(thread.getName(), hangs);
        }
    }

    long done() {
        return done;
    }
}
