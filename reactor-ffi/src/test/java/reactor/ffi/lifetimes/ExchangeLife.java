package reactor.ffi.lifetimes;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.Exchange;
import reactor.ffi.ExchangeSink;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Pool;

/** A stream of questions. Each caller gets what reply was told to be in time, or the fallback. */
final class ExchangeLife extends Life implements CoreSubscriber<Exchange<Long, Long>> {

    private final Checks checks;
    private final AtomicLong asked = new AtomicLong();
    private final AtomicLong delivered = new AtomicLong();
    private final AtomicLong discarded = new AtomicLong();
    private final AtomicLong replied = new AtomicLong();

    /** One party for each reply that another thread is about to give, and one for the end. */
    private final Phaser elsewhere = new Phaser(1);

    private final CountDownLatch over = new CountDownLatch(1);
    private volatile @Nullable ExchangeSink<Long, Long> sink;
    private volatile @Nullable Subscription subscription;
    private volatile @Nullable MemorySegment userData;
    private volatile @Nullable MemorySegment pointer;

    ExchangeLife(World world, int id, Step step, Checks checks) {
        super(world, id, step);
        this.checks = checks;
        NativeFlux.<Long, Long>exchange(options().overflow(Overflow.block(2, Duration.ofSeconds(20))), this::register)
                .doOnDiscard(Exchange.class, exchange -> discarded.incrementAndGet())
                .subscribe(this);
    }

    private void register(ExchangeSink<Long, Long> made) {
        sink = made;
        made.onDispose(over::countDown);
        Duration limit = variety % 2 == 0 ? Duration.ofMillis(1) : Duration.ofSeconds(20);
        userData = made.userData();
        pointer = made.callback(
                type(OnAsk.class),
                (thread, sequence, at) -> {
                    checkArgument(checks, at);
                    maybeThrow();
                    asked.incrementAndGet();
                    long answer = made.ask(sequence + at, limit, Pool.FALLBACK);
                    handled.incrementAndGet();
                    return answer;
                },
                (thread, sequence, at) -> Pool.FALLBACK);
    }

    @Override
    public void onSubscribe(Subscription given) {
        subscription = given;
        if (variety % 4 != 0) {
            given.request(Long.MAX_VALUE);
        }
    }

    @Override
    public void onNext(Exchange<Long, Long> exchange) {
        delivered.incrementAndGet();
        switch (variety % 6) {
            case 0, 1 -> reply(exchange);
            case 2 -> exchange.fail(new Planned());
            case 3 -> exchange.refuse();
            case 4 -> {
                elsewhere.register();
                Schedulers.parallel().schedule(() -> {
                    reply(exchange);
                    elsewhere.arriveAndDeregister();
                });
            }
            default -> {
                // nobody answers: the limit, or the end, does
            }
        }
    }

    private void reply(Exchange<Long, Long> exchange) {
        if (exchange.reply(exchange.request())) {
            replied.incrementAndGet();
        }
        if (exchange.reply(0L)) {
            replied.addAndGet(1_000_000); // twice
        }
    }

    @Override
    public void onError(Throwable thrown) {
        over.countDown();
    }

    @Override
    public void onComplete() {
        over.countDown();
    }

    @Override
    @Nullable
    MemorySegment pointer() {
        return pointer;
    }

    @Override
    @Nullable
    MemorySegment userData() {
        return userData;
    }

    @Override
    void fire(Pool pool, int thread, int n) {
        pool.ask(thread, pointer, n, id, argument());
    }

    /** Nobody could answer. */
    @Override
    void fireHere(int n) {}

    @Override
    void request(int n) {
        subscription.request(n);
    }

    @Override
    void complete() {
        if (sink != null) {
            sink.complete();
        }
    }

    @Override
    void end() {
        subscription.cancel();
    }

    @Override
    boolean awaitOver() {
        try {
            if (!over.await(world.limit.toMillis(), TimeUnit.MILLISECONDS)) {
                return false;
            }
            world.awaitScheduler(); // it delivers no more
            elsewhere.awaitAdvanceInterruptibly(elsewhere.arrive(), world.limit.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException tooLong) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    void release() {
        if (sink != null && pointer != null) {
            sink.release(pointer);
        }
    }

    @Override
    void checkOwn(Checks checks, Counted metrics) {
        world.outcomes.replies.add(replied.get());
        checks.equal(this + ": questions", asked.get(), metrics.delivered() + metrics.discarded());
        checks.equal(this + ": delivered", metrics.delivered(), delivered.get());
        checks.equal(this + ": discarded", metrics.discarded(), discarded.get());
        checks.equal(this + ": refused calls", metrics.refusedCalls(), 0);
        checks.equal(this + ": right answers", world.pool.right(id), replied.get());
        checks.equal(this + ": fallbacks", world.pool.fallbacks(id), world.pool.calls(id) - replied.get());
    }
}
