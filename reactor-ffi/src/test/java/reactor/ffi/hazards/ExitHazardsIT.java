package reactor.ffi.hazards;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.ffi.CFunction;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeMemory;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.StartRoutine;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Libraries;
import reactor.ffi.fixture.Source;
import reactor.ffi.fixture.Until;

/** docs/hazards.md, "Exit": what a bare upcall does, and what ours does in its place. */
class ExitHazardsIT {

    private static final long MS = 1_000_000;

    /** A native thread waits for somebody to ask it for an event; with ours, somebody does once main has returned. */
    @Test
    void mainThatReturnsWhileAnEventIsExpected() {
        ForkedJvmResult bare =
                Bridge.BARE.run(Expects.class).assertExitedCleanly().assertOut("main returns");
        assertThat(bare.out()).doesNotContain("event");

        ForkedJvmResult ours = Bridge.OURS.run(Expects.class).assertExitedCleanly();
        assertThat(ours.out().lines()).containsExactly("main returns", "event 0", "unregistered");
    }

    static final class Expects {
        public static void main(String[] args) {
            if (Bridge.of(args) == Bridge.BARE) {
                MemorySegment pointer =
                        BareStub.of(OnEvent.class, (thread, sequence, id) -> System.out.println("event " + sequence));
                Source _ = Source.events(pointer, 0).startOnDemand();
            } else {
                NativeFlux.<Long>create(sink -> {
                            MemorySegment pointer =
                                    sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(sequence));
                            Source source = Source.events(pointer, 0).startOnDemand();
                            askLater(source);
                            sink.onDispose(() -> {
                                source.stop();
                                System.out.println("unregistered");
                            });
                        })
                        .take(1)
                        .subscribe(value -> System.out.println("event " + value));
            }
            System.out.println("main returns");
        }

        /** Asks when main has returned, if anybody is there still. */
        private static void askLater(Source source) {
            Thread main = Thread.currentThread();
            Thread asks = new Thread(() -> {
                try {
                    main.join();
                    source.demand(1);
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            });
            asks.setDaemon(true);
            asks.start();
        }
    }

    /** That ours has none left to be joined is {@link reactor.ffi.forked.ExitIT}'s. */
    @Test
    void aLibraryThatJoinsAtExitAThreadWhichHasCalledJava() {
        Bridge.BARE
                .jvm(JoinsAtExit.class)
                .hangingWithin(Bridge.HANGS_WITHIN)
                .run()
                .assertHung()
                .assertOut("exits")
                .assertErr("fixture: joins its threads at exit");
    }

    static final class JoinsAtExit {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch called = new CountDownLatch(1);
            Source source = Source.events(BareStub.of(OnEvent.class, (thread, sequence, id) -> called.countDown()), 0);
            source.joinAtExit();
            source.start(1, -1, MS);
            called.await();
            System.out.println("exits");
            System.exit(0);
        }
    }

    /** Of a source that nobody unregisters. */
    @ParameterizedTest
    @EnumSource
    void aCallbackWhileTheShutdownHooksRun(Bridge bridge) {
        bridge.jvm(CalledDuringExit.class).run().assertExitedWith(7).assertOut("called while the hooks run");
    }

    static final class CalledDuringExit {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch before = new CountDownLatch(1);
            CountDownLatch during = new CountDownLatch(5);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                before.countDown();
                awaitLatch(during);
                System.out.println("called while the hooks run");
            }));
            MemorySegment pointer = Bridge.of(args).pointer(OnEvent.class, (thread, sequence, id) -> {
                if (before.getCount() == 0) {
                    during.countDown();
                }
            });
            Source.events(pointer, 0).start(1, -1, MS);
            System.exit(7);
        }
    }

    /** Both ways: {@code atexit}, and a static destructor. The JVM is gone by then, whosever pointer it is. */
    @ParameterizedTest
    @CsvSource({"BARE, false", "BARE, true", "OURS, false", "OURS, true"})
    void aCallbackWhenTheProcessEnds(Bridge bridge, boolean inDestructor) {
        ForkedJvmResult result = bridge.run(CalledAtTheEnd.class, Boolean.toString(inDestructor))
                .assertCrashed()
                .assertOut("exits")
                .assertErr(inDestructor ? "fixture: calls in a static destructor" : "fixture: calls at exit");
        assertThat(result.exitCode()).isEqualTo(134);
        assertThat(result.err()).doesNotContain("fixture: called");
    }

    /** Retired long ago: its fallback is in Java, too. */
    @Test
    void aRetiredPointerThatIsCalledWhenTheProcessEnds() {
        ForkedJvmResult result = Bridge.OURS
                .run(CalledAtTheEnd.class, "false", "retired")
                .assertCrashed()
                .assertErr("fixture: calls at exit");
        assertThat(result.exitCode()).isEqualTo(134);
    }

    static final class CalledAtTheEnd {
        public static void main(String[] args) {
            OnEvent handler = (thread, sequence, id) -> System.out.println("called");
            MemorySegment pointer;
            if (args.length > 2) {
                NativeCallback<OnEvent> callback = NativeCallback.direct(OnEvent.class, handler);
                pointer = callback.pointer();
                callback.close();
            } else {
                pointer = Bridge.of(args).pointer(OnEvent.class, handler);
            }
            Calls.atEnd(pointer, Boolean.parseBoolean(args[1]));
            System.out.println("exits");
        }
    }

    /** A pool of the library's own, as RocksDB's: it outlives all subscriptions, and is joined at exit. */
    @Test
    void aPoolOfTheLibraryThatOutlivesAllSubscriptions() {
        Bridge.OURS
                .jvm(PoolOfTheLibrary.class, "left")
                .hangingWithin(Bridge.HANGS_WITHIN)
                .run()
                .assertHung()
                .assertOut("unregistered", "exits")
                .assertErr("fixture: joins its threads at exit");
        Bridge.OURS
                .run(PoolOfTheLibrary.class, "ended")
                .assertExitedCleanly()
                .assertOut("unregistered", "the pool has ended", "exits");
    }

    static final class PoolOfTheLibrary {
        public static void main(String[] args) throws InterruptedException {
            CountDownLatch unregistered = new CountDownLatch(1);
            Source pool = NativeFlux.<Source>create(sink -> {
                        sink.onDispose(unregistered::countDown);
                        CompletableFuture<Source> made = new CompletableFuture<>();
                        Source source = Source.events(
                                sink.callback(OnEvent.class, (thread, sequence, id) -> sink.next(made.join())), 0);
                        made.complete(source);
                        source.joinAtExit();
                        source.start(1, -1, MS);
                        // There is nothing to unregister but the callback: the threads are the pool's, not the
                        // subscription's.
                    })
                    .blockFirst();
            unregistered.await();
            System.out.println("unregistered");
            if (args[1].equals("ended")) {
                requireNonNull(pool).stop();
                System.out.println("the pool has ended");
            }
            System.out.println("exits");
            System.exit(0);
        }
    }

    /** {@code int (*)(void *, const char *, size_t, const char *, size_t)}. */
    interface Compare {
        int compare(MemorySegment state, MemorySegment a, long aLength, MemorySegment b, long bLength);
    }

    /** The library that this was seen with. Its background threads compare keys when they flush. */
    @Test
    void theBackgroundThreadsOfRocksDb() {
        Libraries.require(RocksDb.LIBRARY.isPresent(), "RocksDB (Debian: librocksdb7.8)");
        Bridge.OURS
                .jvm(RocksDb.class, "left")
                .hangingWithin(Bridge.HANGS_WITHIN.plusSeconds(4))
                .run()
                .assertHung()
                .assertOut("compared on a background thread", "exits");
        Bridge.OURS
                .run(RocksDb.class, "ended")
                .assertExitedCleanly()
                .assertOut("compared on a background thread", "exits");
    }

    static final class RocksDb {

        static final Optional<SymbolLookup> LIBRARY = library();

        interface Make {
            MemorySegment make();
        }

        interface Call {
            void call(MemorySegment object);
        }

        interface Pass {
            void pass(MemorySegment object, MemorySegment other);
        }

        interface SetNumber {
            void set(MemorySegment object, int number);
        }

        interface Comparator {
            MemorySegment make(MemorySegment state, MemorySegment destroy, MemorySegment compare, MemorySegment name);
        }

        interface Open {
            MemorySegment open(MemorySegment options, MemorySegment path, MemorySegment error);
        }

        interface Put {
            void put(
                    MemorySegment db,
                    MemorySegment options,
                    MemorySegment key,
                    long keyLength,
                    MemorySegment value,
                    long valueLength,
                    MemorySegment error);
        }

        interface Flush {
            void flush(MemorySegment db, MemorySegment options, MemorySegment error);
        }

        @SuppressWarnings("restricted")
        private static Optional<SymbolLookup> library() {
            try {
                return Optional.of(SymbolLookup.libraryLookup("librocksdb.so.7.8", Arena.global()));
            } catch (IllegalArgumentException absent) {
                return Optional.empty();
            }
        }

        private static <F> F function(String name, Class<F> type) {
            return CFunction.named(LIBRARY.orElseThrow(), name, type);
        }

        public static void main(String[] args) throws InterruptedException {
            Set<String> threads = ConcurrentHashMap.newKeySet();
            Thread main = Thread.currentThread();
            NativeCallback<Compare> compare = NativeCallback.direct(Compare.class, (state, a, aLength, b, bLength) -> {
                if (!Thread.currentThread().equals(main)) {
                    threads.add(Thread.currentThread().getName());
                }
                return Arrays.compareUnsigned(NativeMemory.bytes(a, aLength), NativeMemory.bytes(b, bLength));
            });
            NativeCallback<OnPointer> destroy = NativeCallback.direct(OnPointer.class, state -> {});
            MemorySegment text = Arena.global().allocateFrom("ours");
            NativeCallback<StartRoutine> name = NativeCallback.direct(StartRoutine.class, state -> text);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
                MemorySegment options =
                        function("rocksdb_options_create", Make.class).make();
                MemorySegment comparator = function("rocksdb_comparator_create", Comparator.class)
                        .make(MemorySegment.NULL, destroy.pointer(), compare.pointer(), name.pointer());
                function("rocksdb_options_set_comparator", Pass.class).pass(options, comparator);
                function("rocksdb_options_set_create_if_missing", SetNumber.class)
                        .set(options, 1);
                MemorySegment db = function("rocksdb_open", Open.class).open(options, arena.allocateFrom("db"), error);
                MemorySegment put =
                        function("rocksdb_writeoptions_create", Make.class).make();
                MemorySegment flush =
                        function("rocksdb_flushoptions_create", Make.class).make();
                for (int round = 0; round < 5; round++) {
                    for (String key : new String[] {"a", "b", "c"}) {
                        MemorySegment bytes = arena.allocateFrom(key);
                        function("rocksdb_put", Put.class).put(db, put, bytes, 1, bytes, 1, error);
                    }
                    function("rocksdb_flush", Flush.class).flush(db, flush, error);
                }
                String failed = NativeMemory.string(error.get(ValueLayout.ADDRESS, 0));
                System.out.println(failed == null && !threads.isEmpty() ? "compared on a background thread" : failed);
                function("rocksdb_close", Call.class).call(db);
            }
            compare.close();
            destroy.close();
            name.close();
            if (args[1].equals("ended")) {
                MemorySegment environment =
                        function("rocksdb_create_default_env", Make.class).make();
                function("rocksdb_env_set_background_threads", SetNumber.class).set(environment, 0);
                function("rocksdb_env_set_high_priority_background_threads", SetNumber.class)
                        .set(environment, 0);
                Until.that("the threads have ended", () -> !attached(threads));
            }
            System.out.println("exits");
            System.exit(0);
        }

        private static boolean attached(Set<String> threads) {
            return Thread.getAllStackTraces().keySet().stream().anyMatch(thread -> threads.contains(thread.getName()));
        }
    }
}
