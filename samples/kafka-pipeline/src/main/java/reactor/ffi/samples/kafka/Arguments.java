package reactor.ffi.samples.kafka;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The command line: {@code --name=value}. A name that the program does not know is an error that lists those it knows. */
final class Arguments {

    private final Map<String, String> values;

    private Arguments(Map<String, String> values) {
        this.values = values;
    }

    /**
     * Parses a command line.
     *
     * @param args each {@code --name=value}; an empty value leaves the default
     * @param defaults every name that the program knows, with its default
     * @throws IllegalArgumentException if an argument has another form or an unknown name
     */
    static Arguments parse(String[] args, Map<String, String> defaults) {
        Map<String, String> values = new TreeMap<>(defaults);
        for (String arg : args) {
            int at = arg.indexOf('=');
            if (!arg.startsWith("--") || at < 0) {
                throw new IllegalArgumentException(
                        arg + " is not of the form --name=value; known are " + names(defaults));
            }
            String name = arg.substring(2, at);
            if (!defaults.containsKey(name)) {
                throw new IllegalArgumentException("--" + name + " is unknown; known are " + names(defaults));
            }
            if (at + 1 < arg.length()) {
                values.put(name, arg.substring(at + 1));
            }
        }
        return new Arguments(values);
    }

    private static String names(Map<String, String> defaults) {
        return String.join(
                ", ",
                new TreeMap<>(defaults)
                        .keySet().stream().map(name -> "--" + name).toList());
    }

    String text(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalStateException("no default for " + name);
        }
        return value;
    }

    /** A value that the program cannot do without. */
    String required(String name) {
        String value = text(name);
        if (value.isEmpty()) {
            throw new IllegalArgumentException("--" + name + " is missing");
        }
        return value;
    }

    long number(String name, long least) {
        String value = text(name);
        try {
            long number = Long.parseLong(value);
            if (number >= least) {
                return number;
            }
        } catch (NumberFormatException e) {
            // the same answer as for a number that is too small
        }
        throw new IllegalArgumentException("--" + name + " is " + value + "; it must be a whole number from " + least);
    }

    /** Whole numbers from 1, with commas between them. */
    List<Integer> numbers(String name) {
        try {
            List<Integer> numbers =
                    Stream.of(text(name).split(",", -1)).map(Integer::valueOf).toList();
            if (numbers.stream().allMatch(number -> number > 0)) {
                return numbers;
            }
        } catch (NumberFormatException e) {
            // the same answer as for a number that is too small
        }
        throw new IllegalArgumentException(
                "--" + name + " is " + text(name) + "; it must be whole numbers from 1, with commas between them");
    }

    int count(String name) {
        return Math.toIntExact(Math.min(Integer.MAX_VALUE, number(name, 1)));
    }
}
