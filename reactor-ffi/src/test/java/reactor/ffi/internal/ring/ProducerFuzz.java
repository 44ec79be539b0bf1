package reactor.ffi.internal.ring;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Random calls that a C compiler has made: each argument must lie in the record as C has passed it. */
@SuppressWarnings("restricted")
final class ProducerFuzz {

    private static final int CAPACITY = 4;
    private static final int PER_FILE = 500;

    private final List<RandomCall> calls;
    private final SymbolLookup library;
    private final MethodHandle call = Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_LONG, ADDRESS));

    ProducerFuzz(List<RandomCall> calls, Path folder) throws IOException, InterruptedException {
        this.calls = calls;
        this.library = SymbolLookup.libraryLookup(compile(calls, folder), Arena.global());
    }

    private static Path compile(List<RandomCall> calls, Path folder) throws IOException, InterruptedException {
        Path library = folder.resolve("calls.so");
        List<String> command =
                new ArrayList<>(List.of("cc", "-O0", "-w", "-shared", "-fPIC", "-o", library.toString()));
        for (int from = 0; from < calls.size(); from += PER_FILE) {
            Path file = folder.resolve("calls" + from + ".c");
            try (PrintWriter c = new PrintWriter(file.toFile(), StandardCharsets.UTF_8)) {
                c.println("#include <stdint.h>");
                calls.subList(from, Math.min(calls.size(), from + PER_FILE)).forEach(call -> c.println(call.c()));
            }
            command.add(file.toString());
        }
        assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
        return library;
    }

    /** Through machine code. */
    void machineCode() throws Throwable {
        for (RandomCall each : calls) {
            Counts counts = new Counts();
            Ring ring = ring(each, counts);
            ListenerPointer pointer = ListenerPointer.open(each.shape(), ring, info(each), each.results(), counts);
            check(each, ring, pointer.pointer(), () -> pointer.count(), counts);
            pointer.release();
            ring.end();
        }
    }

    /** Through an upcall, for each of so many. */
    void upcalls(int step) throws Throwable {
        for (int i = 0; i < calls.size(); i += step) {
            RandomCall each = calls.get(i);
            Counts counts = new Counts();
            Ring ring = ring(each, counts);
            MethodHandle entry = JavaProducer.entry(each.shape(), type(each))
                    .bindTo(new JavaProducer(ring, info(each), each.results(), counts));
            try (Arena arena = Arena.ofConfined()) {
                check(each, ring, Linker.nativeLinker().upcallStub(entry, type(each), arena), () -> {}, counts);
            }
            ring.end();
        }
    }

    private static Ring ring(RandomCall call, Counts counts) {
        return Rings.open(CAPACITY, call.shape().recordSize(), false, () -> {}, counts);
    }

    private static long info(RandomCall call) {
        return 0x1234_5678_0000_0000L | call.number();
    }

    private void check(RandomCall each, Ring ring, MemorySegment pointer, Runnable update, Counts counts)
            throws Throwable {
        MemorySegment function = library.find("call_" + each.number()).orElseThrow();
        Results results = each.results();
        for (int i = 0; i < CAPACITY; i++) {
            assertThat((long) call.invokeExact(function, pointer))
                    .as("taken: %s", each)
                    .isEqualTo(each.seen(results.taken()));
        }
        assertThat((long) call.invokeExact(function, pointer))
                .as("full: %s", each)
                .isEqualTo(each.seen(results.full()));
        for (int i = 0; i < CAPACITY; i++) {
            long record = ring.peek(ring.tail());
            assertThat(record).as("complete: %s", each).isNotZero();
            assertThat(Ring.info(record)).as("info: %s", each).isEqualTo(info(each));
            for (int argument = 0; argument < each.kinds().size(); argument++) {
                assertThat(read(each, argument, record))
                        .as("argument %s of %s", argument, each)
                        .isEqualTo(each.argument(argument));
            }
            ring.take();
        }
        ring.release();
        ring.close();
        assertThat((long) call.invokeExact(function, pointer))
                .as("late: %s", each)
                .isEqualTo(each.seen(results.late()));
        update.run();
        assertThat(counts.full).as("full calls: %s", each).hasValue(1);
        assertThat(counts.late).as("late calls: %s", each).hasValue(1);
        assertThat(ring.isEmpty()).as("empty: %s", each).isTrue();
    }

    private static long read(RandomCall call, int argument, long record) {
        long at = record + call.shape().offset(argument);
        return switch (call.kinds().get(argument).bytes) {
            case 1 -> Words.MEMORY.get(JAVA_BYTE, at) & 0xFF;
            case 2 -> Words.MEMORY.get(JAVA_SHORT, at) & 0xFFFF;
            case 4 -> Words.getInt(at) & 0xFFFF_FFFFL;
            default -> Words.get(at);
        };
    }

    private static FunctionDescriptor type(RandomCall call) {
        MemoryLayout[] arguments =
                call.kinds().stream().map(ProducerFuzz::layout).toArray(MemoryLayout[]::new);
        return switch (call.result()) {
            case VOID -> FunctionDescriptor.ofVoid(arguments);
            case CHAR -> FunctionDescriptor.of(JAVA_BYTE, arguments);
            case INT -> FunctionDescriptor.of(JAVA_INT, arguments);
            case LONG, POINTER -> FunctionDescriptor.of(JAVA_LONG, arguments);
            case FLOAT -> FunctionDescriptor.of(JAVA_FLOAT, arguments);
            case DOUBLE -> FunctionDescriptor.of(JAVA_DOUBLE, arguments);
        };
    }

    private static MemoryLayout layout(Shape.Kind kind) {
        return switch (kind) {
            case BYTE -> JAVA_BYTE;
            case SHORT -> JAVA_SHORT;
            case INT -> JAVA_INT;
            case LONG -> JAVA_LONG;
            case FLOAT -> JAVA_FLOAT;
            case DOUBLE -> JAVA_DOUBLE;
        };
    }

    /** What was not taken. */
    static final class Counts implements CallCounts {

        final AtomicLong full = new AtomicLong();
        final AtomicLong late = new AtomicLong();

        @Override
        public void notTaken(long full, long late) {
            this.full.addAndGet(full);
            this.late.addAndGet(late);
        }
    }
}
