package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;
import reactor.ffi.fixture.CapturedLog;
import reactor.ffi.fixture.Until;

class RoutesTest {

    /** Each position of the user data is a C type with user data of its own. */
    interface Many {
        void call(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l);
    }

    @Test
    void theFirstUnknownCallOfACTypeIsLoggedOnceThoughTwoThreadsMakeIt() throws Exception {
        List<Routes> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            all.add(Routes.of((Signature<?>) Signature.of(Many.class).userData(i)));
        }
        try (CapturedLog log = CapturedLog.start()) {
            CyclicBarrier together = new CyclicBarrier(2);
            Thread other = new Thread(() -> callEach(all, together));
            other.start();
            callEach(all, together);
            other.join();
            for (Routes routes : all) {
                routes.countUnknown(0xABCDE); // the next power of two
                routes.countUnknown(0xABCDE);
            }
            Until.that("what is said of each", () -> log.count("Many.call") >= all.size());
            assertThat(log.count("Many.call")).isEqualTo(all.size());
        }
    }

    private static void callEach(List<Routes> all, CyclicBarrier together) {
        for (Routes routes : all) {
            try {
                together.await();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            routes.countUnknown(0xABCDE);
        }
    }
}
