package reactor.ffi.samples.kafka;

import java.util.HashMap;
import java.util.Map;

/** How the processes of the pipeline tell each other how they are: lines of {@code what name=value name=value} on standard output. */
final class Status {

    /** A program that may fail. */
    interface Program {
        void run() throws Throwable;
    }

    private Status() {}

    /** Prints one line. */
    static void print(String what, Object... namesAndValues) {
        StringBuilder line = new StringBuilder(what);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            line.append(' ').append(namesAndValues[i]).append('=').append(namesAndValues[i + 1]);
        }
        System.out.println(line);
        System.out.flush();
    }

    /** The names and numbers of a line. */
    static Map<String, Long> parse(String line) {
        Map<String, Long> values = new HashMap<>();
        for (String word : line.split(" ", -1)) {
            int at = word.indexOf('=');
            if (at > 0) {
                try {
                    values.put(word.substring(0, at), Long.parseLong(word.substring(at + 1)));
                } catch (NumberFormatException e) {
                    // a word that only people read
                }
            }
        }
        return values;
    }

    /** Runs a program; an error is a line on standard error that says what is wrong, and exit code 1. */
    static void exitWith(Program program) {
        try {
            program.run();
        } catch (Throwable e) {
            Throwable shown = e;
            System.err.println("ERROR: " + shown.getMessage());
            for (Throwable cause = shown.getCause(); cause != null; cause = cause.getCause()) {
                System.err.println("  because of " + cause);
            }
            System.exit(1);
        }
    }
}
