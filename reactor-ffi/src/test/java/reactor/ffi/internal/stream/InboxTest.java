package reactor.ffi.internal.stream;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;

/** What the consumer takes at one look of what is queued, and what it leaves for the next. */
class InboxTest {

    private final CallbackScheduler scheduler = CallbackScheduler.create("inbox");

    @AfterEach
    void end() {
        scheduler.close();
    }

    /** So many values are queued while the scheduler is busy; then no producer calls any more. */
    @ParameterizedTest
    @CsvSource({"8192, 40, 40", "8192, 48, 48", "8192, 100, 64", "8192, 250, 208", "1023, 100, 100", "1024, 100, 64"})
    void takesAllOrLeavesTheNewestToTheNextLook(int capacity, int queued, int first) throws Exception {
        takes(Overflow.block(capacity, Duration.ofSeconds(10)), queued, first);
    }

    @ParameterizedTest
    @CsvSource({"100, 100", "250, 250"})
    void leavesNothingToProducersThatTakeFromTheQueueToo(int queued, int first) throws Exception {
        takes(Overflow.dropOldest(8192), queued, first);
    }

    private void takes(Overflow overflow, int queued, int first) throws Exception {
        CompletableFuture<MemorySegment> pointer = new CompletableFuture<>();
        List<Long> values = new CopyOnWriteArrayList<>();
        CompletableFuture<Integer> atTheFirstLook = new CompletableFuture<>();
        Disposable subscription = NativeFlux.<Long>create(
                        CallbackOptions.named("inbox").on(scheduler).overflow(overflow),
                        sink -> pointer.complete(
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence))))
                .subscribe(value -> {
                    if (values.isEmpty()) {
                        scheduler.schedule(() -> atTheFirstLook.complete(values.size())); // between two looks
                    }
                    values.add(value);
                });
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        scheduler.schedule(() -> {
            busy.countDown();
            awaitLatch(go);
        });
        awaitLatch(busy);
        Calls.fromThreads(pointer.get(10, SECONDS), 1, queued, 0);
        go.countDown();
        assertThat(atTheFirstLook.get(10, SECONDS)).isEqualTo(first);
        await().until(() -> values.size() == queued);
        assertThat(values)
                .containsExactlyElementsOf(LongStream.range(0, queued).boxed().toList());
        subscription.dispose();
    }
}
