package reactor.ffi.internal.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.ffi.internal.ring.Shape.Kind;
import reactor.ffi.internal.ring.Shape.Result;

/** The machine code, as a disassembler reads it: so that a change of an emitter shows in review. */
class MachineCodeTest {

    private static final String FILE = "disassembly.txt";

    /** "   1c:  4c 8b 10   mov r10, [rax]"; on aarch64 the four bytes are one number. */
    private static final Pattern LINE = Pattern.compile("^ *[0-9a-f]+:\\t([0-9a-f ]+?) *(\\t.*)?$");

    @TempDir
    Path folder;

    private static final Map<String, Shape> SHAPES = new LinkedHashMap<>();

    static {
        SHAPES.put("void (void)", new Shape(List.of(), Result.NONE));
        SHAPES.put("int (long, double)", new Shape(List.of(Kind.LONG, Kind.DOUBLE), Result.INTEGER));
        SHAPES.put("float (float, double)", new Shape(List.of(Kind.FLOAT, Kind.DOUBLE), Result.FLOATING));
        SHAPES.put(
                "void (char, short, int, long)",
                new Shape(List.of(Kind.BYTE, Kind.SHORT, Kind.INT, Kind.LONG), Result.NONE));
        SHAPES.put(
                "long (int * 10, char), over the stack",
                new Shape(overTheStack(10, Kind.INT, Kind.BYTE), Result.INTEGER));
        SHAPES.put(
                "void (double * 9, float, long), over the stack",
                new Shape(overTheStack(9, Kind.DOUBLE, Kind.FLOAT, Kind.LONG), Result.NONE));
    }

    static {
        SHAPES.put(
                "void (const char *, void *, unsigned short, struct s *), copied",
                new Shape(
                        List.of(Kind.LONG, Kind.LONG, Kind.SHORT, Kind.LONG),
                        Result.NONE,
                        List.of(
                                new Shape.Copy(Shape.CopyKind.TEXT, 0, 0, 64),
                                new Shape.Copy(Shape.CopyKind.BYTES, 1, 2, 512),
                                new Shape.Copy(Shape.CopyKind.STRUCT, 3, 0, 24))));
    }

    private static List<Kind> overTheStack(int count, Kind kind, Kind... more) {
        List<Kind> kinds = new ArrayList<>(Collections.nCopies(count, kind));
        kinds.addAll(List.of(more));
        return kinds;
    }

    private static Map<String, byte[]> emitted() {
        Map<String, byte[]> all = new LinkedHashMap<>();
        all.put("x86-64: thunk", X64Producer.thunk(4096, -512));
        SHAPES.forEach((name, shape) -> all.put("x86-64: " + name, X64Producer.body(shape)));
        all.put("aarch64: thunk", Arm64Producer.thunk(4096, -512));
        SHAPES.forEach((name, shape) -> all.put("aarch64: " + name, Arm64Producer.body(shape, true)));
        all.put("aarch64 without LSE: void (void)", Arm64Producer.body(SHAPES.get("void (void)"), false));
        return all;
    }

    @Test
    void isWhatTheDisassemblySays() throws Exception {
        if ("write".equals(System.getProperty("reactor.ffi.test.disassembly"))) {
            write();
        }
        Map<String, String> known = known();
        Map<String, String> emitted = new LinkedHashMap<>();
        emitted().forEach((name, code) -> emitted.put(name, hex(code)));
        assertThat(emitted).as("write it anew, and read it").isEqualTo(known);
    }

    private static String hex(byte[] code) {
        return HexFormat.of().formatHex(code);
    }

    /** The bytes of each part of the file. */
    private static Map<String, String> known() throws IOException {
        Map<String, StringBuilder> parts = new LinkedHashMap<>();
        StringBuilder part = new StringBuilder();
        boolean isArm = false;
        try (InputStream file = MachineCodeTest.class.getResourceAsStream(FILE)) {
            for (String line : new String(file.readAllBytes(), StandardCharsets.UTF_8).split("\n", -1)) {
                Matcher matcher = LINE.matcher(line);
                if (line.startsWith("# ")) {
                    isArm = line.startsWith("# aarch64");
                    part = new StringBuilder();
                    parts.put(line.substring(2), part);
                } else if (matcher.matches()) {
                    String bytes = matcher.group(1).replace(" ", "");
                    part.append(isArm ? reversed(bytes) : bytes);
                }
            }
        }
        Map<String, String> known = new LinkedHashMap<>();
        parts.forEach((name, bytes) -> known.put(name, bytes.toString()));
        return known;
    }

    private static String reversed(String word) {
        return word.substring(6) + word.substring(4, 6) + word.substring(2, 4) + word.substring(0, 2);
    }

    private void write() throws IOException, InterruptedException {
        StringBuilder file = new StringBuilder();
        for (Map.Entry<String, byte[]> each : emitted().entrySet()) {
            file.append("# ").append(each.getKey()).append('\n');
            Path code = Files.write(folder.resolve("code"), each.getValue());
            List<String> command = each.getKey().startsWith("x86-64")
                    ? List.of(
                            "objdump", "-D", "-z", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", code.toString())
                    : List.of(
                            "aarch64-linux-gnu-objdump", "-D", "-z", "-b", "binary", "-m", "aarch64", code.toString());
            Process objdump = new ProcessBuilder(command).start();
            new String(objdump.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> LINE.matcher(line).matches())
                    .forEach(line -> file.append(line.stripTrailing()).append('\n'));
            assertThat(objdump.waitFor()).isZero();
            file.append('\n');
        }
        Path source = Path.of("src/test/resources/reactor/ffi/internal/ring", FILE);
        Files.writeString(source, file);
        Files.copy(
                source,
                Path.of(MachineCodeTest.class.getResource(FILE).getPath()),
                StandardCopyOption.REPLACE_EXISTING);
    }

    @Test
    void pagesAreWritableOrExecutableAndNeverBoth() throws IOException {
        assumeTrue(Machine.hasEmitter());
        Ring ring = Rings.open(8, 32, WhenFull.DROP, () -> {}, (full, late) -> {});
        ListenerPointer pointer =
                ListenerPointer.open(SHAPES.get("void (void)"), ring, 0, new Results(0, 0, 0), (full, late) -> {});
        long thunk = pointer.pointer().address();
        List<String> rights = Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> contains(line, thunk))
                .map(line -> line.split(" ", -1)[1])
                .toList();
        assertThat(rights).containsExactly("r-xp");
        assertThat(Files.readAllLines(Path.of("/proc/self/maps")))
                .noneMatch(line -> line.contains(" rwxp ") && line.contains("reactor-ffi"));
        pointer.release();
    }

    private static boolean contains(String mapping, long address) {
        String[] ends = mapping.split(" ", 2)[0].split("-", 2);
        return Long.compareUnsigned(Long.parseUnsignedLong(ends[0], 16), address) <= 0
                && Long.compareUnsigned(address, Long.parseUnsignedLong(ends[1], 16)) < 0;
    }
}
