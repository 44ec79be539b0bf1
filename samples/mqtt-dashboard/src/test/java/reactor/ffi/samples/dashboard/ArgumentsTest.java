package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ArgumentsTest {

    @Test
    void withoutAnyTheSourceIsEmbedded() {
        assertThat(Arguments.parse().mqtt()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "broker.example:2883, broker.example, 2883",
        "broker.example, broker.example, 1883",
        "127.0.0.1:1, 127.0.0.1, 1",
        "[::1]:65535, ::1, 65535",
        "[::1], ::1, 1883"
    })
    void aBrokerIsAHostAndMayHaveAPort(String broker, String host, int port) {
        assertThat(Arguments.parse("--source=mqtt", "--broker=" + broker)).isEqualTo(new Arguments(true, host, port));
    }

    @Test
    void withoutABrokerItIsTheOneOfThisMachine() {
        assertThat(Arguments.parse("--source=mqtt")).isEqualTo(new Arguments(true, "localhost", 1883));
    }

    @Test
    void whatHasADotIsSprings() {
        assertThat(Arguments.parse("--server.port=0", "--source=embedded").mqtt())
                .isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            delimiter = '|',
            value = {
                "--source=kafka | --source is 'kafka'; it must be embedded or mqtt",
                "--source=mqtt --broker= | --broker is ''; it must be host or host:port",
                "--source=mqtt --broker=host: | --broker is 'host:'; it must be host or host:port",
                "--source=mqtt --broker=a:b | --broker is 'a:b'; it must be host or host:port",
                "--source=mqtt --broker=host:0 | --broker has port 0; it must be from 1 to 65535",
                "--source=mqtt --broker=host:65536 | --broker has port 65536; it must be from 1 to 65535",
                "--broker=host:1883 | --broker is of no use without --source=mqtt",
                "--sauce=mqtt | There is no option --sauce",
                "mqtt | 'mqtt' is not of the form --name=value",
                "--source | '--source' is not of the form --name=value"
            })
    void aMistakeIsNamed(String line, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Arguments.parse(line.split(" ", -1)))
                .withMessage(message);
    }
}
