package reactor.ffi.samples.video;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.ffi.CallbackOptions;

/** The sample as somebody starts it, in a JVM of its own; and whether it gives back what GStreamer lends it. */
class VideoFramesIT {

    private record Run(int exitCode, List<String> lines) {

        String last() {
            return lines.get(lines.size() - 1);
        }
    }

    @TempDir
    private Path folder;

    @Test
    void itPrintsEachFrameAndASummaryAndExits() throws Exception {
        Installed.gstreamer();

        Run run = run(Map.of(), "--frames=15", "--pattern=white");

        assertThat(run.exitCode()).as("%s", run.lines()).isZero();
        assertThat(run.lines()).hasSize(16);
        assertThat(run.lines().get(14)).matches("frame  15 .* on pictures");
        // video white is 235 of 255
        assertThat(run.last()).startsWith("onComplete: 15 frames, mean brightness 0.922; 0 dropped");
    }

    @Test
    void aPatternThatThereIsNotIsAnErrorAndItExits() throws Exception {
        Installed.gstreamer();

        Run run = run(Map.of(), "--pattern=plaid");

        assertThat(run.last()).startsWith("onError: ").contains("plaid");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void withoutALibraryItSaysWhatToInstall() throws Exception {
        Files.writeString(folder.resolve("libgstapp-1.0.so.0"), "not a library"); // found first, and refused

        Run run = run(Map.of("LD_LIBRARY_PATH", folder.toString()));

        assertThat(run.last()).contains("apt install gstreamer1.0-plugins-base libgstreamer-plugins-base1.0-0");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void withoutThePluginsItSaysWhatToInstall() throws Exception {
        Installed.gstreamer();

        Run run = run(Map.of(
                "GST_PLUGIN_SYSTEM_PATH_1_0", folder.toString(),
                "GST_REGISTRY_1_0", folder.resolve("registry").toString()));

        assertThat(run.last()).contains("its element videotestsrc is missing", "gstreamer1.0-plugins-base");
        assertThat(run.exitCode()).isEqualTo(1);
    }

    @Test
    void fiveThousandFramesLeaveTheProcessNoBigger() throws Exception {
        Installed.gstreamer();
        int frames = 5000;
        int size = 640 * 480;
        Video video = new Video("videotestsrc num-buffers=" + frames
                + " pattern=black ! video/x-raw,format=GRAY8,width=640,height=480 ! appsink name=frames sync=false");
        long before = residentBytes();

        assertThat(video.frames(CallbackOptions.named("many")).count().block()).isEqualTo(frames);

        assertThat(residentBytes() - before)
                .as("bytes that the process has grown by, of %d", (long) frames * size)
                .isLessThan((long) frames * size / 2);
    }

    private static long residentBytes() throws Exception {
        String[] pages = Files.readString(Path.of("/proc/self/statm")).split(" ", -1);
        return Long.parseLong(pages[1]) * 4096;
    }

    private Run run(Map<String, String> environment, String... arguments) throws Exception {
        Path out = folder.resolve("out.txt");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        VideoFrames.class.getName())
                .redirectInput(new File("/dev/null"))
                .redirectErrorStream(true)
                .redirectOutput(out.toFile());
        builder.command().addAll(List.of(arguments));
        builder.environment().putAll(environment);
        Process process = builder.start();
        boolean ended = process.waitFor(60, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        List<String> lines = Files.readAllLines(out);
        assertThat(ended).as("ended by itself: %s", lines).isTrue();
        return new Run(process.exitValue(), lines);
    }
}
