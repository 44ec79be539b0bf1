package reactor.ffi.internal.upcall;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Finds out how much memory the JVM has reserved for machine code: for stubs, and for compiled methods. */
final class CodeCache {

    /** What the JVM reserves at least if no option says otherwise: 240 MB with two compilers, else 48 MB. */
    private static final long LEAST_DEFAULT = 48L << 20;

    private static final Pattern OPTION = Pattern.compile("-XX:ReservedCodeCacheSize=(\\d{1,12})([kKmMgG]?)");

    private CodeCache() {}

    /** Returns the number of bytes. Takes some ten milliseconds: it loads classes that most programs do not need. */
    static long reserved() {
        try {
            return ofPools();
        } catch (LinkageError noManagement) { // the module java.management is missing, or was short of memory once
            return ofOptions(options());
        }
    }

    /** Adds up the pools of code, of which there are one or three. */
    private static long ofPools() {
        long sum = 0;
        for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
            if (pool.getName().startsWith("Code")) { // "CodeCache", or "CodeHeap 'non-nmethods'" and two more
                sum += Math.max(0, pool.getUsage().getMax());
            }
        }
        return sum > 0 ? sum : LEAST_DEFAULT;
    }

    /**
     * Returns the options that the JVM was started with, as far as Java can see them, in the order in which the JVM
     * reads them.
     */
    private static String options() {
        Stream<String> arguments =
                ProcessHandle.current().info().arguments().map(Stream::of).orElseGet(Stream::empty);
        return Stream.of(
                        Stream.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS").map(System::getenv),
                        arguments,
                        Stream.of(System.getenv("_JAVA_OPTIONS")))
                .flatMap(texts -> texts)
                .filter(text -> text != null)
                .collect(Collectors.joining(" "));
    }

    /** Reads the size out of the options; the last one counts. */
    static long ofOptions(String options) {
        long size = LEAST_DEFAULT;
        Matcher option = OPTION.matcher(options);
        while (option.find()) {
            int shift = switch (option.group(2)) {
                case "k", "K" -> 10;
                case "m", "M" -> 20;
                case "g", "G" -> 30;
                default -> 0;
            };
            size = Long.parseLong(option.group(1)) << shift;
        }
        return size;
    }
}
