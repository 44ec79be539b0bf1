package reactor.ffi.samples.ticks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.NativeSink;
import reactor.ffi.spring.CallbackStreams;

/** The application of docs/spring.md. */
@SpringBootApplication
@RestController
public class Ticks {

    interface OnTick {
        void tick(long value);
    }

    interface Create {
        int create(int clock, MemorySegment event, MemorySegment timer);
    }

    interface SetTime {
        int set(MemorySegment timer, int flags, MemorySegment times, MemorySegment old);
    }

    interface Delete {
        int delete(MemorySegment timer);
    }

    private static final Create TIMER_CREATE = CFunction.named("timer_create", Create.class);
    private static final SetTime TIMER_SETTIME = CFunction.named("timer_settime", SetTime.class);
    private static final Delete TIMER_DELETE = CFunction.named("timer_delete", Delete.class);

    private final Flux<Long> ticks;

    Ticks(CallbackStreams streams) {
        ticks = streams.share(streams.options("ticks"), Ticks::register);
    }

    private static void register(NativeSink<Long> sink) {
        MemorySegment onTick = sink.callback(OnTick.class, value -> sink.next(System.currentTimeMillis()));
        Arena arena = sink.arena();
        MemorySegment event = arena.allocate(64); // struct sigevent
        event.set(JAVA_INT, 12, 2); // sigev_notify = SIGEV_THREAD
        event.set(ADDRESS, 16, onTick); // sigev_notify_function
        MemorySegment timer = arena.allocate(ADDRESS);
        TIMER_CREATE.create(1, event, timer); // CLOCK_MONOTONIC
        MemorySegment times = arena.allocate(32); // struct itimerspec
        times.set(JAVA_LONG, 8, 100_000_000); // it_interval.tv_nsec
        times.set(JAVA_LONG, 24, 100_000_000); // it_value.tv_nsec
        TIMER_SETTIME.set(timer.get(ADDRESS, 0), 0, times, MemorySegment.NULL);
        sink.onDispose(() -> TIMER_DELETE.delete(timer.get(ADDRESS, 0)));
    }

    @GetMapping(path = "/ticks", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    Flux<Long> ticks() {
        return ticks;
    }

    public static void main(String[] args) {
        SpringApplication.run(Ticks.class, args);
    }
}
