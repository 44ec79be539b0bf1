package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.ffi.fixture.ForkedJvm;

/** What an offload holds up: each in a JVM of its own. */
class OffloadIT {

    @Test
    void aRunningOffloadKeepsTheJvmAlive() {
        ForkedJvm.run(Alive.class).assertExitedCleanly().assertOut("main ends", "result", "still up");
    }

    @Test
    void aCancelledOffloadLetsTheJvmEnd() {
        var result = ForkedJvm.run(Cancelled.class).assertExitedCleanly().assertOut("main ends");
        assertThat(result.took()).isLessThan(Duration.ofSeconds(30));
    }

    static final class Alive {
        public static void main(String[] args) {
            CallbackScheduler.shared()
                    .offload(() -> {
                        TimeUnit.MILLISECONDS.sleep(500);
                        System.out.println("still up");
                        return "result";
                    })
                    .subscribe(System.out::println);
            System.out.println("main ends");
        }
    }

    /** Those that run and those that wait: none is left once they are cancelled and over. */
    static final class Cancelled {
        public static void main(String[] args) {
            CountDownLatch until = new CountDownLatch(1);
            List<Disposable> all = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                all.add(CallbackScheduler.shared()
                        .offload(() -> {
                            until.await();
                            return "never seen";
                        })
                        .subscribe(System.out::println));
            }
            all.forEach(Disposable::dispose);
            until.countDown();
            System.out.println("main ends");
        }
    }
}
