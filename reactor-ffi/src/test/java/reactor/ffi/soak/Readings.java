package reactor.ffi.soak;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import reactor.ffi.internal.upcall.Stubs;

/** What this process holds now: read from the JVM, from the kernel, and from glibc. */
@SuppressWarnings("restricted")
final class Readings {

    /** {@code struct mallinfo2}. */
    private static final StructLayout MALLINFO = MemoryLayout.structLayout(Stream.of(
                    "arena",
                    "ordblks",
                    "smblks",
                    "hblks",
                    "hblkhd",
                    "usmblks",
                    "fsmblks",
                    "uordblks",
                    "fordblks",
                    "keepcost")
            .map(JAVA_LONG::withName)
            .toArray(MemoryLayout[]::new));

    /** Absent where the C library is not glibc 2.33 or newer. */
    private static final Optional<MethodHandle> MALLINFO2 = Linker.nativeLinker()
            .defaultLookup()
            .find("mallinfo2")
            .map(found -> Linker.nativeLinker().downcallHandle(found, FunctionDescriptor.of(MALLINFO)));

    private static final Pattern TOTAL = Pattern.compile("(?m)^Total: reserved=\\d+, committed=(\\d+)");
    private static final Pattern TOTAL_MALLOC = Pattern.compile("(?m)^ +malloc: (\\d+) #");
    private static final Pattern WITHOUT =
            Pattern.compile("(?m)^- *(?:Java Heap|Code|Compiler|Arena Chunk) \\(reserved=\\d+, committed=(\\d+)");

    private Readings() {}

    /** Bytes of the heap that were reachable when they were collected last, just now: what came since is not in it. */
    static long heap() {
        System.gc();
        System.gc(); // what the first one has found dead, cleaners have given up
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .mapToLong(pool -> pool.getCollectionUsage().getUsed())
                .sum();
    }

    static long metaspace() {
        return used("Metaspace", "Compressed Class Space");
    }

    static long codeCache() {
        return used("CodeHeap", "CodeCache");
    }

    /** That part of it which is not compiled Java: the stubs. */
    static long stubCode() {
        return used("CodeHeap 'non-nmethods'");
    }

    private static long used(String... beginnings) {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> Stream.of(beginnings).anyMatch(pool.getName()::startsWith))
                .map(MemoryPoolMXBean::getUsage)
                .mapToLong(usage -> usage.getUsed())
                .sum();
    }

    /** What native memory tracking sees committed, but for the heap, compiled code, and what the compilers need meanwhile. */
    static long tracked() {
        String summary = nativeMemory();
        return sum(TOTAL, summary) - sum(WITHOUT, summary);
    }

    private static long sum(Pattern pattern, String summary) {
        return pattern.matcher(summary)
                .results()
                .mapToLong(row -> Long.parseLong(row.group(1)))
                .sum();
    }

    /** {@code jcmd VM.native_memory}. */
    private static String nativeMemory() {
        try {
            return (String) ManagementFactory.getPlatformMBeanServer()
                    .invoke(
                            new ObjectName("com.sun.management:type=DiagnosticCommand"),
                            "vmNativeMemory",
                            new Object[] {new String[] {"summary", "scale=B"}},
                            new String[] {String[].class.getName()});
        } catch (JMException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What malloc has given out to others than the JVM, and what it has rounded up; 0 where glibc does not tell. */
    static long malloc() {
        if (MALLINFO2.isEmpty()) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = (MemorySegment) MALLINFO2.get().invokeExact((SegmentAllocator) arena);
            return field(info, "uordblks") + field(info, "hblkhd") - sum(TOTAL_MALLOC, nativeMemory());
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static long field(MemorySegment info, String name) {
        return info.get(JAVA_LONG, MALLINFO.byteOffset(MemoryLayout.PathElement.groupElement(name)));
    }

    /** Neither free nor in quarantine, and for no one else to see. */
    static int liveStubs() {
        try {
            Field pools = Stubs.class.getDeclaredField("POOLS");
            Field free = Stubs.class.getDeclaredField("free");
            pools.setAccessible(true);
            free.setAccessible(true);
            int live = Stubs.created() - Stubs.quarantined();
            for (Object pool : ((Map<?, ?>) pools.get(null)).values()) {
                live -= ((Collection<?>) free.get(pool)).size();
            }
            return live;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    static long residentSet() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static long threads() {
        return entries("/proc/self/task");
    }

    static long descriptors() {
        return entries("/proc/self/fd");
    }

    private static long entries(String folder) {
        try (Stream<Path> entries = Files.list(Path.of(folder))) {
            return entries.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
