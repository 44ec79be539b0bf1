package reactor.ffi.samples.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * The main class of a contender's JVM. A line {@code measure size count} on its standard input is one round; the answer is a
 * line of {@link Figures}, or one that begins with {@code !} and says what went wrong.
 */
final class Fork {

    private Fork() {}

    /**
     * Runs a contender until its standard input ends.
     *
     * @param args the contender
     */
    public static void main(String[] args) throws IOException {
        Workload workload = Contender.of(args[0]).open();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(answer(workload, line.split(" ", -1)));
        }
        Runtime.getRuntime().halt(0); // subscriptions live as long as the JVM
    }

    private static String answer(Workload workload, String[] command) {
        try {
            Measure measure = Measure.valueOf(command[0].toUpperCase(Locale.ROOT));
            return workload.run(measure, Integer.parseInt(command[1]), Integer.parseInt(command[2]))
                    .toLine();
        } catch (Throwable e) {
            e.printStackTrace();
            return "! " + e;
        }
    }
}
