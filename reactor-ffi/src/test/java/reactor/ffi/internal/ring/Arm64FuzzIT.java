package reactor.ffi.internal.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random C function types on aarch64, by a program of a cross compiler that runs under emulation. What it cannot show is weakly
 * ordered memory: the emulator's is that of the machine below.
 */
@Timeout(600) // the cross compiler alone takes a minute
class Arm64FuzzIT {

    private static final int COUNT = Integer.getInteger("reactor.ffi.test.producers", 10_000);
    private static final long SEED = Long.getLong(
            "reactor.ffi.test.producers.seed", ThreadLocalRandom.current().nextLong());
    private static final int PER_FILE = 500;

    @TempDir
    Path folder;

    @Test
    void eachArgumentOfRandomTypesLiesInTheRecordAndThreadsAndTheBellLoseNothing() throws Exception {
        assumeTrue(runs("aarch64-linux-gnu-gcc"), "no gcc-aarch64-linux-gnu");
        assumeTrue(runs("qemu-aarch64"), "no qemu-user");
        System.out.println("-Dreactor.ffi.test.producers.seed=" + SEED);
        List<RandomCall> calls = RandomCall.many(COUNT, SEED);
        writeCode(calls);
        Path program = folder.resolve("calls");
        assertThat(run(compiler(calls, program))).isZero();
        assertThat(run(List.of(
                        "qemu-aarch64",
                        program.toString(),
                        folder.resolve("code").toString())))
                .isZero();
    }

    private static boolean runs(String command) {
        try {
            return new ProcessBuilder(command, "--version")
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException | InterruptedException absent) {
            return false;
        }
    }

    private static int run(List<String> command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    /** The code of each call, in a page of its own: the body, and at its end the thunk, whose cell lies on the next page. */
    private void writeCode(List<RandomCall> calls) throws IOException {
        ByteArrayOutputStream code = new ByteArrayOutputStream();
        for (RandomCall call : calls) {
            code.write(page(call.shape(), call.number() % 2 == 0));
        }
        Files.write(folder.resolve("code"), code.toByteArray());
    }

    private static byte[] page(Shape shape, boolean hasSwap) {
        byte[] page = new byte[SystemMemory.PAGE];
        byte[] body = Arm64Producer.body(shape, hasSwap);
        byte[] thunk = Arm64Producer.thunk(16, -(SystemMemory.PAGE - 16));
        assertThat(body.length).isLessThanOrEqualTo(page.length - thunk.length);
        System.arraycopy(body, 0, page, 0, body.length);
        System.arraycopy(thunk, 0, page, page.length - 16, thunk.length);
        return page;
    }

    private List<String> compiler(List<RandomCall> calls, Path program) throws IOException {
        List<String> command = new ArrayList<>(
                List.of("aarch64-linux-gnu-gcc", "-O0", "-w", "-static", "-pthread", "-o", program.toString()));
        for (int from = 0; from < calls.size(); from += PER_FILE) {
            Path file = folder.resolve("calls" + from + ".c");
            try (PrintWriter c = new PrintWriter(file.toFile(), StandardCharsets.UTF_8)) {
                c.println("#include <stdint.h>");
                List<RandomCall> some = calls.subList(from, Math.min(calls.size(), from + PER_FILE));
                some.forEach(call -> c.println(call.c()));
            }
            command.add(file.toString());
        }
        Path table = folder.resolve("table.c");
        try (PrintWriter c = new PrintWriter(table.toFile(), StandardCharsets.UTF_8)) {
            c.println("#include \"harness.h\"");
            calls.forEach(call -> c.println("int64_t call_" + call.number() + "();"));
            calls.forEach(call -> c.println(arguments(call) + copies(call)));
            c.println("const struct call calls[] = {");
            calls.forEach(call -> c.println(row(call)));
            c.println("};\nconst int count = " + calls.size() + ";");
        }
        command.add(table.toString());
        for (String file : List.of("harness.c", "harness.h")) {
            try (InputStream source = Arm64FuzzIT.class.getResourceAsStream("arm64-" + file)) {
                Files.copy(source, folder.resolve(file));
            }
        }
        command.add(folder.resolve("harness.c").toString());
        return command;
    }

    private static String arguments(RandomCall call) {
        StringBuilder c = new StringBuilder("static const struct argument arguments_" + call.number() + "[] = {");
        for (int i = 0; i < call.kinds().size(); i++) {
            c.append("{" + call.shape().offset(i) + ", "
                    + (call.isAddress(i) ? 0 : call.kinds().get(i).bytes) + ", 0x"
                    + Long.toHexString(call.argument(i)) + "ULL},");
        }
        return c.append("{0}};").toString();
    }

    private static String copies(RandomCall call) {
        StringBuilder c = new StringBuilder("static const struct copied copies_" + call.number() + "[] = {");
        for (int i = 0; i < call.copies().size(); i++) {
            Shape.Copy copy = call.copies().get(i);
            byte[] bytes = call.copied(copy);
            c.append("{" + call.shape().data(i) + ", " + call.copiedLength(copy) + ", " + (call.isCut(copy) ? 1 : 0)
                    + ", " + bytes.length + ", (const unsigned char[])"
                    + RandomCall.initializer(bytes.length == 0 ? new byte[1] : bytes) + "},");
        }
        return c.append("{0}};").toString();
    }

    private static String row(RandomCall call) {
        Results results = call.results();
        return "{call_" + call.number() + ", arguments_" + call.number() + ", "
                + call.kinds().size() + ", "
                + call.shape().recordSize() + ", {" + hex(results.taken()) + hex(results.full()) + hex(results.late())
                + "}, {" + hex(call.seen(results.taken())) + hex(call.seen(results.full()))
                + hex(call.seen(results.late())) + "}, copies_" + call.number() + ", "
                + call.copies().size() + "},";
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value) + "ULL, ";
    }
}
