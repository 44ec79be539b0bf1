package reactor.ffi.samples.dashboard;

import org.springframework.http.MediaType;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;

/** What the page subscribes to. */
@RestController
class EventsController {

    private final Feed feed;

    EventsController(Feed feed) {
        this.feed = feed;
    }

    @GetMapping(path = "/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    Flux<ServerSentEvent<?>> events() {
        return feed.open();
    }
}
