package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.WrongMethodTypeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;
import reactor.ffi.fixture.Recorder;
import reactor.ffi.fixture.TestScheduler;

/** The trap of a lambda that is nothing but an {@code invokeExact}. */
class InvokeExactTest {

    @RegisterExtension
    final TestScheduler loop = new TestScheduler("InvokeExactTest");

    private final CallbackScheduler scheduler = loop.scheduler;
    private final CallbackOptions options = loop.options;

    private static final String CURE = "write braces, () -> { handle.invokeExact(x); }";

    private static final MethodHandle STOP;

    static {
        try {
            STOP = MethodHandles.lookup()
                    .findStatic(InvokeExactTest.class, "stop", MethodType.methodType(void.class, MemorySegment.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // called by its handle
    private static void stop(MemorySegment handle) {}

    private static void registerBy(NativeSink<Long> sink, String place) {
        MemorySegment handle = sink.arena().allocate(ValueLayout.JAVA_LONG);
        switch (place) {
            case "onDispose" -> {
                sink.onDispose(() -> STOP.invokeExact(handle));
                sink.complete();
            }
            case "onRequest" -> sink.onRequest(n -> STOP.invokeExact(handle));
            default -> sink.runLoop(() -> STOP.invokeExact(handle));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onDispose", "onRequest", "runs"})
    void theErrorOfAStreamNamesTheBraces(String place) throws Exception {
        Recorder recorder = new Recorder(1);
        NativeFlux.<Long>create(options, sink -> registerBy(sink, place)).subscribe(recorder);
        assertThat(recorder.error())
                .isInstanceOf(WrongMethodTypeException.class)
                .hasMessageContaining(CURE)
                .cause()
                .isInstanceOf(WrongMethodTypeException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"create", "share"})
    void soDoesThatOfARegistration(String kind) throws Exception {
        Recorder recorder = new Recorder(1);
        Registration<NativeSink<Long>> registration = sink -> STOP.invokeExact(MemorySegment.NULL);
        Flux<Long> flux = kind.equals("create")
                ? NativeFlux.create(options, registration)
                : NativeFlux.share(options, registration);
        flux.subscribe(recorder);
        assertThat(recorder.error())
                .isInstanceOf(WrongMethodTypeException.class)
                .hasMessageContaining(CURE);
    }

    @Test
    void soDoesThatOfABlockingCall() throws Exception {
        loop.run(() -> {
            assertThatThrownBy(() -> scheduler.runBlocking(() -> STOP.invokeExact(MemorySegment.NULL)))
                    .isInstanceOf(WrongMethodTypeException.class)
                    .hasMessageContaining(CURE);
            return true;
        });
    }

    @Test
    void withBracesThereIsNoError() throws Exception {
        Recorder recorder = new Recorder(1);
        NativeFlux.<Long>create(options, sink -> {
                    sink.onDispose(() -> {
                        STOP.invokeExact(MemorySegment.NULL);
                    });
                    sink.complete();
                })
                .subscribe(recorder);
        assertThat(recorder.end()).startsWith("onComplete");
    }
}
