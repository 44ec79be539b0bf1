package reactor.ffi;

import java.lang.foreign.MemorySegment;
import org.reactivestreams.Publisher;
import org.reactivestreams.tck.PublisherVerification;
import org.reactivestreams.tck.TestEnvironment;
import org.testng.annotations.AfterClass;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;

/** The Reactive Streams TCK; a native thread of its own fires the events of each subscription. */
public class NativeFluxTckTest extends PublisherVerification<Long> {

    private static final long DEFAULT_TIMEOUT_MILLIS = 2_000;
    private static final long NO_SIGNALS_TIMEOUT_MILLIS = 100;

    private final CallbackScheduler scheduler = CallbackScheduler.create("tck");
    private final CallbackOptions options = CallbackOptions.named("tck").on(scheduler);

    public NativeFluxTckTest() {
        super(new TestEnvironment(DEFAULT_TIMEOUT_MILLIS, NO_SIGNALS_TIMEOUT_MILLIS), DEFAULT_TIMEOUT_MILLIS);
    }

    @AfterClass
    public void disposeOfTheScheduler() {
        scheduler.disposeGracefully().block();
    }

    @Override
    public Publisher<Long> createPublisher(long elements) {
        return NativeFlux.create(options, sink -> {
            MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                sink.next(sequence);
                if (sequence == elements - 1) {
                    sink.complete();
                }
            });
            Source source = Source.events(pointer, 0);
            sink.onDispose(source::close);
            if (elements == 0) {
                sink.complete();
            } else {
                source.start(1, elements == Long.MAX_VALUE ? -1 : elements, 0);
            }
        });
    }

    /** A handler that throws. */
    @Override
    public Publisher<Long> createFailedPublisher() {
        return NativeFlux.create(options, sink -> {
            MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                throw new IllegalStateException("the sensor is gone");
            });
            Source source = Source.events(pointer, 0);
            sink.onDispose(source::close);
            source.start(1, 1, 0);
        });
    }
}
