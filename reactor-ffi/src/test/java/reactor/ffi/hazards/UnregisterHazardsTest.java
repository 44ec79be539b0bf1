package reactor.ffi.hazards;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.Disposable;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Libraries;

/** docs/hazards.md, "Unregistering": the three ways of real libraries to say that they are done, or not. */
@Timeout(60)
@SuppressWarnings("restricted")
class UnregisterHazardsTest {

    private static final Duration SOON = Duration.ofSeconds(20);

    // ---- does not wait

    @Test
    void timerDeleteReturnsWhileACallbackIsInside() throws Exception {
        List<String> story = new CopyOnWriteArrayList<>();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch leave = new CountDownLatch(1);
        AtomicBoolean first = new AtomicBoolean(true);
        CallbackOptions options = CallbackOptions.named("ticks").overflow(Overflow.dropOldest(8));
        Disposable subscription = NativeFlux.<Long>create(options, sink -> {
                    sink.onDispose(() -> story.add("what the callback uses is freed"));
                    MemorySegment pointer = sink.callback(OnPointer.class, data -> {
                        if (first.getAndSet(false)) {
                            inside.countDown();
                            awaitLatch(leave);
                            story.add("the callback leaves");
                        }
                    });
                    MemorySegment timer = Calls.startTicker(pointer, MemorySegment.NULL, 1_000_000);
                    sink.onDispose(() -> {
                        Calls.deleteTicker(timer);
                        story.add("timer_delete has returned");
                        leave.countDown();
                    });
                })
                .subscribe();
        inside.await();
        subscription.dispose();
        Awaitility.await().atMost(SOON).until(() -> story.size() == 3);
        assertThat(story)
                .containsExactly("timer_delete has returned", "the callback leaves", "what the callback uses is freed");
    }

    // ---- waits

    /** {@code void (*)(const rd_kafka_t *, int level, const char *facility, const char *text)}. */
    interface OnLog {
        void onLog(MemorySegment kafka, int level, MemorySegment facility, MemorySegment text);
    }

    /** There is no broker: the library's threads log that they cannot connect. */
    @Test
    void rdKafkaDestroyWaitsAndIsSilentThen() {
        SymbolLookup kafka = library("librdkafka.so.1", "librdkafka (Debian: librdkafka1)");
        MethodHandle newConf = function(kafka, "rd_kafka_conf_new", ADDRESS);
        MethodHandle set =
                function(kafka, "rd_kafka_conf_set", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG);
        MethodHandle setLog = procedure(kafka, "rd_kafka_conf_set_log_cb", ADDRESS, ADDRESS);
        MethodHandle make = function(kafka, "rd_kafka_new", ADDRESS, JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG);
        MethodHandle destroy = procedure(kafka, "rd_kafka_destroy", ADDRESS);
        CallbackOptions options = CallbackOptions.named("kafka").overflow(Overflow.dropOldest(64));
        CallbackType<OnLog> type = CallbackType.of(OnLog.class).lookup(java.lang.invoke.MethodHandles.lookup());
        String line = NativeFlux.<String>create(options, sink -> {
                    MemorySegment onLog = sink.callback(
                            type,
                            (handle, level, facility, text) -> sink.next(text.getString(0)),
                            (handle, level, facility, text) -> {});
                    try (Arena arena = Arena.ofConfined()) {
                        MemorySegment conf = (MemorySegment) newConf.invokeExact();
                        MemorySegment why = arena.allocate(256);
                        int refused = (int) set.invokeExact(
                                conf,
                                arena.allocateFrom("bootstrap.servers"),
                                arena.allocateFrom("127.0.0.1:1"),
                                why,
                                256L);
                        setLog.invokeExact(conf, onLog);
                        MemorySegment handle = (MemorySegment) make.invokeExact(0, conf, why, 256L);
                        if (refused != 0 || handle.equals(MemorySegment.NULL)) {
                            throw new IllegalStateException(why.getString(0));
                        }
                        sink.onDispose(() -> {
                            destroy.invokeExact(handle);
                        });
                    }
                })
                .blockFirst(SOON);
        assertThat(line).isNotEmpty();
        Awaitility.await().atMost(SOON).until(() -> CallbackMetrics.of("kafka").subscribers() == 0);
        assertThat(CallbackMetrics.of("kafka").lateCalls()).isZero();
    }

    // ---- tells with a callback of its own

    /** {@code void (*)(sqlite3_context *, int, sqlite3_value **)}. */
    interface XFunc {
        void call(MemorySegment context, int count, MemorySegment values) throws Throwable;
    }

    @Test
    void sqliteTellsByXDestroyThatItIsDone() throws Exception {
        SymbolLookup sqlite = library("libsqlite3.so.0", "SQLite (Debian: libsqlite3-0)");
        MethodHandle open = function(sqlite, "sqlite3_open", JAVA_INT, ADDRESS, ADDRESS);
        MethodHandle close = function(sqlite, "sqlite3_close", JAVA_INT, ADDRESS);
        MethodHandle exec = function(sqlite, "sqlite3_exec", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
        MethodHandle result = procedure(sqlite, "sqlite3_result_int", ADDRESS, JAVA_INT);
        MethodHandle create = function(
                sqlite,
                "sqlite3_create_function_v2",
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                JAVA_INT,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS);
        CallbackType<XFunc> type = CallbackType.of(XFunc.class)
                .lookup(java.lang.invoke.MethodHandles.lookup())
                .handles(0);
        AtomicReference<MemorySegment> pointer = new AtomicReference<>();
        try (CallbackScheduler scheduler = CallbackScheduler.create("sqlite");
                Arena arena = Arena.ofConfined()) {
            CallbackOptions options = CallbackOptions.named("sqlite").on(scheduler);
            MemorySegment out = arena.allocate(ADDRESS);
            assertThat(call(() -> (int) open.invokeExact(arena.allocateFrom(":memory:"), out)))
                    .isZero();
            MemorySegment db = out.get(ADDRESS, 0);
            for (int round = 0; round < 2; round++) {
                Integer asked = NativeFlux.<Integer>create(options, sink -> {
                            MemorySegment function = sink.callback(
                                    type,
                                    (context, count, values) -> {
                                        result.invokeExact(context, count);
                                        sink.next(count);
                                    },
                                    (context, count, values) -> {});
                            // As a pointer that is reused at once shows, SQLite has said that it is done with the one
                            // before.
                            pointer.compareAndSet(null, function);
                            assertThat(function).isEqualTo(pointer.get());
                            MemorySegment name = sink.arena().allocateFrom("asked");
                            MemorySegment done = sink.releaseNotify();
                            MemorySegment none = MemorySegment.NULL;
                            int created = (int) create.invokeExact(db, name, -1, 1, none, function, none, none, done);
                            int selected = (int) exec.invokeExact(
                                    db, sink.arena().allocateFrom("select asked(1, 2)"), none, none, none);
                            assertThat(created + selected).isZero();
                            sink.onDispose(() -> {
                                int _ = (int) create.invokeExact(db, name, -1, 1, none, none, none, none, none);
                            });
                            sink.complete();
                        })
                        .blockLast(SOON);
                assertThat(asked).isEqualTo(2);
            }
            assertThat(call(() -> (int) close.invokeExact(db))).isZero();
        }
    }

    private static <R> R call(reactor.ffi.NativeCall<R> call) throws Exception {
        try {
            return call.call();
        } catch (Throwable e) {
            throw new AssertionError("a downcall has thrown", e);
        }
    }

    private static SymbolLookup library(String file, String what) {
        SymbolLookup lookup = null;
        try {
            lookup = SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException _) {
            // said below
        }
        Libraries.require(lookup != null, what);
        return lookup;
    }

    private static MethodHandle function(
            SymbolLookup lookup, String name, MemoryLayout result, MemoryLayout... parameters) {
        return bind(lookup, name, FunctionDescriptor.of(result, parameters));
    }

    private static MethodHandle procedure(SymbolLookup lookup, String name, MemoryLayout... parameters) {
        return bind(lookup, name, FunctionDescriptor.ofVoid(parameters));
    }

    private static MethodHandle bind(SymbolLookup lookup, String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(lookup.find(name).orElseThrow(), descriptor);
    }
}
