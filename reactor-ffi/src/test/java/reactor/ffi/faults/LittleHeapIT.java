package reactor.ffi.faults;

import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Confined;
import reactor.ffi.NativeAction;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.FullHeap;

/**
 * What keeps the JVM up is begun with less memory than that takes, with a little more each time, until it succeeds: wherever it
 * fails on the way, it gives back what it has taken, and the JVM exits by itself.
 */
class LittleHeapIT {

    @ParameterizedTest
    @EnumSource
    void whereverABeginFailsNothingKeepsTheJvmUp(What what) {
        ForkedJvm.of(Child.class)
                .jvmOptions("-Xmx24m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .arguments(what.name())
                .timeout(Duration.ofSeconds(100))
                .run()
                .assertExitedCleanly()
                .assertOut("failed with little memory, and succeeded with more");
    }

    enum What {
        STREAM,
        CONFINED,
        CONFINED_SHARE,
        CALLBACK,
        OFFLOAD,
        REF
    }

    static final class Child {

        private static final CallbackScheduler SCHEDULER = CallbackScheduler.create("little");
        private static final CallbackOptions OPTIONS =
                CallbackOptions.named("little").on(SCHEDULER);

        private static final Flux<Long> FLUX = NativeFlux.create(OPTIONS, sink -> {});
        private static final Mono<String> OFFLOADED = SCHEDULER.offload(() -> "result");

        private static @Nullable Confined<String> first;
        private static volatile boolean succeeded;
        private static int failures;

        public static void main(String[] args) throws Throwable {
            Hooks.onErrorDropped(error -> {});
            Schedulers.onHandleError((thread, error) -> {});
            NativeAction action = switch (What.valueOf(args[0])) {
                case STREAM -> Child::stream;
                case CONFINED -> Child::confined;
                case CONFINED_SHARE -> {
                    first = Confined.of(SCHEDULER, "value", last -> {});
                    yield Child::share;
                }
                case CALLBACK -> Child::callback;
                case OFFLOAD -> Child::offload;
                case REF -> Child::ref;
            };
            for (int i = 0; i < 100; i++) {
                action.run(); // all classes are loaded, and all call sites linked
            }
            FullHeap.reserve(20_000);
            fill(true);
            int lucky = 0;
            for (int objects = 1; objects < 19_000; objects += 1 + objects / 16) {
                succeeded = false;
                fill(false);
                FullHeap.makeRoomFor(objects);
                try {
                    action.run();
                } catch (OutOfMemoryError e) {
                    failures++;
                }
                if (succeeded && (failures > 0 || ++lucky == 20)) {
                    break;
                }
                if (succeeded) {
                    objects = 0; // what another thread gave back meanwhile was enough: the heap is filled once more
                }
            }
            FullHeap.makeRoom();
            System.out.println(
                    failures > 0 && succeeded
                            ? "failed with little memory, and succeeded with more"
                            : failures + " failures, " + succeeded);
            if (first != null) {
                first.close();
            }
        }

        private static void fill(boolean all) {
            try {
                if (all) {
                    FullHeap.fill();
                } else {
                    FullHeap.fillWithCrumbs();
                }
            } catch (OutOfMemoryError full) {
                // as it should be
            }
        }

        private static void stream() {
            Disposable subscription = FLUX.subscribe(value -> {}, error -> failures++);
            succeeded = !subscription.isDisposed();
            subscription.dispose();
        }

        private static void confined() {
            Confined<String> value = Confined.create(OPTIONS, () -> "value", last -> {});
            succeeded = true;
            value.close();
        }

        private static void share() {
            Confined<String> second = Objects.requireNonNull(first).share();
            succeeded = true;
            second.close();
        }

        private static void callback() {
            NativeCallback<OnPointer> callback = NativeCallback.threadSafe(SCHEDULER, OnPointer.class, data -> {});
            succeeded = true;
            callback.release();
        }

        private static void offload() {
            succeeded = OFFLOADED.onErrorComplete().block(Duration.ofSeconds(20)) != null;
        }

        private static void ref() {
            SCHEDULER.ref();
            succeeded = true;
            SCHEDULER.unref();
        }
    }
}
