package reactor.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.abort;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.scheduler.Schedulers;
import reactor.ffi.fixture.Callbacks.OnAsk;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Callbacks.Recurse;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Source;

/** The statements on direct callbacks, with functions of glibc and SQLite that are bound by hand. */
@Timeout(60)
class DirectCallbackTest {

    /** {@code int (*)(const void *, const void *)}. */
    @FunctionalInterface
    interface Compare {
        int compare(MemorySegment a, MemorySegment b);
    }

    /** {@code int (*)(const char *, const struct stat *, int, struct FTW *)}. */
    @FunctionalInterface
    interface Visit {
        int visit(MemorySegment path, MemorySegment stat, int type, MemorySegment ftw);
    }

    /** {@code int (*)(void *)}. */
    @FunctionalInterface
    interface OnProgress {
        int progress(MemorySegment data);
    }

    private static final MethodHandle QSORT =
            bind("qsort", FunctionDescriptor.ofVoid(ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle BSEARCH =
            bind("bsearch", FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle NFTW =
            bind("nftw", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));

    private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
        return bind(Linker.nativeLinker().defaultLookup(), name, descriptor);
    }

    private static MethodHandle bind(SymbolLookup library, String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), descriptor);
    }

    private static int compareInts(MemorySegment a, MemorySegment b) {
        return Integer.compare(a.get(JAVA_INT, 0), b.get(JAVA_INT, 0));
    }

    private final List<Throwable> reported = new CopyOnWriteArrayList<>();
    private final CallbackOptions options = CallbackOptions.named("direct-test").onError(reported::add);

    @Nested
    class Glibc {

        @Test
        void qsortIsAnsweredOnTheCallingThread() throws Throwable {
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            int[] numbers = new Random(1).ints(10_000).toArray();
            try (Arena arena = Arena.ofConfined();
                    NativeCallback<Compare> compare = NativeCallback.direct(Compare.class, (a, b) -> {
                        threads.add(Thread.currentThread());
                        return compareInts(a, b);
                    })) {
                MemorySegment array = arena.allocateFrom(JAVA_INT, numbers);
                QSORT.invokeExact(array, (long) numbers.length, 4L, compare.pointer());
                Arrays.sort(numbers);
                assertThat(array.toArray(JAVA_INT)).isEqualTo(numbers);
            }
            assertThat(threads).containsExactly(Thread.currentThread());
        }

        @Test
        void bsearchFindsWhatIsThere() throws Throwable {
            try (Arena arena = Arena.ofConfined();
                    NativeCallback<Compare> compare =
                            NativeCallback.direct(Compare.class, DirectCallbackTest::compareInts)) {
                MemorySegment array = arena.allocateFrom(JAVA_INT, 2, 3, 5, 7, 11, 13);
                MemorySegment found = (MemorySegment)
                        BSEARCH.invokeExact(arena.allocateFrom(JAVA_INT, 7), array, 6L, 4L, compare.pointer());
                assertThat(found.address() - array.address()).isEqualTo(12);
                MemorySegment missing = (MemorySegment)
                        BSEARCH.invokeExact(arena.allocateFrom(JAVA_INT, 8), array, 6L, 4L, compare.pointer());
                assertThat(missing).isEqualTo(MemorySegment.NULL);
            }
        }

        @Test
        void nftwStopsWhereTheAnswerIsNotZeroAndReturnsIt(@TempDir Path folder) throws Throwable {
            for (String name : List.of("a", "b", "c")) {
                Files.createDirectories(folder.resolve("sub/" + name));
                Files.writeString(folder.resolve("sub/" + name + "/file"), "x");
            }
            List<String> seen = new CopyOnWriteArrayList<>();
            AtomicInteger stopAt = new AtomicInteger(Integer.MAX_VALUE);
            try (Arena arena = Arena.ofConfined();
                    NativeCallback<Visit> visit = NativeCallback.direct(Visit.class, (path, stat, type, ftw) -> {
                        seen.add(path.getString(0));
                        return seen.size() == stopAt.get() ? 42 : 0;
                    })) {
                MemorySegment root = arena.allocateFrom(folder.toString());
                assertThat((int) NFTW.invokeExact(root, visit.pointer(), 8, 1)).isZero();
                assertThat(seen).hasSize(8).contains(folder + "/sub/b/file");
                seen.clear();
                stopAt.set(3);
                assertThat((int) NFTW.invokeExact(root, visit.pointer(), 8, 1)).isEqualTo(42);
                assertThat(seen).hasSize(3);
            }
        }
    }

    @Nested
    class Sqlite {

        /** A query that would count for ever, until the progress handler has been asked often enough. */
        @Test
        void asksItsProgressHandlerOnTheThreadOfTheQueryAndStopsWhenThatSaysSo() throws Throwable {
            SymbolLookup sqlite = sqlite();
            MethodHandle open = bind(sqlite, "sqlite3_open", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
            MethodHandle progress = bind(
                    sqlite, "sqlite3_progress_handler", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
            MethodHandle exec = bind(
                    sqlite,
                    "sqlite3_exec",
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
            MethodHandle close = bind(sqlite, "sqlite3_close", FunctionDescriptor.of(JAVA_INT, ADDRESS));
            AtomicInteger asked = new AtomicInteger();
            Set<Thread> threads = ConcurrentHashMap.newKeySet();
            try (Arena arena = Arena.ofConfined();
                    NativeCallback<OnProgress> handler = NativeCallback.direct(OnProgress.class, data -> {
                        threads.add(Thread.currentThread());
                        return asked.incrementAndGet() == 1_000 ? 1 : 0;
                    })) {
                MemorySegment out = arena.allocate(ADDRESS);
                assertThat((int) open.invokeExact(arena.allocateFrom(":memory:"), out))
                        .isZero();
                MemorySegment db = out.get(ADDRESS, 0);
                progress.invokeExact(db, 10, handler.pointer(), MemorySegment.NULL);
                MemorySegment sql = arena.allocateFrom(
                        "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n");
                int interrupted =
                        (int) exec.invokeExact(db, sql, MemorySegment.NULL, MemorySegment.NULL, MemorySegment.NULL);
                assertThat(interrupted).isEqualTo(9); // SQLITE_INTERRUPT
                assertThat(asked).hasValue(1_000);
                assertThat(threads).containsExactly(Thread.currentThread());
                assertThat((int) close.invokeExact(db)).isZero();
            }
        }

        private static SymbolLookup sqlite() {
            try {
                return SymbolLookup.libraryLookup("libsqlite3.so.0", Arena.global());
            } catch (IllegalArgumentException e) {
                return abort("no SQLite here: " + e.getMessage());
            }
        }
    }

    @Nested
    class TheHandler {

        @Test
        void runsOnSeveralNativeThreadsAtOnce() {
            CyclicBarrier together = new CyclicBarrier(4);
            AtomicInteger met = new AtomicInteger();
            try (NativeCallback<OnEvent> direct = NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                try {
                    together.await(10, TimeUnit.SECONDS); // passes only while four are inside
                    met.incrementAndGet();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            })) {
                Calls.fromThreads(direct.pointer(), 4, 10, 0);
            }
            assertThat(met).hasValue(40);
        }

        @Test
        void answersEachThreadItself() {
            try (NativeCallback<OnAsk> direct =
                            NativeCallback.direct(OnAsk.class, (thread, sequence, id) -> sequence + id);
                    Source source = Source.asking(direct.pointer(), 1_000, -1)) {
                source.start(4, 25_000, 0);
                source.await();
                source.stop();
                assertThat(source.rightAnswers()).isEqualTo(100_000);
            }
        }

        @Test
        void nests() {
            AtomicReference<MemorySegment> pointer = new AtomicReference<>();
            try (NativeCallback<Recurse> direct =
                    NativeCallback.direct(Recurse.class, level -> Calls.recurse(pointer.get(), level - 1))) {
                pointer.set(direct.pointer());
                assertThat(Calls.recurse(direct.pointer(), 20)).isEqualTo(20);
                assertThat(Calls.recurseOnThread(direct.pointer(), 20)).isEqualTo(20);
            }
        }

        @Test
        void thatThrowsGivesTheFallbackAndReports() {
            StackOverflowError failure = new StackOverflowError("thrown on purpose");
            try (NativeCallback<OnAsk> direct = NativeCallback.direct(
                            options,
                            CallbackType.of(OnAsk.class),
                            (thread, sequence, id) -> {
                                throw failure;
                            },
                            (thread, sequence, id) -> -sequence - 7);
                    Source source = Source.asking(direct.pointer(), 1, -7)) {
                source.start(2, 1, 0);
                source.await();
                source.stop();
                assertThat(source.fallbackAnswers()).isEqualTo(2);
            }
            assertThat(reported).containsExactly(failure, failure);
        }

        @Test
        void thatThrowsWithoutAFallbackGivesZeroAndWithoutAnErrorHandlerIsReportedAsReactorDoes() {
            List<Throwable> uncaught = new CopyOnWriteArrayList<>();
            Schedulers.onHandleError("direct-test", (thread, error) -> uncaught.add(error));
            try (NativeCallback<OnAsk> direct = NativeCallback.direct(OnAsk.class, (thread, sequence, id) -> {
                throw new IllegalStateException("broken handler");
            })) {
                assertThat(CFunction.at(direct.pointer(), OnAsk.class).onAsk(0, 1, 2))
                        .isZero();
                assertThat(uncaught)
                        .singleElement()
                        .satisfies(e -> assertThat(e).hasMessage("broken handler"));
            } finally {
                Schedulers.resetOnHandleError("direct-test");
            }
        }

        @Test
        void getsArgumentsThatAreScopedToItsRunAndItsThread() {
            AtomicReference<MemorySegment> kept = new AtomicReference<>();
            AtomicReference<Throwable> elsewhere = new AtomicReference<>();
            try (Arena arena = Arena.ofConfined();
                    NativeCallback<OnText> direct = NativeCallback.direct(OnText.class, (text, length) -> {
                        assertThat(text.getString(0)).isEqualTo("dead after the call");
                        kept.set(text);
                        Thread other = new Thread(() -> {
                            try {
                                elsewhere.set(new AssertionError("read " + text.get(JAVA_BYTE, 0)));
                            } catch (Throwable e) {
                                elsewhere.set(e);
                            }
                        });
                        other.start();
                        try {
                            other.join();
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    })) {
                Memory.text(direct.pointer(), arena.allocateFrom("dead after the call"), true);
            }
            assertThat(elsewhere.get()).isInstanceOf(WrongThreadException.class);
            assertThatThrownBy(() -> kept.get().getString(0))
                    .isInstanceOfAny(IllegalStateException.class, WrongThreadException.class);
            assertThat(kept.get().scope().isAlive()).isFalse();
        }
    }

    @Nested
    class ItsLife {

        @Test
        void hasNoRef() {
            try (NativeCallback<OnAsk> direct = NativeCallback.direct(OnAsk.class, (t, s, id) -> 1)) {
                assertThat(direct.refCount()).isZero();
                assertThatIllegalStateException()
                        .isThrownBy(direct::ref)
                        .withMessageContaining("ref of a direct callback")
                        .withMessageContaining("it has no scheduler");
                assertThatIllegalStateException().isThrownBy(direct::unref);
            }
        }

        @Test
        void needsNoSchedulerAndLetsTheJvmExit() {
            var result = ForkedJvm.run(Open.class).assertExitedCleanly();
            assertThat(result.out().lines()).containsExactly("answered 3", "no thread of ours");
        }

        @Test
        void endsWithCloseAndLateCallsGetTheFallbackAndAreCounted() {
            long before = CallbackMetrics.of("direct-test").lateCalls();
            NativeCallback<OnAsk> direct =
                    NativeCallback.direct(options, CallbackType.of(OnAsk.class), (t, s, id) -> 1, (t, s, id) -> 99);
            OnAsk ask = CFunction.at(direct.pointer(), OnAsk.class);
            assertThat(ask.onAsk(0, 0, 0)).isEqualTo(1);
            direct.close();
            direct.close();
            assertThat(ask.onAsk(0, 0, 0)).isEqualTo(99);
            try (Source source = Source.asking(direct.pointer(), 1, 99)) {
                source.start(2, 10, 0);
                source.await();
                assertThat(source.fallbackAnswers()).isEqualTo(20);
            }
            assertThat(CallbackMetrics.of("direct-test").lateCalls() - before).isEqualTo(21);
            assertThatIllegalStateException().isThrownBy(direct::ref);
        }

        @Test
        void mayEndInsideTheHandlerAndIsClosedWhenNoHandlerRuns() throws Exception {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch end = new CountDownLatch(1);
            AtomicReference<NativeCallback<OnEvent>> self = new AtomicReference<>();
            self.set(NativeCallback.direct(OnEvent.class, (thread, sequence, id) -> {
                self.get().close();
                inside.countDown();
                awaitLatch(end);
            }));
            Thread caller = new Thread(() -> Calls.fromThreads(self.get().pointer(), 1, 1, 0));
            caller.start();
            awaitLatch(inside);
            var closed = self.get().closed().toFuture();
            await().during(Duration.ofMillis(100)).until(() -> !closed.isDone());
            end.countDown();
            caller.join();
            assertThat(closed).succeedsWithin(Duration.ofSeconds(10));
        }

        @Test
        void thatNativeCodeIsDoneWithFreesItsSlotAtOnce() {
            NativeCallback<OnMixedBag> first = NativeCallback.direct(OnMixedBag.class, (a, b, c) -> 1);
            MemorySegment pointer = first.pointer();
            first.release();
            try (NativeCallback<OnMixedBag> second = NativeCallback.direct(OnMixedBag.class, (a, b, c) -> 2)) {
                assertThat(second.pointer()).isEqualTo(pointer);
                assertThat(CFunction.at(pointer, OnMixedBag.class).call((byte) 0, 0, (short) 0))
                        .isEqualTo((short) 2);
            }
        }
    }

    /** A signature that no other test has: its stubs are its own. */
    @FunctionalInterface
    interface OnMixedBag {
        short call(byte a, double b, short c);
    }

    static final class Open {
        public static void main(String[] args) {
            NativeCallback<OnAsk> direct = NativeCallback.direct(OnAsk.class, (t, s, id) -> s + id);
            System.out.println(
                    "answered " + CFunction.at(direct.pointer(), OnAsk.class).onAsk(0, 1, 2));
            boolean ours = Thread.getAllStackTraces().keySet().stream()
                    .anyMatch(thread -> thread.getName().startsWith("reactor-ffi"));
            System.out.println(ours ? "a thread of ours" : "no thread of ours");
        }
    }
}
