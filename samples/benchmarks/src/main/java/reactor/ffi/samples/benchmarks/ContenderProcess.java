package reactor.ffi.samples.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A contender in a process of its own, which lives for all rounds of a measure, and which only works when it is asked: a line
 * {@code measure size count} is one round, the answer is one line. See {@link Fork}; the peers speak the same.
 */
final class ContenderProcess implements AutoCloseable {

    private static final long LIMIT_SECONDS = 120;
    private static final String END = "";

    /** A round that has given no figure. */
    static final class Failed extends Exception {

        private static final long serialVersionUID = 1;

        Failed(String problem) {
            super(problem);
        }
    }

    private final Contender contender;
    private final Process process;
    private final PrintWriter toProcess;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();

    private ContenderProcess(Contender contender, ProcessBuilder builder) throws IOException {
        this.contender = contender;
        this.process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        this.toProcess = new PrintWriter(process.getOutputStream(), true, StandardCharsets.UTF_8);
        Thread reader = new Thread(this::read, "answers of " + contender.id());
        reader.setDaemon(true);
        reader.start();
    }

    /** A JVM with the class path of this one. */
    static ContenderProcess jvm(Contender contender, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Xms512m", "-Xmx1g", "-XX:+AlwaysPreTouch"));
        command.addAll(arguments);
        command.add("-Dbenchmarks.native=" + NativeSource.path().getParent());
        command.add("-cp");
        command.add(System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
        command.add(Fork.class.getName());
        command.add(contender.id());
        return new ContenderProcess(contender, new ProcessBuilder(command));
    }

    /** Any command that answers as {@link Fork} does. */
    static ContenderProcess command(
            Contender contender, List<String> command, Path folder, Map<String, String> variables) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().putAll(variables);
        return new ContenderProcess(contender, builder);
    }

    /** One round. */
    Figures run(Measure measure, int size, int count) throws Failed, InterruptedException {
        toProcess.println(String.format(Locale.ROOT, "%s %d %d", measure.id(), size, contender.count(count)));
        String answer = answers.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (answer == null) {
            throw new Failed("no answer in " + LIMIT_SECONDS + " s");
        }
        if (answer.equals(END)) {
            process.waitFor(5, TimeUnit.SECONDS);
            throw new Failed("its process has ended" + (process.isAlive() ? "" : ", exit code " + process.exitValue()));
        }
        if (!Figures.isLine(answer)) {
            throw new Failed(answer);
        }
        return Figures.parse(answer);
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                if (Figures.isLine(line) || line.startsWith("! ")) {
                    answers.add(line);
                } else {
                    System.err.println(contender.id() + ": " + line);
                }
            }
        } catch (IOException e) {
            System.err.println(contender.id() + ": " + e);
        }
        answers.add(END);
    }

    /** Ends it, and waits: the next one must have the machine for itself. */
    @Override
    public void close() {
        toProcess.close();
        try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
