package reactor.ffi.samples.kafka;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;

/**
 * Sends batches, with a bound on the bytes that are in flight: the next batch is requested only while the largest possible
 * one has room. So a broker that is away holds the batches back, the batches the events, and these the native threads.
 *
 * <p>A {@code flatMap(send, n)} would do the same, but looks at all its inner publishers for each acknowledgement.
 */
final class AcknowledgedSend {

    private final Producer<byte[], byte[]> producer;
    private final String topic;
    private final int partitions;
    private final long bound;
    private final int mostBytes;

    private final AtomicLong inFlight = new AtomicLong();
    private final AtomicLong mostInFlight = new AtomicLong();
    private final LongAdder acknowledged = new LongAdder();
    private final LongAdder records = new LongAdder();
    private final LongAdder bytes = new LongAdder();

    /**
     * Makes a sender.
     *
     * @param bound most bytes in flight: sent, and not acknowledged
     * @param batch most events of a batch
     * @throws IllegalArgumentException if not even one batch fits
     */
    AcknowledgedSend(Producer<byte[], byte[]> producer, String topic, int partitions, long bound, int batch) {
        this.producer = producer;
        this.topic = topic;
        this.partitions = partitions;
        this.bound = bound;
        this.mostBytes = Batch.mostBytes(batch);
        if (bound < mostBytes) {
            throw new IllegalArgumentException(
                    "--in-flight is " + bound + " bytes; a batch of " + batch + " events may need " + mostBytes);
        }
    }

    /** Sends all; completes when all are acknowledged. {@link Producer#send} may block: give it a thread of its own by {@code publishOn}. */
    Mono<Void> all(Flux<Batch> batches) {
        return Mono.create(done -> batches.subscribe(new Sending(done)));
    }

    /** Events that the brokers have acknowledged. */
    long acknowledged() {
        return acknowledged.sum();
    }

    long records() {
        return records.sum();
    }

    /** Bytes of acknowledged values, before compression. */
    long bytes() {
        return bytes.sum();
    }

    long inFlight() {
        return inFlight.get();
    }

    /** The most bytes that were in flight at once. */
    long mostInFlight() {
        return mostInFlight.get();
    }

    private final class Sending extends BaseSubscriber<Batch> {

        private final MonoSink<Void> done;

        /** Records without an acknowledgement, and one for a source that has not completed. */
        private final AtomicInteger open = new AtomicInteger(1);

        /** True while a batch is requested and has not come: whoever sets it requests. */
        private final AtomicBoolean requested = new AtomicBoolean();

        Sending(MonoSink<Void> done) {
            this.done = done;
        }

        @Override
        protected void hookOnSubscribe(Subscription subscription) {
            done.onDispose(this);
            requestIfRoom();
        }

        private void requestIfRoom() {
            if (inFlight.get() + mostBytes <= bound && requested.compareAndSet(false, true)) {
                request(1);
            }
        }

        @Override
        @SuppressWarnings("FutureReturnValueIgnored") // the callback gets what the future would
        protected void hookOnNext(Batch batch) {
            ProducerRecord<byte[], byte[]> record = batch.toRecord(topic, partitions);
            int size = record.value().length + Batch.mostBytes(0);
            open.incrementAndGet();
            mostInFlight.accumulateAndGet(inFlight.addAndGet(size), Math::max);
            requested.set(false);
            try {
                producer.send(record, (metadata, error) -> acknowledge(batch, size, error));
            } catch (RuntimeException e) { // an error that the producer does not get over
                acknowledge(batch, size, e);
            }
            requestIfRoom();
        }

        /** On the producer's own thread: nothing here blocks, and the request is answered on another one. */
        private void acknowledge(Batch batch, int size, Exception error) {
            inFlight.addAndGet(-size);
            if (error != null) {
                cancel();
                done.error(error);
                return;
            }
            acknowledged.add(batch.size());
            records.increment();
            bytes.add(size - Batch.mostBytes(0)); // the values alone
            leave();
            requestIfRoom();
        }

        private void leave() {
            if (open.decrementAndGet() == 0) {
                done.success();
            }
        }

        @Override
        protected void hookOnComplete() {
            leave();
        }

        @Override
        protected void hookOnError(Throwable error) {
            done.error(error);
        }
    }
}
