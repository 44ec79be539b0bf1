package reactor.ffi.samples.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptionsTest {

    @Test
    void withoutArgumentsAllMeasuresAreTakenOfAllJvmContendersAtTheQuickSetting() throws Exception {
        Options options = parse();

        assertThat(options.full()).isFalse();
        assertThat(options.measures()).isEqualTo(EnumSet.allOf(Measure.class));
        assertThat(options.contenders())
                .containsExactlyInAnyOrderElementsOf(EnumSet.range(Contender.BARE, Contender.EXECUTOR_GET));
        assertThat(options.rounds()).isGreaterThanOrEqualTo(7);
        assertThat(options.json()).isNull();
        assertThat(options.svg()).isNull();
        assertThat(options.jvm()).isEmpty();
    }

    @Test
    void eachArgumentIsTaken() throws Exception {
        Options options = parse(
                "--full",
                "--peers",
                "--measures",
                "stream,answered_lent",
                "--contenders",
                "bare,reactor-ffi,node-api",
                "--rounds",
                "9",
                "--json",
                "out.json",
                "--svg",
                "out.svg",
                "--jvm",
                "-XX:+UseSerialGC",
                "--jvm",
                "-Xmx512m");

        assertThat(options.full()).isTrue();
        assertThat(options.measures()).containsExactly(Measure.STREAM, Measure.ANSWERED_LENT);
        assertThat(options.contenders()).containsExactly(Contender.BARE, Contender.REACTOR_FFI, Contender.NODE_API);
        assertThat(options.rounds()).isEqualTo(9);
        assertThat(options.json()).isEqualTo(Path.of("out.json"));
        assertThat(options.svg()).isEqualTo(Path.of("out.svg"));
        assertThat(options.jvm()).containsExactly("-XX:+UseSerialGC", "-Xmx512m");
    }

    @Test
    void theFullSettingHasMoreRoundsAndEvents() throws Exception {
        Options quick = parse();
        Options full = parse("--full");

        assertThat(full.rounds()).isGreaterThan(quick.rounds());
        assertThat(full.count(Measure.STREAM)).isEqualTo(2_000_000).isGreaterThan(quick.count(Measure.STREAM));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--ful",
                "stream",
                "--measures",
                "--measures strem",
                "--measures stream,",
                "--contenders baer",
                "--contenders park-unpark --measures stream",
                "--rounds 0",
                "--rounds many",
                "--json",
                "--measures stream --jmh"
            })
    void aWrongCommandLineIsAnsweredWithWhatIsPossible(String line) {
        String[] arguments = line.split(" ", -1);
        String wrong = arguments[arguments.length - 1];

        assertThatThrownBy(() -> parse(arguments))
                .isInstanceOf(Options.UsageException.class)
                .hasMessageContaining(wrong.replace("stream,", "\"\""))
                .hasMessageContaining("--full")
                .hasMessageContaining("answered_parked")
                .hasMessageContaining("reactor-ffi-unbounded");
    }

    @Test
    void peersAreRefusedByNameUnlessTheyAreAskedFor() {
        assertThatThrownBy(() -> parse("--contenders", "deno", "--measures", "stream"))
                .hasMessageContaining("--peers");
    }

    @ParameterizedTest
    @EnumSource(Measure.class)
    void eachMeasureHasThisLibraryAndAtMostOneBareContender(Measure measure) {
        assertThat(Contender.REACTOR_FFI.takesPartIn(measure)).isTrue();
        assertThat(EnumSet.allOf(Contender.class))
                .filteredOn(contender -> contender.isBare() && contender.takesPartIn(measure))
                .hasSize(measure == Measure.IDLE ? 0 : 1);
    }

    @ParameterizedTest
    @EnumSource(Measure.class)
    void whoIsComparedWithStubsOfItsOwnMeetsThemInEachMeasure(Measure measure) {
        assertThat(EnumSet.allOf(Contender.class))
                .filteredOn(contender -> contender.takesPartIn(measure))
                .allSatisfy(contender -> assertThat(contender.ownStub(measure).stream())
                        .allMatch(own -> own != contender && own.takesPartIn(measure)));
    }

    private static Options parse(String... arguments) throws Options.UsageException {
        return Options.parse(List.of(arguments));
    }
}
