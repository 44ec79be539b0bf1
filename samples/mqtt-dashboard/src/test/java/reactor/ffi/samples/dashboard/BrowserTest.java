package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;

/** Browsers on a shared stream whose callback the test calls, through its C function pointer. */
class BrowserTest {

    private static final int QUEUE = 1024;

    private final CallbackScheduler scheduler = CallbackScheduler.create("browser-test");
    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();
    private final Flux<SourceEvent> events = NativeFlux.share(
            CallbackOptions.named("browser-test").on(scheduler).overflow(Overflow.dropOldest(QUEUE)),
            sink -> pointer.set(sink.callback(
                    GlibcTimer.OnTick.class,
                    value -> sink.next(SourceEvent.Message.of(value, "topic/" + value % 4, Long.toString(value))))));

    @AfterEach
    void close() {
        scheduler.close();
    }

    private void fire(int from, int to) {
        await().until(() -> pointer.get() != null);
        GlibcTimer.OnTick onTick = CFunction.at(pointer.get(), GlibcTimer.OnTick.class);
        for (int value = from; value < to; value++) {
            onTick.tick(value);
        }
    }

    @Test
    void aFrameSumsUpEachTopic() {
        List<Browser.Frame> frames = new CopyOnWriteArrayList<>();
        Browser browser = new Browser(new AtomicLong());
        Disposable looking = browser.frames(events).subscribe(frames::add);
        fire(0, 400);
        await().until(() -> browser.delivered() == 400);
        looking.dispose();

        assertThat(frames)
                .isNotEmpty()
                .allSatisfy(frame -> assertThat(frame.topics())
                        .extracting(Topics.View::topic)
                        .doesNotHaveDuplicates());
        List<Topics.View> views = frames.stream()
                .flatMap(frame -> frame.topics().stream())
                .filter(view -> view.topic().equals("topic/3"))
                .toList();
        assertThat(views.stream().mapToLong(Topics.View::count).sum()).isEqualTo(100);
        assertThat(views.get(0).min()).isEqualTo(3.0);
        Topics.View newest = views.get(views.size() - 1);
        assertThat(newest.text()).isEqualTo("399");
        assertThat(newest.value()).isEqualTo(399.0);
        assertThat(newest.max()).isEqualTo(399.0);
        assertThat(newest.at()).isEqualTo(399);
    }

    @Test
    void aBrowserThatDoesNotReadLosesItsOldestValuesAndHurtsNobody() {
        int all = 8_000;
        List<Browser.Frame> slowFrames = new CopyOnWriteArrayList<>();
        BaseSubscriber<Browser.Frame> reader = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                // asks for nothing yet
            }

            @Override
            protected void hookOnNext(Browser.Frame frame) {
                slowFrames.add(frame);
            }
        };
        Browser slow = new Browser(new AtomicLong());
        slow.frames(events).subscribe(reader);
        Browser quick = new Browser(new AtomicLong());
        Disposable looking = quick.frames(events).subscribe();

        for (int from = 0; from < all; from += QUEUE / 2) {
            int to = Math.min(all, from + QUEUE / 2);
            fire(from, to);
            await().until(() -> quick.delivered() + quick.dropped() == to); // so that only the slow one is slow
        }
        assertThat(quick.dropped()).isZero();
        assertThat(slow.delivered()).isLessThan(all / 2);

        reader.request(Long.MAX_VALUE);
        await().until(() -> slow.delivered() + slow.dropped() == all);
        looking.dispose();
        reader.dispose();
        assertThat(slow.dropped()).isGreaterThan(all / 2);
        Browser.Frame last = slowFrames.get(slowFrames.size() - 1);
        assertThat(last.delivered() + last.dropped()).as("what it is told").isEqualTo(all);
        assertThat(last.topics())
                .extracting(Topics.View::text)
                .as("the newest are there")
                .contains(Integer.toString(all - 1));
    }

    @Test
    void topicsBeyondWhatAPageMayHaveAreDropped() {
        Topics topics = new Topics();
        for (int i = 0; i < Topics.MOST; i++) {
            assertThat(topics.add(SourceEvent.Message.of(i, "topic/" + i, "x"))).isTrue();
        }
        assertThat(topics.add(SourceEvent.Message.of(0, "one/more", "x"))).isFalse();
        assertThat(topics.add(SourceEvent.Message.of(0, "topic/0", "x"))).isTrue();
        assertThat(topics.views()).hasSize(Topics.MOST);
    }

    @Test
    void aTextIsANumberOrNot() {
        assertThat(SourceEvent.Message.of(0, "t", "-12.5e1").value()).isEqualTo(-125.0);
        assertThat(SourceEvent.Message.of(0, "t", "+.5\n").value()).isEqualTo(0.5);
        assertThat(SourceEvent.Message.of(0, "t", "7.").value()).isEqualTo(7.0);
        for (String text : List.of(
                "", "on", "NaN", "-Infinity", "1e999", "1e301", "12 apples", "-", ".", "12d", "1f", "0x1p3", "1e")) {
            assertThat(SourceEvent.Message.of(0, "t", text).value()).as(text).isNull();
        }
        assertThat(SourceEvent.Message.of(0, "t", new Excerpt("12", 1)).value())
                .as("the beginning of a number")
                .isNull();
    }
}
