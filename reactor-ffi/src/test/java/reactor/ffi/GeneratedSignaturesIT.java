package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import reactor.ffi.generated.CType;
import reactor.ffi.generated.CType.Cells;
import reactor.ffi.generated.CType.Scalar;
import reactor.ffi.generated.CType.Struct;
import reactor.ffi.generated.CompiledSignatures;
import reactor.ffi.generated.GeneratedSignature;

/**
 * Signatures made at random, with 0 to 12 parameters, are compiled as interfaces and as C functions, and each value is
 * compared on both sides: arguments and results of handlers on the calling thread and for native threads, of stream
 * callbacks, and of C functions that Java calls; and what native code gets when the handler throws. A signature that fails
 * is shrunk and printed with its seed. More of them: {@code -Dreactor.ffi.test.signatures=10000}.
 */
class GeneratedSignaturesIT {

    /** System property: how many signatures. */
    private static final String SIGNATURES = "reactor.ffi.test.signatures";

    /** System property: the first signature's seed; the next signature has the next seed. */
    private static final String SEED = "reactor.ffi.test.signatures.seed";

    private static final int IN_ALL = Integer.getInteger(SIGNATURES, 100);
    private static final long FIRST = Long.getLong(SEED, System.nanoTime() & 0xFFFF_FFFFL);

    /** Of one call of the C compiler. */
    private static final int BATCH = 50;

    /** Each attempt to shrink a signature calls the C compiler and javac. */
    private static final Duration SHRINKING = Duration.ofSeconds(20);

    private static final int THREADS = 2;
    private static final Duration SOON = Duration.ofSeconds(20);

    /** The first seed of each batch. */
    static LongStream batches() {
        return LongStream.iterate(FIRST, seed -> seed < FIRST + IN_ALL, seed -> seed + BATCH);
    }

    @ParameterizedTest(name = "from seed {0} on")
    @MethodSource("batches")
    void everyValueArrivesUnchanged(long from) throws Exception {
        long end = Math.min(from + BATCH, FIRST + IN_ALL);
        check(LongStream.range(from, end).mapToObj(GeneratedSignature::ofSeed).toList());
    }

    /** What chance might leave out. */
    @Test
    void everyResultTypeAndEveryNumberOfParametersIsAmongThem() throws Exception {
        List<CType> scalars = List.of(Scalar.values());
        List<@Nullable CType> results = new ArrayList<>(scalars);
        results.add(null);
        results.add(new Struct(List.of(
                Scalar.DOUBLE, new Struct(List.of(Scalar.BYTE, new Struct(List.of(Scalar.FLOAT)))))));
        results.add(new Struct(Collections.nCopies(9, Scalar.POINTER)));
        List<GeneratedSignature> signatures = new ArrayList<>();
        for (int i = 0; i <= 12; i++) {
            int count = i;
            List<CType> parameters = IntStream.range(0, count)
                    .mapToObj(p -> scalars.get((p + count) % scalars.size()))
                    .toList();
            signatures.add(new GeneratedSignature(results.get(i % results.size()), parameters, i));
        }
        check(signatures);
    }

    private static void check(List<GeneratedSignature> signatures) throws Exception {
        Failure failure = firstFailure(signatures);
        if (failure != null) {
            long deadline = System.nanoTime() + SHRINKING.toNanos();
            Failure shrunk = failure;
            for (Failure simpler = failure; simpler != null; simpler = simpler(shrunk, deadline)) {
                shrunk = simpler;
            }
            long seed = failure.signature.seed();
            throw new AssertionError(
                    "seed %d (-D%s=%d -D%s=1): %s%nshrunk: %s"
                            .formatted(seed, SEED, seed, SIGNATURES, failure.signature, shrunk.signature),
                    shrunk.cause);
        }
    }

    /** A signature, and how its values did not arrive. */
    private record Failure(GeneratedSignature signature, Throwable cause) {}

    private static @Nullable Failure simpler(Failure failure, long deadline) throws Exception {
        for (GeneratedSignature simpler : failure.signature.simpler()) {
            Failure failed = System.nanoTime() - deadline > 0 ? null : firstFailure(List.of(simpler));
            if (failed != null) {
                return failed;
            }
        }
        return null;
    }

    private static @Nullable Failure firstFailure(List<GeneratedSignature> signatures) throws Exception {
        try (CompiledSignatures compiled = new CompiledSignatures(signatures);
                CallbackScheduler scheduler = CallbackScheduler.create("signatures")) {
            for (int i = 0; i < signatures.size(); i++) {
                try (Arena arena = Arena.ofShared()) {
                    new Check<>(signatures.get(i), compiled, i, compiled.type(i), scheduler, arena).run();
                } catch (Throwable failed) {
                    return new Failure(signatures.get(i), failed);
                }
            }
            return null;
        }
    }

    /** All that is done with one signature. */
    private static final class Check<F> {

        private final GeneratedSignature signature;
        private final CompiledSignatures compiled;
        private final int number;
        private final Class<F> type;
        private final CallbackType<F> cType;
        private final CallbackScheduler scheduler;
        private final CallbackOptions options;
        private final Arena arena;
        private final MethodHandle drive;
        private final List<Object> arguments;
        private final @Nullable Object answer;
        private final @Nullable Object otherAnswer;
        private final @Nullable Object zero;

        /** What handlers got. */
        private final Queue<List<Object>> received = new ConcurrentLinkedQueue<>();

        private final Queue<Throwable> failed = new ConcurrentLinkedQueue<>();
        private final IllegalStateException thrown = new IllegalStateException("thrown by the handler, on purpose");

        Check(
                GeneratedSignature signature,
                CompiledSignatures compiled,
                int number,
                Class<F> type,
                CallbackScheduler scheduler,
                Arena arena) {
            this.signature = signature;
            this.compiled = compiled;
            this.number = number;
            this.type = type;
            this.cType = CallbackType.of(type).descriptor(signature.descriptor());
            this.scheduler = scheduler;
            this.options = CallbackOptions.named("signatures").on(scheduler).onError(failed::add);
            this.arena = arena;
            this.drive = compiled.drive(number);
            Random random = signature.random();
            Cells cells = new Cells(arena);
            this.arguments = signature.parameters().stream()
                    .map(parameter -> parameter.random(random, cells))
                    .toList();
            CType result = signature.result();
            this.answer = result == null ? null : result.random(random, cells);
            this.otherAnswer = result == null ? null : result.random(random, cells);
            this.zero = result == null ? null : result.zero();
        }

        void run() throws Throwable {
            Thread test = Thread.currentThread();
            for (int threads : new int[] {0, THREADS}) {
                BooleanSupplier caller = () -> Thread.currentThread().equals(test) == (threads == 0);
                answered(
                        threads,
                        caller,
                        caller,
                        (handler, fallback) -> NativeCallback.direct(options, cType, handler, fallback));
                answered(
                        threads,
                        scheduler::isCurrent,
                        caller,
                        (handler, fallback) -> NativeCallback.threadSafe(options, cType, handler, fallback));
                streamed(threads, caller);
            }
            called();
        }

        private interface Maker<F> {
            NativeCallback<F> make(F handler, @Nullable F fallback);
        }

        @SuppressWarnings("try") // closes early
        private void answered(int threads, BooleanSupplier place, BooleanSupplier fallbacksPlace, Maker<F> maker)
                throws Throwable {
            int calls = Math.max(1, threads);
            F throwing = handler(place, got -> {
                throw thrown;
            });
            F fallback = handler(fallbacksPlace, got -> otherAnswer);
            try (NativeCallback<F> callback = maker.make(handler(place, got -> answer), null)) {
                drive(callback.pointer(), threads, answer);
                seen(calls, 0);
                callback.close();
                drive(callback.pointer(), threads, zero);
                seen(0, 0);
                callback.release();
            }
            try (NativeCallback<F> callback = maker.make(throwing, null)) {
                drive(callback.pointer(), threads, zero);
                seen(calls, calls);
                callback.release();
            }
            try (NativeCallback<F> callback = maker.make(throwing, fallback)) {
                drive(callback.pointer(), threads, otherAnswer);
                seen(2 * calls, calls);
                callback.release();
            }
        }

        private void streamed(int threads, BooleanSupplier place) throws Throwable {
            int calls = Math.max(1, threads);
            AtomicReference<Runnable> release = new AtomicReference<>();
            CompletableFuture<MemorySegment> pointer = new CompletableFuture<>();
            CompletableFuture<List<List<Object>>> values = NativeFlux.<List<Object>>create(options, sink -> {
                        MemorySegment made = sink.callback(cType, handler(place, got -> {
                            sink.next(got);
                            return answer;
                        }));
                        release.set(() -> sink.release(made));
                        pointer.complete(made);
                    })
                    .take(calls)
                    .collectList()
                    .toFuture();
            drive(pointer.get(), threads, answer);
            assertThat(values.get(SOON.toSeconds(), TimeUnit.SECONDS)).isEqualTo(Collections.nCopies(calls, arguments));
            seen(calls, 0);
            release.get().run();

            CompletableFuture<MemorySegment> other = new CompletableFuture<>();
            CompletableFuture<Void> end = NativeFlux.create(options, sink -> {
                        MemorySegment made = sink.callback(
                                cType,
                                handler(place, got -> {
                                    throw thrown;
                                }),
                                handler(place, got -> otherAnswer));
                        release.set(() -> sink.release(made));
                        other.complete(made);
                    })
                    .then()
                    .toFuture();
            drive(other.get(), threads, otherAnswer);
            assertThatThrownBy(() -> end.get(SOON.toSeconds(), TimeUnit.SECONDS))
                    .hasCause(thrown);
            assertThat(received).hasSizeBetween(calls + 1, 2 * calls).allMatch(arguments::equals); // the end retires it
            received.clear();
            release.get().run();
        }

        /** A C function, called by Java. */
        private void called() throws Throwable {
            F function = CFunction.at(compiled.find("take_S" + number), cType);
            CType result = signature.result();
            if (result != null) {
                result.write(variable("answer_S", result), 0, answer);
            }
            Object[] passed = IntStream.range(0, arguments.size())
                    .mapToObj(i -> signature.parameters().get(i).toJava(arguments.get(i), arena))
                    .toArray();
            Object got = type.getMethods()[0].invoke(function, passed);
            assertThat(result == null ? got : result.ofJava(got)).isEqualTo(answer);
            if (!arguments.isEmpty()) {
                CType taken = signature.arguments();
                assertThat(taken.read(variable("taken_S", taken), 0)).isEqualTo(arguments);
            }
        }

        private MemorySegment variable(String prefix, CType of) {
            return compiled.find(prefix + number).reinterpret(of.layout().byteSize());
        }

        /** Lets C call the pointer with the arguments, and compares what C gets. */
        private void drive(MemorySegment pointer, int threads, @Nullable Object expected) throws Throwable {
            int calls = Math.max(1, threads);
            CType result = signature.result();
            long size = result == null ? 1 : result.layout().byteSize();
            MemorySegment results = arena.allocate(calls * size, 16).fill((byte) 1);
            MemorySegment packed = arena.allocate(signature.arguments().layout());
            if (!arguments.isEmpty()) {
                signature.arguments().write(packed, 0, arguments);
            }
            drive.invokeExact(pointer, packed, results, threads);
            for (int i = 0; result != null && i < calls; i++) {
                assertThat(result.read(results, i * size)).isEqualTo(expected);
            }
        }

        /** So many runs of handlers with the right arguments, and so many errors, all of them on purpose. */
        private void seen(int runs, int errors) {
            assertThat(List.copyOf(failed)).isEqualTo(Collections.nCopies(errors, thrown));
            assertThat(List.copyOf(received)).isEqualTo(Collections.nCopies(runs, arguments));
            failed.clear();
            received.clear();
        }

        private F handler(BooleanSupplier place, Function<List<Object>, @Nullable Object> body) {
            InvocationHandler handler = (proxy, method, passed) -> {
                List<Object> got = IntStream.range(0, signature.parameters().size())
                        .mapToObj(i -> signature.parameters().get(i).ofJava(passed[i]))
                        .toList();
                received.add(got);
                if (!place.getAsBoolean()) {
                    throw new AssertionError("on the wrong thread, " + Thread.currentThread());
                }
                Object value = body.apply(got);
                CType result = signature.result();
                boolean nothing = value == null || (result == Scalar.POINTER && value.equals(0L)); // null is NULL
                return result == null || nothing ? null : result.toJava(value, Arena.ofAuto());
            };
            return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
        }
    }
}
