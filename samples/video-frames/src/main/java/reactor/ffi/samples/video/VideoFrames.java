package reactor.ffi.samples.video;

import java.util.Locale;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;

/**
 * Takes the frames of a GStreamer test picture as a {@link Flux}, and prints how bright each is. No screen is needed. When
 * the picture ends the Flux completes, and the JVM exits by itself.
 */
public final class VideoFrames {

    private static final int COLUMNS = 48;

    private VideoFrames() {}

    /**
     * Runs the sample.
     *
     * @param args {@code --frames=N}, 90 without it; {@code --pattern=name}, ball without it: smpte, snow, black, white, blink,
     *     zone-plate, and all that {@code videotestsrc} has
     */
    public static void main(String[] args) {
        int count = 90;
        String pattern = "ball";
        for (String arg : args) {
            if (arg.startsWith("--frames=")) {
                count = Integer.parseInt(arg.substring("--frames=".length()));
            } else if (arg.startsWith("--pattern=")) {
                pattern = arg.substring("--pattern=".length());
            } else {
                throw new IllegalArgumentException(arg + " is unknown; there are --frames=N and --pattern=name");
            }
        }
        try {
            GStreamer.init();
            show(
                    new Video(
                            "videotestsrc is-live=true num-buffers=" + count + " pattern=" + pattern
                                    + " ! video/x-raw,format=GRAY8,width=320,height=240,framerate=30/1 ! appsink name=frames sync=false"));
        } catch (MissingException missing) {
            System.err.println("Cannot run: " + missing.getMessage());
            System.exit(1);
        } catch (RuntimeException failed) {
            System.err.println("onError: " + failed.getMessage());
            System.exit(1);
        }
    }

    private static void show(Video video) {
        try (CallbackScheduler scheduler = CallbackScheduler.create("pictures")) {
            Flux<Frame> frames = video.frames(CallbackOptions.named("frames").on(scheduler));
            frames.index()
                    .doOnNext(numbered -> print(numbered.getT1() + 1, numbered.getT2()))
                    .map(numbered -> numbered.getT2().brightness())
                    .collectList()
                    .doOnNext(all -> System.out.printf(
                            Locale.ROOT,
                            "onComplete: %d frames, mean brightness %.3f; %d dropped, %d late calls%n",
                            all.size(),
                            all.stream().mapToDouble(each -> each).average().orElse(0),
                            CallbackMetrics.of("frames").discarded(),
                            CallbackMetrics.of("frames").lateCalls()))
                    .block();
        }
    }

    private static void print(long number, Frame frame) {
        System.out.printf(
                Locale.ROOT,
                "frame %3d  %5.2f s  brightness %.3f  |%s|  on %s%n",
                number,
                frame.nanos() / 1e9,
                frame.brightness(),
                frame.line(COLUMNS),
                Thread.currentThread().getName());
    }
}
