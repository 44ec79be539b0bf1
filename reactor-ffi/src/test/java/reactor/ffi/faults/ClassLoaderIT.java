package reactor.ffi.faults;

import static reactor.ffi.faults.Cell.check;

import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.ffi.CFunction;
import reactor.ffi.CallbackOptions;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.CallbackType;
import reactor.ffi.Confined;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.NativeSink;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Pool;

/**
 * A class loader that has used everything there is, and is thrown away, is collected once the quarantine is over, with the
 * native thread that it was called from still alive. (Of function pointers alone: {@code StubsTest}.)
 */
class ClassLoaderIT {

    @ParameterizedTest
    @CsvSource({"its own, false", "the shared one, false", "its own, true", "the shared one, true"})
    void thatHasUsedEverythingIsCollectedThoughTheNativeThreadLives(String scheduler, boolean routed) {
        ForkedJvm.of(ThrownAway.class)
                .jvmOptions("-Dreactor.ffi.quarantine.millis=500", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
                .arguments(scheduler, "" + routed)
                .run()
                .assertExitedCleanly()
                .assertOut("collected", "late calls reach nobody");
    }

    static final class ThrownAway {
        public static void main(String[] args) throws Exception {
            try (Pool pool = Pool.start(1)) {
                AtomicReference<MemorySegment> pointer = new AtomicReference<>();
                AtomicLong userData = new AtomicLong();
                WeakReference<ClassLoader> loader = use(new Host(
                        pool,
                        args[0].equals("its own"),
                        Boolean.parseBoolean(args[1]),
                        pointer,
                        userData,
                        new AtomicInteger()));
                Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
                Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> {
                    System.gc();
                    return loader.refersTo(null);
                });
                System.out.println("collected");
                long fallbacks = pool.fallbacks(2);
                pool.ask(0, pointer.get(), 3, 2, userData.get());
                check(pool.await(Duration.ofSeconds(10)), "C goes on");
                check(pool.right(2) == 0 && pool.fallbacks(2) == fallbacks, "nobody of the guest answers");
                System.out.println("late calls reach nobody");
            }
        }

        /** On a frame of its own: no local of main may keep anything. */
        @SuppressWarnings("unchecked")
        private static WeakReference<ClassLoader> use(Host host) throws ReflectiveOperationException {
            Child child = new Child();
            Thread.currentThread().setContextClassLoader(child);
            Class<?> guest = child.loadClass(Guest.class.getName());
            check(guest.getClassLoader() == child, "loaded by the child");
            ((Consumer<Host>) guest.getConstructor().newInstance()).accept(host);
            return new WeakReference<>(child);
        }
    }

    /**
     * What the guest is given.
     *
     * @param pool a native thread
     * @param owns whether it makes a scheduler of its own
     * @param routed whether its callbacks share their pointers
     * @param pointer where it leaves a pointer that C has kept
     * @param userData where it leaves what C hands back to that pointer
     * @param open orders to C that nobody has waited for
     */
    public record Host(
            Pool pool,
            boolean owns,
            boolean routed,
            AtomicReference<MemorySegment> pointer,
            AtomicLong userData,
            AtomicInteger open) {

        public void ask(MemorySegment callback, MemorySegment data) {
            open.incrementAndGet();
            pool.ask(0, callback, 3, 1, data.address());
        }

        public void await() {
            check(pool.await(Duration.ofSeconds(10)), "C goes on");
            open.decrementAndGet();
        }

        /** Until a stream that has been cancelled is undone: its wait for C would else be one for the next stream's calls. */
        public void awaitUndone() {
            Awaitility.await().until(() -> open.get() == 0);
        }
    }

    /** Defines Guest itself. */
    static final class Child extends URLClassLoader {

        Child() {
            super(
                    new URL[] {
                        ClassLoaderIT.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                    },
                    ClassLoaderIT.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(Guest.class.getName())) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }
    }

    /** The user: every interface, lambda, value, answer and task is of its class loader. */
    public static final class Guest implements Consumer<Host> {

        public interface OnGuest {
            long onGuest(int thread, long sequence, long id);
        }

        record Value(long number) {}

        private static CallbackType<OnGuest> type(Host host) {
            CallbackType<OnGuest> own = CallbackType.of(OnGuest.class);
            return host.routed() ? own.userData(2) : own;
        }

        private static final OnGuest FALLBACK = (thread, sequence, id) -> Pool.FALLBACK;

        @Override
        public void accept(Host host) {
            CallbackScheduler scheduler = host.owns() ? CallbackScheduler.create("guest") : CallbackScheduler.shared();
            CallbackOptions options =
                    CallbackOptions.named("guest").on(scheduler).onError(this::fail);
            streams(host, options);
            callbacks(host, options);
            confined(options);
            work(scheduler);
            scheduler.disposeGracefully().block(Duration.ofSeconds(10));
        }

        private static void check(boolean holds, String what) {
            if (!holds) {
                throw new AssertionError(what);
            }
        }

        private void fail(Throwable error) {
            throw new AssertionError(error);
        }

        private static void streams(Host host, CallbackOptions options) {
            three(host, NativeFlux.create(options, sink -> register(host, sink)));
            three(host, NativeFlux.share(options, sink -> register(host, sink)));
            three(
                    host,
                    NativeFlux.<Value, Value>exchange(options, sink -> {
                                OnGuest handler = (thread, sequence, id) -> sink.ask(
                                                new Value(sequence), Duration.ofSeconds(10), new Value(Pool.FALLBACK))
                                        .number();
                                host.ask(sink.callback(type(host), handler, FALLBACK), sink.userData());
                                sink.onDispose(host::await);
                            })
                            .doOnNext(exchange ->
                                    exchange.reply(new Value(exchange.request().number() + 1)))
                            .map(exchange -> exchange.request()));
        }

        private static void register(Host host, NativeSink<Value> sink) {
            OnGuest handler = (thread, sequence, id) -> {
                sink.next(new Value(sequence));
                return sequence + id;
            };
            host.pointer().set(sink.callback(type(host), handler, FALLBACK));
            host.userData().set(sink.userData().address());
            host.ask(host.pointer().get(), sink.userData());
            sink.callback(type(host), handler); // without a fallback, which would keep its index for the quarantine
            sink.onDispose(host::await);
        }

        private static void three(Host host, Flux<Value> values) {
            List<Value> three = values.take(3).collectList().block(Duration.ofSeconds(10));
            check(three != null && three.size() == 3, "three values, not " + three);
            host.awaitUndone();
        }

        private static void callbacks(Host host, CallbackOptions options) {
            CallbackType<OnGuest> type = type(host);
            OnGuest handler = (thread, sequence, id) -> new Value(sequence + id).number();
            for (NativeCallback<OnGuest> callback : List.of(
                    NativeCallback.threadSafe(options, type, handler, FALLBACK),
                    NativeCallback.direct(options, type, handler, FALLBACK),
                    NativeCallback.threadSafe(options, type, handler, null),
                    NativeCallback.direct(options, type, handler, null))) {
                MemorySegment data = host.routed() ? callback.userData() : MemorySegment.ofAddress(1);
                host.ask(callback.pointer(), data);
                host.await();
                check(
                        CFunction.at(callback.pointer(), OnGuest.class).onGuest(0, 1, data.address())
                                == data.address() + 1,
                        "one more");
                callback.close();
                callback.closed().block(Duration.ofSeconds(10));
            }
        }

        private static void confined(CallbackOptions options) {
            try (Confined<Value[]> value =
                    Confined.create(options, () -> new Value[] {new Value(1)}, last -> last[0] = new Value(0))) {
                value.send(values -> values[0] = new Value(2));
                Value now = value.call(values -> values[0]).block(Duration.ofSeconds(10));
                check(now != null && now.number() == 2, "two, not " + now);
            }
        }

        private static void work(CallbackScheduler scheduler) {
            Disposable later = scheduler.schedule(() -> check(new Value(1).number() == 2, "never"), 1, TimeUnit.HOURS);
            Value slow = scheduler.offload(() -> new Value(3)).block(Duration.ofSeconds(10));
            check(slow != null && slow.number() == 3, "three, not " + slow);
            Flux.range(0, 10)
                    .publishOn(scheduler)
                    .map(Value::new)
                    .doOnNext(value -> scheduler.callBlocking(value::number))
                    .blockLast(Duration.ofSeconds(10));
            later.dispose();
        }
    }
}
