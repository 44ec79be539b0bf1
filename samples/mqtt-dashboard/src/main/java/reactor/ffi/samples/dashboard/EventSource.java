package reactor.ffi.samples.dashboard;

import reactor.core.publisher.Flux;

/** Where the events come from: one native registration, however many subscribe. */
interface EventSource {

    /** The name that the library counts it by, for {@link reactor.ffi.CallbackMetrics#of}. */
    String name();

    /** What the page says about it. */
    String description();

    /** Hot: each subscriber has a queue of its own, and loses its own oldest events if it is slow. */
    Flux<SourceEvent> events();
}
