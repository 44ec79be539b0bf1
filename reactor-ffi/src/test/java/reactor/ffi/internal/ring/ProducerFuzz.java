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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

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

    /** Through the waiting path of machine code, for each of so many, with and without a sleep: what comes in is what C has passed. */
    void waiting(int step) throws Throwable {
        try (Rooms rooms = new Rooms()) {
            for (int i = 0; i < calls.size(); i += step) {
                RandomCall each = calls.get(i);
                boolean sleeps = i / step % 2 == 0;
                Counts counts = new Counts();
                Ring ring = Rings.open(1, each.shape().recordSize(), WhenFull.WAIT, () -> {}, counts);
                ring.letWait(TimeUnit.HOURS.toNanos(1), 2);
                Words.setInt(ring.address() + RingLayout.SPINS, sleeps ? 0 : 1_000_000);
                ListenerPointer pointer = ListenerPointer.open(each.shape(), ring, info(each), each.results(), counts);
                MemorySegment function = library.find("call_" + each.number()).orElseThrow();
                assertThat((long) call.invokeExact(function, pointer.pointer()))
                        .as("taken: %s", each)
                        .isEqualTo(each.seen(each.results().taken()));
                rooms.makeIn(ring, sleeps);
                assertThat((long) call.invokeExact(function, pointer.pointer()))
                        .as("taken after a wait: %s", each)
                        .isEqualTo(each.seen(each.results().taken()));
                rooms.awaitMade();
                checkRecord(each, ring);
                ring.release(false);
                assertThat((long) call.invokeExact(function, pointer.pointer()))
                        .as("taken again: %s", each)
                        .isEqualTo(each.seen(each.results().taken()));
                ring.letWait(1, 2);
                assertThat((long) call.invokeExact(function, pointer.pointer()))
                        .as("full at the limit: %s", each)
                        .isEqualTo(each.seen(each.results().full()));
                assertThat(ring.isOverflowed()).as("closed: %s", each).isTrue();
                assertThat(ring.waiting()).as("waiting: %s", each).isZero();
                assertThat((long) call.invokeExact(function, pointer.pointer()))
                        .as("late: %s", each)
                        .isEqualTo(each.seen(each.results().late()));
                checkRecord(each, ring);
                ring.release(false);
                ring.close();
                pointer.release();
                ring.end();
            }
        }
    }

    /** Another thread that takes the one record of a ring once a producer waits for its room. */
    private static final class Rooms implements AutoCloseable {

        private final SynchronousQueue<Runnable> work = new SynchronousQueue<>();
        private final CountDownLatch end = new CountDownLatch(1);
        private volatile boolean made;

        Rooms() {
            Thread thread = new Thread(this::run, "rooms");
            thread.setDaemon(true);
            thread.start();
        }

        private void run() {
            try {
                while (end.getCount() > 0) {
                    Runnable next = work.poll(1, TimeUnit.SECONDS);
                    if (next != null) {
                        next.run();
                    }
                }
            } catch (InterruptedException _) {
                // ends
            }
        }

        void makeIn(Ring ring, boolean producerSleeps) throws InterruptedException {
            made = false;
            work.put(() -> {
                while (producerSleeps && ring.waiting() == 0) {
                    LockSupport.parkNanos(1);
                }
                ring.take();
                ring.release(false);
                made = true;
            });
        }

        void awaitMade() {
            while (!made) {
                LockSupport.parkNanos(1);
            }
        }

        @Override
        public void close() {
            end.countDown();
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
        return Rings.open(CAPACITY, call.shape().recordSize(), WhenFull.DROP, () -> {}, counts);
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
            checkRecord(each, ring);
        }
        ring.release(false);
        ring.close();
        assertThat((long) call.invokeExact(function, pointer))
                .as("late: %s", each)
                .isEqualTo(each.seen(results.late()));
        update.run();
        assertThat(counts.full).as("full calls: %s", each).hasValue(1);
        assertThat(counts.late).as("late calls: %s", each).hasValue(1);
        assertThat(ring.isEmpty()).as("empty: %s", each).isTrue();
    }

    private static void checkRecord(RandomCall each, Ring ring) {
        long record = ring.peek(ring.tail());
        assertThat(record).as("complete: %s", each).isNotZero();
        assertThat(Ring.info(record)).as("info: %s", each).isEqualTo(info(each));
        for (int argument = 0; argument < each.kinds().size(); argument++) {
            if (!each.isAddress(argument)) {
                assertThat(read(each, argument, record))
                        .as("argument %s of %s", argument, each)
                        .isEqualTo(each.argument(argument));
            }
        }
        for (int i = 0; i < each.copies().size(); i++) {
            Shape.Copy copy = each.copies().get(i);
            long data = record + each.shape().data(i);
            assertThat(Words.getInt(data + Copies.LENGTH))
                    .as("length of copy %s of %s", i, each)
                    .isEqualTo(each.copiedLength(copy));
            assertThat(Words.getInt(data + Copies.CUT) != 0)
                    .as("whether copy %s is cut, of %s", i, each)
                    .isEqualTo(each.isCut(copy));
            byte[] bytes = each.copied(copy);
            byte[] seen = Words.MEMORY.asSlice(data, bytes.length).toArray(JAVA_BYTE);
            assertThat(seen).as("copy %s of %s", i, each).isEqualTo(bytes);
        }
        ring.take();
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
