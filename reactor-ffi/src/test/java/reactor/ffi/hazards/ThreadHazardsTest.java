package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Sinks;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Calls;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** docs/hazards.md, "Threads" and "Memory of arguments": what ends no process, with a bare upcall and with ours. */
@Timeout(60)
class ThreadHazardsTest {

    private static final InheritableThreadLocal<String> INHERITED = new InheritableThreadLocal<>();

    private final List<Object> seen = Collections.synchronizedList(new ArrayList<>());

    @Test
    void aNativeThreadInItsFirstCallback() {
        INHERITED.set("of the thread that started it");
        OnEvent looks = (thread, sequence, id) -> {
            Thread current = Thread.currentThread();
            seen.add(current.isDaemon());
            seen.add(current.getContextClassLoader() != null);
            seen.add(current.getName().replaceAll("[0-9]+", "N"));
            seen.add(INHERITED.get() == null);
        };
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom("sensors");
            Calls.fromNamedThread(Bridge.BARE.pointer(OnEvent.class, looks), name, 0);
            assertThat(seen).containsExactly(true, false, "Thread-N", true);
            seen.clear();
            Calls.fromNamedThread(Bridge.OURS.pointer(OnEvent.class, looks), name, 0);
            assertThat(seen).containsExactly(true, true, "sensors (native-N)", true);
        } finally {
            INHERITED.remove();
        }
    }

    @Test
    void whatACallbackLeavesOnItsThread() {
        ThreadLocal<Integer> local = new ThreadLocal<>();
        OnEvent leaves = (thread, sequence, id) -> {
            seen.add(Thread.currentThread().isInterrupted());
            seen.add(local.get() == null ? "nothing" : local.get());
            local.set(7);
            Thread.currentThread().interrupt();
        };
        Calls.fromThreads(Bridge.BARE.pointer(OnEvent.class, leaves), 1, 2, 0);
        assertThat(seen).containsExactly(false, "nothing", true, 7);
        seen.clear();
        Calls.fromThreads(Bridge.OURS.pointer(OnEvent.class, leaves), 1, 2, 0);
        assertThat(seen).containsExactly(false, "nothing", false, 7);
    }

    @Test
    void aNameThatIsSetInJava() {
        OnEvent renames = (thread, sequence, id) -> {
            Thread.currentThread().setName("renamed");
            seen.add(pthreadName());
        };
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom("sensors");
            for (Bridge bridge : Bridge.values()) {
                Calls.fromNamedThread(bridge.pointer(OnEvent.class, renames), name, 0);
            }
        }
        assertThat(seen).containsExactly("sensors", "sensors");
    }

    private static String pthreadName() {
        try {
            return Files.readString(Path.of("/proc/thread-self/comm")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Nothing can be done here: what Java calls on its way sets it. */
    @ParameterizedTest
    @EnumSource
    void errnoAfterACallback(Bridge bridge) {
        MemorySegment pointer = bridge.pointer(
                OnEvent.class, (thread, sequence, id) -> seen.add(new File("/there/is/no/such/file").exists()));
        assertThat(Calls.errnoAfter(pointer)).isEqualTo(2).isNotEqualTo(42); // ENOENT; 42 is what C had set
        assertThat(seen).containsExactly(false);
    }

    @ParameterizedTest
    @EnumSource
    void handlersOfOneCallbackRunAtTheSameTime(Bridge bridge) {
        CyclicBarrier both = new CyclicBarrier(2);
        MemorySegment pointer = bridge.pointer(OnEvent.class, (thread, sequence, id) -> {
            try {
                both.await(20, TimeUnit.SECONDS);
                seen.add("met");
            } catch (Exception e) {
                seen.add(e);
            }
        });
        Calls.fromThreads(pointer, 2, 1, 0);
        assertThat(seen).containsExactly("met", "met");
    }

    @Test
    void aScopeThatIsOpenedOnTheNativeThread() throws Exception {
        AtomicReference<MemorySegment> lent = new AtomicReference<>();
        CountDownLatch opened = new CountDownLatch(1);
        CountDownLatch looked = new CountDownLatch(1);
        MemorySegment bare = Bridge.BARE.pointer(OnEvent.class, (thread, sequence, id) -> {
            try (Arena arena = Arena.ofConfined()) {
                lent.set(arena.allocate(8));
                opened.countDown();
                awaitLatch(looked);
            }
        });
        Thread caller = new Thread(() -> Calls.fromThreads(bare, 1, 1, 0));
        caller.start();
        opened.await();
        Throwable elsewhere = catchThrowable(() -> lent.get().get(ValueLayout.JAVA_BYTE, 0));
        looked.countDown();
        caller.join();
        assertThat(elsewhere).isInstanceOf(WrongThreadException.class);

        try (CallbackScheduler scheduler = CallbackScheduler.create("hazards");
                NativeCallback<OnText> ours = NativeCallback.threadSafe(scheduler, OnText.class, (text, length) -> {
                    seen.add(scheduler.isCurrent());
                    seen.add(text.get(ValueLayout.JAVA_BYTE, 5));
                })) {
            Memory.buffer(ours.pointer(), 8, true);
        }
        assertThat(seen).containsExactly(true, (byte) 5);
    }

    @Test
    void aPointerArgumentThatIsReadLater() {
        AtomicReference<MemorySegment> kept = new AtomicReference<>();
        OnText keeps = (text, length) -> kept.set(text.byteSize() == 0 ? readable(text, length) : text);
        Memory.buffer(Bridge.BARE.pointer(OnText.class, keeps), 8, false);
        assertThat(kept.get().get(ValueLayout.JAVA_BYTE, 5))
                .as("what C has done with its memory since")
                .isNotEqualTo((byte) 5);

        Memory.buffer(Bridge.OURS.pointer(OnText.class, keeps), 8, false);
        assertThat(catchThrowable(() -> kept.get().get(ValueLayout.JAVA_BYTE, 5)))
                .isInstanceOf(IllegalStateException.class);
    }

    /** What everybody does who wants to read a pointer: it comes with a length of zero. */
    @SuppressWarnings("restricted")
    private static MemorySegment readable(MemorySegment text, long length) {
        return text.reinterpret(length);
    }

    @ParameterizedTest
    @EnumSource
    void aStructByValueThatIsReadLater(Bridge bridge) {
        AtomicReference<MemorySegment> kept = new AtomicReference<>();
        EchoSegment keeps = struct -> {
            kept.set(struct);
            return struct;
        };
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = bridge.pointer(EchoSegment.class, keeps, Structs.ECHO_SMALL);
            Values.askSmall(arena, pointer, arena.allocate(Structs.SMALL), false);
        }
        assertThat(catchThrowable(() -> kept.get().get(ValueLayout.JAVA_INT, 0)))
                .isInstanceOf(IllegalStateException.class);
    }

    /** While one thread is inside the sink, which is a matter of chance else. */
    @Test
    void severalThreadsOnOneReactorSink() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Sinks.Many<Long> sink = Sinks.many().unicast().onBackpressureBuffer();
        sink.asFlux().subscribe(value -> {
            inside.countDown();
            awaitLatch(goOn);
        });
        MemorySegment bare = BareStub.of(OnEvent.class, (thread, sequence, id) -> seen.add(sink.tryEmitNext(sequence)));
        Thread caller = new Thread(() -> Calls.fromThreads(bare, 1, 1, 0));
        caller.start();
        awaitLatch(inside);
        Calls.fromThreads(bare, 1, 1, 0);
        assertThat(seen).containsExactly(Sinks.EmitResult.FAIL_NON_SERIALIZED);
        goOn.countDown();
        caller.join();

        AtomicInteger taken = new AtomicInteger();
        Long delivered = NativeFlux.<Long>create(ours -> {
                    MemorySegment pointer = ours.callback(OnEvent.class, (thread, sequence, id) -> {
                        if (ours.next(sequence)) {
                            taken.incrementAndGet();
                        }
                    });
                    Calls.fromThreads(pointer, 2, 1_000, 0);
                    ours.complete();
                })
                .count()
                .block(Duration.ofSeconds(20));
        assertThat(taken).hasValue(2_000);
        assertThat(delivered).isEqualTo(2_000);
    }
}
