package reactor.ffi.samples.dashboard;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeSink;
import reactor.ffi.Overflow;
import reactor.ffi.spring.CallbackStreams;

/** Needs nothing but Linux: a timer of glibc, on whose threads this machine's load and memory are sampled. */
final class EmbeddedSource implements EventSource {

    private static final Duration PERIOD = Duration.ofMillis(250);

    private final Flux<SourceEvent> events;

    EmbeddedSource(CallbackStreams streams) {
        // glibc starts a thread for each tick, so a policy that drops, not one that lets threads wait.
        CallbackOptions options = streams.options(name()).overflow(Overflow.dropOldest(1024));
        this.events = streams.share(options, EmbeddedSource::register);
    }

    private static void register(NativeSink<SourceEvent> sink) throws Throwable {
        Machine machine = new Machine(Path.of("/proc"));
        MemorySegment onTick = sink.callback(GlibcTimer.OnTick.class, value -> {
            long now = System.currentTimeMillis();
            machine.sample()
                    .forEach((topic, sample) ->
                            sink.next(SourceEvent.Message.of(now, topic, String.format(Locale.ROOT, "%.2f", sample))));
        });
        GlibcTimer timer = GlibcTimer.start(onTick, PERIOD);
        sink.onDispose(timer::stop);
        sink.next(new SourceEvent.Connected(System.currentTimeMillis(), "every " + PERIOD.toMillis() + " ms"));
    }

    @Override
    public String name() {
        return "embedded";
    }

    @Override
    public String description() {
        return "this machine, by a timer of glibc";
    }

    @Override
    public Flux<SourceEvent> events() {
        return events;
    }
}
