package reactor.ffi.internal.ring;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random C function types: 10,000 in each build, from a random seed. */
class ProducerFuzzIT {

    private static final int COUNT = Integer.getInteger("reactor.ffi.test.producers", 10_000);
    private static final long SEED = Long.getLong(
            "reactor.ffi.test.producers.seed", ThreadLocalRandom.current().nextLong());

    @TempDir
    Path folder;

    @Test
    void eachArgumentOfRandomTypesLiesInTheRecord() throws Throwable {
        assumeTrue(Machine.hasEmitter(), "there is no machine code for this processor and system");
        System.out.println("-Dreactor.ffi.test.producers.seed=" + SEED);
        ProducerFuzz fuzz = new ProducerFuzz(RandomCall.many(COUNT, SEED), folder);
        fuzz.machineCode();
        fuzz.waiting(Math.max(1, COUNT / 2000));
        fuzz.upcalls(Math.max(1, COUNT / 100));
    }
}
