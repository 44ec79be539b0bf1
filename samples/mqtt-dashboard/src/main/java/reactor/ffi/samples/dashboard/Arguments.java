package reactor.ffi.samples.dashboard;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the command line asks for. Options with a dot in their name, such as {@code --server.port=8081}, are Spring's.
 *
 * @param mqtt whether to speak to a broker; otherwise the embedded source runs
 * @param host the broker's host
 * @param port the broker's port
 */
record Arguments(boolean mqtt, String host, int port) {

    static final String USAGE = """
            Usage: [--source=embedded|mqtt] [--broker=host[:port]] [--server.port=8080] [--server.address=0.0.0.0]
              --source=embedded   this machine's load and memory, sampled by a timer of glibc (the default)
              --source=mqtt       the messages of an MQTT broker; needs libmosquitto.so.1 (Debian: libmosquitto1)
              --broker=host:port  which broker; localhost:1883 without it
            Other options of Spring Boot have a dot in their name, and are passed on.""";

    private static final int MQTT_PORT = 1883;
    private static final Pattern OPTION = Pattern.compile("--([^=]+)=(.*)");
    private static final Pattern BROKER = Pattern.compile("(\\[[0-9a-fA-F:.]+\\]|[^:\\s]+)(?::(\\d{1,5}))?");

    /** The message of the exception is for the one who typed it. */
    static Arguments parse(String... args) {
        String source = "embedded";
        String broker = null;
        for (String arg : args) {
            Matcher option = OPTION.matcher(arg);
            if (!option.matches()) {
                throw new IllegalArgumentException("'" + arg + "' is not of the form --name=value");
            }
            String name = option.group(1);
            if (name.equals("source")) {
                source = option.group(2);
            } else if (name.equals("broker")) {
                broker = option.group(2);
            } else if (!name.contains(".")) {
                throw new IllegalArgumentException("There is no option --" + name);
            }
        }
        boolean mqtt = source.equals("mqtt");
        if (!mqtt && !source.equals("embedded")) {
            throw new IllegalArgumentException("--source is '" + source + "'; it must be embedded or mqtt");
        }
        if (!mqtt && broker != null) {
            throw new IllegalArgumentException("--broker is of no use without --source=mqtt");
        }
        return of(mqtt, broker == null ? "localhost" : broker);
    }

    private static Arguments of(boolean mqtt, String broker) {
        Matcher parts = BROKER.matcher(broker);
        if (!parts.matches()) {
            throw new IllegalArgumentException("--broker is '" + broker + "'; it must be host or host:port");
        }
        int port = parts.group(2) == null ? MQTT_PORT : Integer.parseInt(parts.group(2));
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("--broker has port " + port + "; it must be from 1 to 65535");
        }
        String host = parts.group(1);
        return new Arguments(mqtt, host.startsWith("[") ? host.substring(1, host.length() - 1) : host, port);
    }
}
