package reactor.ffi.micrometer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.PoolMetrics;
import reactor.ffi.SchedulerMetrics;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;

/** The meters of a registry, against what docs/metrics.md says and what the snapshots say. */
@Timeout(60)
class CallbackMetersTest {

    private static final AtomicInteger NAMES = new AtomicInteger();

    /** {@code | `reactor.ffi.name` | kind | tag | what |}. */
    private static final Pattern ROW =
            Pattern.compile("^\\| `(reactor\\.ffi\\.[a-z.]+)` \\| (\\w+) \\| (?:`(\\w+)`|) *\\|", Pattern.MULTILINE);

    private final String name = "meters-" + NAMES.incrementAndGet();
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final CallbackScheduler scheduler = CallbackScheduler.create(name);
    private final CallbackOptions options =
            CallbackOptions.named(name).on(scheduler).overflow(Overflow.dropNewest(4));
    private final AtomicReference<MemorySegment> pointer = new AtomicReference<>();

    @BeforeEach
    void bind() {
        new CallbackMeters().bindTo(registry);
    }

    @AfterEach
    void disposeOfTheScheduler() {
        scheduler.disposeGracefully().block(Duration.ofSeconds(20));
    }

    private Flux<Long> flux() {
        return NativeFlux.create(
                options,
                sink -> pointer.set(sink.callback(OnEvent.class, (thread, sequence, id) -> {
                    if (sequence == 9) {
                        throw new IllegalStateException("the tenth");
                    }
                    sink.next(sequence);
                })));
    }

    private double source(String meter) {
        return value("reactor.ffi.source." + meter, "source");
    }

    private double scheduler(String meter) {
        return value("reactor.ffi.scheduler." + meter, "scheduler");
    }

    private double value(String meter, String tag) {
        return registry.get(meter)
                .tag(tag, name)
                .meter()
                .measure()
                .iterator()
                .next()
                .getValue();
    }

    private Set<Meter> of(String name) {
        return registry.getMeters().stream()
                .filter(meter ->
                        meter.getId().getTags().stream().map(Tag::getValue).anyMatch(name::equals))
                .collect(Collectors.toSet());
    }

    @Test
    void areThoseOfTheDocument() throws IOException {
        flux().subscribe(value -> {}, error -> {});
        await().until(() -> of(name).size() == 15 + 5);
        Path document = Path.of(System.getProperty("basedir", "")).resolve("../docs/metrics.md");
        Set<String> documented = ROW.matcher(Files.readString(document))
                .results()
                .map(row -> row.group(1) + " " + row.group(2) + " " + (row.group(3) == null ? "" : row.group(3)))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> registered = registry.getMeters().stream()
                .map(Meter::getId)
                .map(id -> id.getName() + " "
                        + (id.getType() == Meter.Type.COUNTER ? "counter" : "gauge") + " "
                        + id.getTags().stream().map(Tag::getKey).collect(Collectors.joining()))
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(registered).hasSize(24).isEqualTo(documented);
    }

    @Test
    void ofASourceSayWhatItsSnapshotSays() {
        BaseSubscriber<Long> subscriber = new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                request(1);
            }
        };
        flux().subscribe(subscriber);
        Calls.fromThreads(pointer.get(), 1, 1, 0);
        await().until(() -> source("delivered") == 1);
        Calls.fromThreads(pointer.get(), 1, 9, 0); // four are queued, five are dropped
        assertThat(source("events")).isEqualTo(10);
        assertThat(source("discarded")).isEqualTo(5);
        assertThat(source("dropped")).isEqualTo(5);
        assertThat(source("queued")).isEqualTo(4);
        assertThat(source("subscribers")).isEqualTo(1);
        assertThat(source("waiting")).isZero();
        assertThat(source("reserved")).isZero();
        Calls.fromThreads(pointer.get(), 1, 10, 0); // nine more are dropped, the tenth fails
        assertThat(source("calls.failed")).isEqualTo(1);
        subscriber.cancel();
        await().until(() -> source("subscribers") == 0);
        Calls.fromThreads(pointer.get(), 1, 3, 0);
        assertThat(source("calls.late")).isEqualTo(3);
        assertThat(source("calls.refused")).isZero();
        assertThat(source("queued")).isZero();
        assertThat(source("events")).isEqualTo(19);
        assertThat(source("discarded")).isEqualTo(18);
        assertThat(source("dropped")).isEqualTo(14);
    }

    @Test
    void ofASchedulerAndOfThePoolSayWhatTheirSnapshotsSay() {
        flux().subscribe(value -> {}, error -> {});
        scheduler.ref();
        scheduler.schedule(() -> {});
        await().until(() -> {
            SchedulerMetrics seen = SchedulerMetrics.of(scheduler);
            return seen.turns() > 0
                    && scheduler("turns") == seen.turns()
                    && scheduler("wakeups") == seen.wakeUps()
                    && Math.abs(scheduler("turn.longest") - seen.longestTurn().toNanos() / 1e9) < 1e-12;
        });
        assertThat(scheduler("refs")).isEqualTo(1);
        assertThat(scheduler("sources")).isEqualTo(1);
        scheduler.unref();
        PoolMetrics pool = PoolMetrics.now();
        assertThat(registry.get("reactor.ffi.pool.stubs").gauge().value()).isEqualTo(pool.stubs());
        assertThat(registry.get("reactor.ffi.pool.quarantined").gauge().value()).isEqualTo(pool.quarantined());
        assertThat(registry.get("reactor.ffi.pool.reused.early")
                        .functionCounter()
                        .count())
                .isEqualTo((double) pool.reusedEarly());
        assertThat(registry.get("reactor.ffi.pool.unknown").functionCounter().count())
                .isEqualTo((double) pool.unknown());
        assertThat(registry.get("reactor.ffi.scheduler.turn.longest")
                        .timeGauge()
                        .baseTimeUnit())
                .isEqualTo(TimeUnit.SECONDS);
    }

    @Test
    void ofWhatComesLaterAreThereAtOnceAndOfWhatWasThereBeforeToo() {
        assertThat(of(name)).isEmpty();
        flux().subscribe(value -> {}, error -> {});
        assertThat(source("subscribers")).isEqualTo(1);
        await().until(() -> of(name).size() == 15 + 5);
        MeterRegistry later = new SimpleMeterRegistry();
        new CallbackMeters().bindTo(later);
        assertThat(later.get("reactor.ffi.source.subscribers")
                        .tag("source", name)
                        .gauge()
                        .value())
                .isEqualTo(1);
        assertThat(later.get("reactor.ffi.scheduler.sources")
                        .tag("scheduler", name)
                        .gauge()
                        .value())
                .isEqualTo(1);
    }

    @Test
    void ofASchedulerGoWithItsThreadAndThoseOfItsSourcesStay() {
        flux().subscribe(value -> {}, error -> {});
        await().until(() -> of(name).size() == 15 + 5);
        scheduler.disposeGracefully().block(Duration.ofSeconds(20));
        assertThat(of(name)).hasSize(15);
        assertThat(source("subscribers")).isZero();
    }

    @Test
    void ofSchedulersOfOneNameAreAddedUp() {
        CallbackScheduler namesake = CallbackScheduler.create(name);
        NativeFlux.create(options.on(namesake), sink -> {}).subscribe(value -> {}, error -> {});
        flux().subscribe(value -> {}, error -> {});
        await().until(() -> scheduler("sources") == 2);
        namesake.disposeGracefully().block(Duration.ofSeconds(20));
        assertThat(scheduler("sources")).isEqualTo(1);
    }

    @Test
    void ofForgottenNamesGo() {
        for (int i = 0; i < 1_000; i++) {
            once(i);
        }
        AtomicInteger next = new AtomicInteger(1_000);
        await().until(() -> {
            System.gc();
            once(next.getAndIncrement()); // a new name is when forgotten ones are noticed
            return of(name + " once 0").isEmpty() && sources().size() <= 256 + 2;
        });
        List<String> known = CallbackMetrics.all().stream()
                .map(CallbackMetrics::name)
                .filter(each -> each.startsWith(name + " once "))
                .toList();
        assertThat(known).isNotEmpty();
        assertThat(sources())
                .extracting(meter -> meter.getId().getTag("source"))
                .containsAll(known);
    }

    private void once(int i) {
        CallbackOptions one = CallbackOptions.named(name + " once " + i).on(scheduler);
        NativeFlux.<Long>create(one, sink -> sink.complete()).blockLast(Duration.ofSeconds(20));
    }

    private List<Meter> sources() {
        return registry.getMeters().stream()
                .filter(meter -> meter.getId().getName().equals("reactor.ffi.source.events"))
                .filter(meter -> String.valueOf(meter.getId().getTag("source")).startsWith(name + " once "))
                .toList();
    }

    @Test
    void doNotHoldTheirRegistry() {
        WeakReference<MeterRegistry> reference = boundAndForgotten();
        await().until(() -> {
            System.gc();
            return reference.refersTo(null);
        });
        flux().subscribe(value -> {}, error -> {}); // tells those that listen
        assertThat(source("subscribers")).isEqualTo(1);
    }

    private static WeakReference<MeterRegistry> boundAndForgotten() {
        MeterRegistry registry = new SimpleMeterRegistry();
        new CallbackMeters().bindTo(registry);
        return new WeakReference<>(registry);
    }

    @Test
    void areRegisteredOnceHoweverOftenTheyAreBound() {
        AtomicInteger added = new AtomicInteger();
        MeterRegistry counting = new SimpleMeterRegistry();
        counting.config().onMeterAdded(meter -> added.incrementAndGet());
        new CallbackMeters().bindTo(counting);
        int once = added.get();
        counting.getMeters().forEach(counting::remove);
        new CallbackMeters().bindTo(counting);
        assertThat(added).hasValue(once);
        assertThat(once).isGreaterThanOrEqualTo(3);
    }

    @Test
    void thatARegistryRefusesHurtNobody() {
        MeterRegistry hostile = new SimpleMeterRegistry();
        hostile.config().meterFilter(new MeterFilter() {
            @Override
            public Meter.Id map(Meter.Id id) {
                throw new IllegalStateException("no meters");
            }
        });
        new CallbackMeters().bindTo(hostile);
        assertThat(flux().subscribe(value -> {}, error -> {}).isDisposed()).isFalse();
        assertThat(hostile.getMeters()).isEmpty();
        assertThat(source("subscribers")).isEqualTo(1);
    }
}
