package reactor.ffi.forked;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.Registration;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Source;

/** A cancel is safe wherever it comes from. The source frees its context in stop, and sees who uses it after. */
class CancelIT {

    @Test
    void aCancelFromAnywhereUnregistersOnceAndTheJvmExits() {
        ForkedJvmResult result = ForkedJvm.run(Everywhere.class).assertExitedCleanly();
        assertThat(result.out().lines())
                .containsExactly(
                        "in onSubscribe: cancelled",
                        "in onNext: registered, unregistered, cancelled",
                        "in the handler, on its native thread: registered, unregistered, cancelled",
                        "in the handler, on the scheduler's thread: registered, unregistered, cancelled",
                        "below C, delivered on the scheduler's thread: registered, unregistered, cancelled",
                        "in the registration: registered, unregistered, cancelled",
                        "by another thread, in the registration: registered, unregistered, cancelled",
                        "by the scheduler's disposal: registered, unregistered, cancelled",
                        "C errors 0");
    }

    static final class Everywhere {

        private static final CallbackScheduler SCHEDULER = CallbackScheduler.create("cancel");

        public static void main(String[] args) throws Exception {
            Case onSubscribe = new Case("in onSubscribe");
            onSubscribe.flux(onSubscribe::source).doOnSubscribe(s -> s.cancel()).subscribe();
            onSubscribe.unregistered.countDown(); // never registered
            onSubscribe.end();

            Case onNext = new Case("in onNext");
            onNext.flux(onNext::source).take(1).subscribe();
            onNext.end();

            Case handler = new Case("in the handler, on its native thread");
            handler.handled = handler.subscription::dispose;
            handler.subscription.update(handler.flux(handler::source).subscribe());
            handler.end();

            Case nested = new Case("in the handler, on the scheduler's thread");
            nested.handled = nested.subscription::dispose;
            nested.subscription.update(nested.flux(nested::calledByTheScheduler).subscribe());
            nested.end();

            Case below = new Case("below C, delivered on the scheduler's thread");
            below.flux(below::calledByTheScheduler).take(2).subscribe();
            below.end();

            Case registration = new Case("in the registration");
            registration
                    .flux(sink -> {
                        registration.source(sink);
                        registration.cancel.get().run();
                    })
                    .doOnSubscribe(s -> registration.cancel.set(s::cancel))
                    .subscribe();
            registration.end();

            Case other = new Case("by another thread, in the registration");
            other.flux(sink -> {
                        other.source(sink);
                        Thread thread = new Thread(other.cancel.get());
                        thread.start();
                        thread.join();
                    })
                    .doOnSubscribe(s -> other.cancel.set(s::cancel))
                    .subscribe();
            other.end();

            Case disposal = new Case("by the scheduler's disposal");
            disposal.flux(disposal::source).subscribe(value -> SCHEDULER.dispose(), error -> {});
            disposal.end();
            System.out.println("C errors " + Fixture.errorCount());
        }

        private static final class Case {

            private final StringBuilder story;
            private final Disposable.Swap subscription = Disposables.swap();
            private final AtomicReference<Runnable> cancel = new AtomicReference<>();
            private final CountDownLatch unregistered = new CountDownLatch(1);
            private volatile Runnable handled = () -> {};

            Case(String name) {
                story = new StringBuilder(name + ": ");
            }

            Flux<Long> flux(Registration<NativeSink<Long>> registration) {
                return NativeFlux.create(CallbackOptions.named("cancel").on(SCHEDULER), registration);
            }

            void source(NativeSink<Long> sink) {
                MemorySegment pointer = sink.callback(OnReading.class, (sequence, value, userData) -> {
                    sink.next(sequence);
                    handled.run();
                });
                Source source = Source.readingsWithContext(pointer).start(2, -1, 100_000);
                story.append("registered, ");
                sink.onDispose(() -> {
                    source.stop();
                    source.close();
                    ended();
                });
            }

            void calledByTheScheduler(NativeSink<Long> sink) {
                MemorySegment pointer = sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    sink.next(sequence);
                    handled.run();
                });
                story.append("registered, ");
                SCHEDULER.schedule(() -> Calls.n(pointer, 10, 1));
                sink.onDispose(this::ended);
            }

            private void ended() {
                story.append("unregistered, ");
                unregistered.countDown();
            }

            void end() throws InterruptedException {
                unregistered.await();
                System.out.println(story + "cancelled");
            }
        }
    }
}
