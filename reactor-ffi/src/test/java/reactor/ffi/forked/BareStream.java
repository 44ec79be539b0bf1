package reactor.ffi.forked;

import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.NativeFlux;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Source;

/** A stream that uses nothing of the optional libraries, and prints what was counted. */
final class BareStream {

    private BareStream() {}

    static void run() {
        NativeFlux.<Long>create(CallbackOptions.named("bare"), sink -> {
                    Source source = Source.events(
                            sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence)), 0);
                    sink.onDispose(source::close);
                    source.start(1, 100, 0);
                })
                .take(100)
                .blockLast();
        System.out.println(CallbackMetrics.of("bare").delivered() + " delivered");
        System.out.println(SchedulerMetrics.all().size() + " scheduler");
        System.out.println(PoolMetrics.now().stubs() > 0 ? "a stub" : "no stub");
    }
}
