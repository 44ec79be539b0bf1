package reactor.ffi.samples.video;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.Overflow;
import reactor.ffi.PoolMetrics;
import reactor.test.StepVerifier;

/** Pipelines of the real GStreamer. */
@Timeout(60)
class VideoTest {

    private static final Duration LONG = Duration.ofSeconds(20);
    private static final String SMALL = " ! video/x-raw,format=GRAY8,width=30,height=16,framerate=30/1";
    private static final String SINK = " ! appsink name=frames sync=false";

    @BeforeAll
    static void findsGStreamer() {
        Installed.gstreamer();
    }

    private static Flux<Frame> frames(String name, String source) {
        return new Video(source + SINK).frames(CallbackOptions.named(name));
    }

    @Test
    void theEndOfTheStreamCompletesAfterAllFrames() {
        List<Frame> all = frames("eos", "videotestsrc num-buffers=20" + SMALL)
                .collectList()
                .block(LONG);

        assertThat(all).hasSize(20).allMatch(frame -> frame.width() == 30 && frame.height() == 16);
        assertThat(all).extracting(Frame::nanos).isSorted().startsWith(0L, 33_333_333L);
    }

    @Test
    void framesAreCopiesThatStayWhenGStreamerUsesTheBuffersAgain() {
        String noise = "videotestsrc pattern=snow num-buffers=60 ! video/x-raw,format=GRAY8,width=300,height=200";
        List<Frame> all = frames("copies", noise).collectList().block(LONG);

        assertThat(all).hasSize(60).extracting(frame -> frame.line(300)).doesNotHaveDuplicates();
    }

    @Test
    void theBrightnessIsThatOfThePicture() {
        List<Double> all = frames("blink", "videotestsrc pattern=blink num-buffers=10" + SMALL)
                .map(Frame::brightness)
                .collectList()
                .block(LONG);

        assertThat(all).hasSize(10);
        for (int i = 1; i < all.size(); i++) {
            assertThat(Math.max(all.get(i), all.get(i - 1))).as("light").isGreaterThan(0.9);
            assertThat(Math.min(all.get(i), all.get(i - 1))).as("dark").isLessThan(0.1);
        }
    }

    @Test
    void anErrorOnTheBusIsTheErrorOfTheStream() {
        StepVerifier.create(frames("bus", "videotestsrc" + SMALL + " ! identity error-after=3"))
                .expectNextCount(2)
                .verifyErrorSatisfies(error -> assertThat(error).hasMessageContaining("Failed after iterations"));
    }

    @Test
    void capsThatDoNotFitAreAnErrorThatNamesThePipeline() {
        StepVerifier.create(frames("caps", "videotestsrc ! audio/x-raw"))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .hasMessageContaining("could not link")
                        .hasMessageContaining("videotestsrc ! audio/x-raw"));
    }

    @Test
    void aPipelineWithoutTheSinkIsAnErrorThatSaysSo() {
        StepVerifier.create(new Video("videotestsrc ! fakesink").frames(CallbackOptions.named("no-sink")))
                .verifyErrorSatisfies(error ->
                        assertThat(error).hasMessage("there is no appsink name=frames in: videotestsrc ! fakesink"));
    }

    @Test
    void aHandlerThatFailsAnswersGstFlowErrorAndIsNotAskedAgain() {
        StepVerifier.create(frames("failing", "audiotestsrc"))
                .verifyErrorSatisfies(error -> assertThat(error).hasMessageContaining("is it video?"));

        assertThat(CallbackMetrics.of("failing").failedCalls()).isEqualTo(1);
    }

    @Test
    void aSinkThatRefusesAnswersGstFlowEosAndIsNotAskedAgain() throws InterruptedException {
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        try (CallbackScheduler scheduler = CallbackScheduler.create("busy")) {
            Disposable subscription = new Video("videotestsrc" + SMALL + SINK)
                    .frames(CallbackOptions.named("refusing").on(scheduler).overflow(Overflow.dropNewest(1)))
                    .subscribe(frame -> {
                        first.countDown();
                        hold(release); // nobody can stop the pipeline meanwhile
                    });
            first.await();
            subscription.dispose();

            AtomicLong before = new AtomicLong(-1);
            await("no more frames are made")
                    .atMost(LONG)
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> {
                        long discarded = CallbackMetrics.of("refusing").discarded();
                        return before.getAndSet(discarded) == discarded;
                    });
            release.countDown();
        }
    }

    @Test
    void aCancelFromInsideOnNextStopsThePipelineAndDoesNotHang() {
        // The second one registers when the first has stopped its pipeline.
        StepVerifier.create(frames("cancel", "videotestsrc" + SMALL).take(3).repeat(1))
                .expectNextCount(6)
                .expectComplete()
                .verify(LONG);
    }

    @Test
    void aCancelWhileTheStreamingThreadWaitsForRoomDoesNotHang() {
        CallbackOptions options = CallbackOptions.named("waiting").overflow(Overflow.block(1, Duration.ofMinutes(5)));
        Flux<Frame> frames = new Video("videotestsrc" + SMALL + SINK).frames(options);
        StepVerifier.create(frames, 1).expectNextCount(1).thenCancel().verify(LONG);

        // It registers when the first has stopped its pipeline.
        StepVerifier.create(frames.take(1)).expectNextCount(1).expectComplete().verify(LONG);
    }

    @Test
    void allPipelinesShareOnePointerAndTheDestroyNotifyLetsGoOfTheirFallbacksAtOnce() {
        int before = PoolMetrics.now().quarantined();
        Video video = new Video("videotestsrc" + SMALL + SINK);
        Long subscriptions = video.frames(CallbackOptions.named("handshake"))
                .take(1)
                .repeat(29)
                .count()
                .block(LONG);

        assertThat(subscriptions).isEqualTo(30);
        assertThat(video.pointers()).isEqualTo(1);
        // Without the handshake the fallbacks of each subscription are kept for ten seconds.
        assertThat(PoolMetrics.now().quarantined() - before).isLessThan(15);
    }

    @Test
    void aSlowConsumerOfTheLatestFrameLosesTheOthersAndSaysSo() {
        Long delivered = new Video("videotestsrc num-buffers=300" + SMALL + SINK)
                .frames(CallbackOptions.named("latest").overflow(Overflow.latest()))
                .map(Frame::brightness)
                .count()
                .block(LONG);

        CallbackMetrics seen = CallbackMetrics.of("latest");
        assertThat(seen.delivered()).isEqualTo(delivered);
        assertThat(seen.delivered() + seen.discarded()).isEqualTo(300);
    }

    private static void hold(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
