package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Two bare threads that sleep in {@code park} and wake each other with {@code unpark}: the least that a hand-over can cost
 * when both sides sleep.
 */
final class ParkUnpark implements Workload {

    private static final int NONE = Integer.MIN_VALUE;

    private final NativeSource source = new NativeSource();
    private final Answered answered = new Answered(source);
    private volatile Thread asker;
    private volatile int question = NONE;
    private volatile int answer = NONE;
    private final Thread server = new Thread(this::serve, "server");
    private final MemorySegment asking = NativeSource.question(this::ask);

    private volatile long sent;
    private long[] delays = new long[0];
    private final AtomicInteger received = new AtomicInteger();
    private final Thread receiver = new Thread(this::receive, "receiver");
    private final MemorySegment sending = NativeSource.onEvent((now, value) -> {
        sent = now;
        LockSupport.unpark(receiver);
    });

    ParkUnpark() {
        server.setDaemon(true);
        receiver.setDaemon(true);
        server.start();
        receiver.start();
    }

    @Override
    public Figures run(Measure measure, int size, int count) throws Throwable {
        return switch (measure) {
            case ANSWERED_PARKED -> answered.afterPauses(asking, count);
            case WAKE -> Figures.percentiles(wake(count));
            default -> throw Workload.not(measure);
        };
    }

    private int ask(int value) {
        asker = Thread.currentThread();
        answer = NONE;
        question = value;
        LockSupport.unpark(server);
        while (answer == NONE) {
            LockSupport.park(this);
        }
        return answer;
    }

    private void serve() {
        while (true) {
            while (question == NONE) {
                LockSupport.park(this);
            }
            int value = question;
            question = NONE;
            answer = value + 1;
            LockSupport.unpark(asker);
        }
    }

    private long[] wake(int count) throws Throwable {
        if (delays.length == 0) {
            wake(Sleeps.WARM_UP, Sleeps.BRIEFLY); // so brief that one event may overtake another
        }
        int received = wake(count, Duration.ofMillis(5));
        if (received != count) {
            throw new IllegalStateException("of " + count + " events " + received + " arrived");
        }
        return delays;
    }

    private int wake(int count, Duration silence) throws Throwable {
        delays = new long[count];
        received.set(0);
        source.startSilent(sending, count, silence);
        source.join();
        while (sent != 0) { // the last one is under way
            Thread.onSpinWait();
        }
        return received.get();
    }

    private void receive() {
        while (true) {
            while (sent == 0) {
                LockSupport.park(this);
            }
            long now = source.now();
            delays[received.getAndIncrement()] = now - sent;
            sent = 0;
        }
    }
}
