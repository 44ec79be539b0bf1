package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.ref.WeakReference;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.ForkedJvm;

/** What a confined value does to the life of the JVM: each in one of its own. */
class ConfinedIT {

    @Test
    void keepsTheJvmAliveUntilTheLastCloseHasReleasedIt() {
        var result = ForkedJvm.run(ClosedLater.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("main ends", "used", "released");
    }

    @Test
    void doesNotKeepTheJvmAliveIfToldSoAndIsReleasedByTheShutdownHook() {
        var result = ForkedJvm.run(NotKept.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("main ends", "used", "released");
        assertThat(result.took()).isLessThan(Duration.ofSeconds(10));
    }

    @Test
    void isReleasedAtExitAfterWhatWasSent() {
        var result = ForkedJvm.run(Exits.class).assertExitedWith(3);
        assertThat(result.out().lines()).containsExactly("used", "released on the scheduler: true");
    }

    @Test
    void isLeftAloneAndNamedWhenAClosureOfItEndsTheJvm() {
        var result = ForkedJvm.run(ExitsInAClosure.class).assertExitedWith(3);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("Confined[bar] stays registered");
    }

    @Test
    void isNotReleasedUnderAClosureThatHasLentTheTurn() {
        var result = ForkedJvm.run(ExitsDuringALend.class).assertExitedWith(3);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("Confined[bar] is not released");
    }

    @Test
    void thatIsForgottenLetsTheJvmExit() {
        var result = ForkedJvm.run(Forgotten.class).assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("released");
        assertThat(result.err()).contains("collected without close()");
    }

    /** Compiled, as interpreted code keeps everything that a method was given. */
    @Test
    void thatIsForgottenByEverybodyButASendIsNotCollectedUnderIt() {
        var result = ForkedJvm.of(ForgottenInASend.class)
                .jvmOptions(
                        "-Xcomp",
                        "-XX:-TieredCompilation",
                        "-XX:CompileCommand=quiet",
                        "-XX:CompileCommand=compileonly,reactor.ffi.internal.call.ConfinedHandle*::*")
                .run()
                .assertExitedCleanly();
        assertThat(result.out().lines()).containsExactly("not collected", "used", "released");
    }

    static final class ClosedLater {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.shared();
            Confined<String> confined = Confined.of(scheduler, "", v -> System.out.println("released"));
            scheduler.schedule(
                    () -> {
                        confined.send(v -> System.out.println("used"));
                        confined.close();
                    },
                    300,
                    TimeUnit.MILLISECONDS);
            System.out.println("main ends");
        }
    }

    static final class NotKept {
        public static void main(String[] args) {
            Confined<String> confined = Confined.create(
                    CallbackOptions.named("bar").keepAlive(false), () -> "", v -> System.out.println("released"));
            System.out.println("main ends");
            confined.send(v -> System.out.println("used"));
        }
    }

    static final class Exits {
        public static void main(String[] args) {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            Confined<String> confined = Confined.of(
                    scheduler, "", v -> System.out.println("released on the scheduler: " + scheduler.isCurrent()));
            confined.send(v -> System.out.println("used"));
            System.exit(3);
        }
    }

    static final class ExitsInAClosure {
        public static void main(String[] args) {
            Confined<String> confined =
                    Confined.create(CallbackOptions.named("bar"), () -> "", v -> System.out.println("released"));
            confined.send(v -> System.exit(3));
        }
    }

    static final class ExitsDuringALend {
        public static void main(String[] args) throws InterruptedException {
            CallbackScheduler scheduler = CallbackScheduler.create("exit");
            Confined<String> confined = Confined.create(
                    CallbackOptions.named("bar").on(scheduler), () -> "", v -> System.out.println("released"));
            CountDownLatch lent = new CountDownLatch(1);
            confined.send(v -> scheduler.runBlocking(() -> {
                lent.countDown();
                new CountDownLatch(1).await();
            }));
            lent.await();
            System.exit(3);
        }
    }

    /** The send waits for the lock of its handle, which nobody else knows any more. */
    static final class ForgottenInASend {

        private static final CountDownLatch LOCKED = new CountDownLatch(1);
        private static final CountDownLatch RELEASED = new CountDownLatch(1);
        private static volatile Object lock;
        private static volatile WeakReference<?> handle;

        public static void main(String[] args) throws Exception {
            Thread sender = new Thread(() -> make().send(v -> System.out.println("used")));
            sender.start();
            while (lock == null) {
                Thread.onSpinWait();
            }
            synchronized (lock) {
                LOCKED.countDown();
                while (sender.getState() != Thread.State.BLOCKED) {
                    Thread.onSpinWait();
                }
                for (int i = 0; i < 5; i++) {
                    System.gc();
                }
                System.out.println(handle.refersTo(null) ? "collected" : "not collected");
            }
            while (!RELEASED.await(50, TimeUnit.MILLISECONDS)) {
                System.gc();
            }
        }

        private static Confined<String> make() {
            try {
                Confined<String> confined = Confined.create(CallbackOptions.named("bar"), () -> "", v -> {
                    System.out.println("released");
                    RELEASED.countDown();
                });
                Field owner = confined.getClass().getDeclaredField("owner");
                owner.setAccessible(true);
                handle = new WeakReference<>(confined);
                lock = owner.get(confined);
                LOCKED.await();
                return confined;
            } catch (ReflectiveOperationException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    static final class Forgotten {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch released = new CountDownLatch(1);
            Confined.create(CallbackOptions.named("bar"), () -> "", v -> {
                        System.out.println("released");
                        released.countDown();
                    })
                    .send(v -> {});
            while (!released.await(50, TimeUnit.MILLISECONDS)) {
                System.gc();
            }
        }
    }
}
