package reactor.ffi.samples.dashboard;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** What Linux tells of a machine in {@code /proc}, as topics with a value. */
final class Machine {

    private static final int IDLE = 3;
    private static final int IO_WAIT = 4;
    /** user, nice, system, idle, iowait, irq, softirq, steal; guest is a part of user. */
    private static final int CPU_FIELDS = 8;

    private final Path proc;

    private long busyBefore;
    private long totalBefore;

    Machine(Path proc) {
        this.proc = proc;
        cpu(read("stat"), new LinkedHashMap<>()); // the first sample has a share of the CPU, too
    }

    /** One sample. Ticks of the timer may overlap, and the share of the CPU is that since the last sample. */
    synchronized Map<String, Double> sample() {
        Map<String, Double> topics = new LinkedHashMap<>();
        cpu(read("stat"), topics);
        load(read("loadavg"), topics);
        memory(read("meminfo"), topics);
        Runtime jvm = Runtime.getRuntime();
        topics.put("process/heap-mib", (jvm.totalMemory() - jvm.freeMemory()) / 1048576.0);
        return topics;
    }

    /** {@code cpu  1252769 68329 166890 834666 ...}, since boot. */
    private void cpu(List<String> lines, Map<String, Double> topics) {
        String[] fields = lines.get(0).split(" +", -1);
        long total = 0;
        long idle = 0;
        for (int i = 0; i < CPU_FIELDS; i++) {
            long ticks = Long.parseLong(fields[i + 1]);
            total += ticks;
            idle += i == IDLE || i == IO_WAIT ? ticks : 0;
        }
        long busy = total - idle;
        if (totalBefore > 0 && total > totalBefore) {
            topics.put("machine/cpu-percent", 100.0 * Math.max(0, busy - busyBefore) / (total - totalBefore));
        }
        busyBefore = busy;
        totalBefore = total;
    }

    /** {@code 1.47 1.74 2.55 4/114 24135}. */
    private static void load(List<String> lines, Map<String, Double> topics) {
        String[] fields = lines.get(0).split("[ /]", -1);
        topics.put("machine/load-1m", Double.valueOf(fields[0]));
        topics.put("machine/load-5m", Double.valueOf(fields[1]));
        topics.put("machine/threads-running", Double.valueOf(fields[3]));
        topics.put("machine/threads", Double.valueOf(fields[4]));
    }

    /** {@code MemTotal:       24684092 kB}. */
    private static void memory(List<String> lines, Map<String, Double> topics) {
        Function<String, Double> mib = name -> lines.stream()
                .filter(line -> line.startsWith(name + ":"))
                .map(line -> Double.parseDouble(line.split(" +", -1)[1]) / 1024)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("/proc/meminfo has no " + name));
        double total = mib.apply("MemTotal");
        double available = mib.apply("MemAvailable");
        topics.put("machine/memory-percent", 100 * (total - available) / total);
        topics.put("machine/memory-free-mib", available);
    }

    private List<String> read(String file) {
        try {
            return Files.readAllLines(proc.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException("The embedded source needs Linux, with " + proc, e);
        }
    }
}
