package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.Calls;

/** A slot, or a shared stub, remembers the record of a thread that has called it. That is a guess; nobody is ever given the record of another. */
class LastCallerTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final TestCallee callee = new TestCallee();
    private final Upcall upcall = callee.open(OnEvent.class, (thread, sequence, id) -> {});
    private final Slot slot = upcall.slot;

    /** The slot may be one that a thread of an earlier test has called. */
    @BeforeEach
    void forgetTheLastCaller() {
        slot.lastCaller = null;
        slot.lastCallerId = 0;
    }

    /** The frame of a call that comes now, on this thread. */
    private static Frame next(Slot slot) {
        try {
            return (Frame) ThreadRecord.NEXT.invokeExact((LastCaller) slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** The frame of this thread's outermost call, as a slot gives it that remembers nobody. */
    private static Frame own() {
        return next(new Slot(1, new TestCallee().open(OnEvent.class, (thread, sequence, id) -> {}).binding));
    }

    private static <V> V on(ThreadFactory factory, Callable<V> task) throws Exception {
        FutureTask<V> run = new FutureTask<>(task);
        Thread thread = factory.newThread(run);
        thread.start();
        V result = run.get(10, TimeUnit.SECONDS);
        assertThat(thread.join(Duration.ofSeconds(10))).isTrue();
        return result;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void isNobodyToAnotherThread(boolean virtual) throws Exception {
        ThreadFactory factory =
                virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().factory();
        Frame mine = next(slot);
        assertThat(mine).isSameAs(own());
        Object remembered = slot.lastCaller;
        Frame theirs = on(factory, () -> {
            Frame frame = next(slot);
            assertThat(frame).isSameAs(own()).isNotSameAs(mine);
            return frame;
        });
        assertThat(slot.lastCaller).isSameAs(remembered);
        assertThat(next(slot)).isSameAs(mine).isNotSameAs(theirs);
    }

    /** The slot's two words are written one after the other, by whoever comes. */
    @Test
    void isNobodyToAThreadWhoseIdStandsBesideTheRecordOfAnother() throws Exception {
        Frame mine = next(slot);
        on(Thread.ofPlatform().factory(), () -> {
            slot.lastCallerId = Thread.currentThread().threadId();
            assertThat(next(slot)).isSameAs(own()).isNotSameAs(mine);
            return null;
        });
    }

    @Test
    void isReplacedOnceItsThreadHasEnded() throws Exception {
        on(Thread.ofPlatform().factory(), () -> next(slot));
        Object ended = slot.lastCaller;
        assertThat(ended).isNotNull();
        Frame mine = own();
        for (int call = 0; call < 64; call++) {
            assertThat(next(slot)).isSameAs(mine);
        }
        assertThat(slot.lastCaller).isNotSameAs(ended);
        assertThat(slot.lastCallerId).isEqualTo(Thread.currentThread().threadId());
    }

    @Test
    void staysForThousandsOfCallsWhileItsThreadLivesButNotForEver() throws Exception {
        CountDownLatch called = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Thread other = new Thread(() -> {
            next(slot);
            called.countDown();
            awaitLatch(go);
        });
        other.start();
        awaitLatch(called);
        WeakReference<Thread> remembered = slot.lastCaller;
        int replaced = 0;
        for (int call = 0; call < 3 * 4096; call++) {
            next(slot);
            if (!Objects.equals(slot.lastCaller, remembered)) {
                replaced++;
                slot.lastCaller = remembered;
            }
        }
        assertThat(replaced).isEqualTo(3);
        go.countDown();
        other.join();
    }

    @Nested
    class OfASharedStub {

        private final SlotTable stub = new SlotTable(new Slot(1, upcall.binding)) {
            @Override
            Binding unknown(long userData) {
                throw new AssertionError();
            }
        };

        private Frame next(Slot slot) {
            try {
                return (Frame) ThreadRecord.NEXT_ROUTED.invokeExact((LastCaller) slot, (LastCaller) stub);
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        }

        private Slot another() {
            return new Slot(2, upcall.binding);
        }

        @Test
        void isKnownInSlotsThatItHasNotCalledYet() {
            Frame mine = next(slot);
            assertThat(mine).isSameAs(own());
            Slot other = another();
            assertThat(next(other)).isSameAs(mine);
            assertThat(other.lastCaller).isNull();
        }

        @Test
        void isFoundInItsOwnSlotWhileTheStubRemembersAnother() throws Exception {
            CountDownLatch called = new CountDownLatch(1);
            CountDownLatch go = new CountDownLatch(1);
            Thread other = new Thread(() -> {
                next(another());
                called.countDown();
                awaitLatch(go);
            });
            other.start();
            awaitLatch(called);
            Object remembered = stub.lastCaller;
            Frame mine = next(slot);
            assertThat(mine).isSameAs(own());
            assertThat(slot.lastCaller).isNotNull().isNotSameAs(remembered);
            assertThat(next(slot)).isSameAs(mine);
            assertThat(stub.lastCaller).isSameAs(remembered);
            go.countDown();
            other.join();
        }

        @Test
        void isReplacedOnceItsThreadHasEndedHoweverManySlotsAreCalled() throws Exception {
            on(Thread.ofPlatform().factory(), () -> next(slot));
            Object ended = stub.lastCaller;
            assertThat(ended).isNotNull();
            Frame mine = own();
            for (int call = 0; call < 64; call++) {
                assertThat(next(another())).isSameAs(mine);
            }
            assertThat(stub.lastCaller).isNotSameAs(ended);
            assertThat(stub.lastCallerId).isEqualTo(Thread.currentThread().threadId());
        }
    }

    @Test
    void doesNotHideAHandlerThatAnotherThreadIsInside() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Set<Boolean> inside = ConcurrentHashMap.newKeySet();
        CountDownLatch entered = new CountDownLatch(4);
        Upcall[] self = new Upcall[1];
        self[0] = callee.open(OnEvent.class, (thread, sequence, id) -> {
            inside.add(self[0].isInside(Thread.currentThread()));
            entered.countDown();
            awaitLatch(go);
        });
        Calls.fromShortLivedThreads(upcall.pointer(), 1, 1, 0);
        Thread callers = new Thread(() -> Calls.fromThreads(self[0].pointer(), 4, 1, 0));
        callers.start();
        awaitLatch(entered);
        self[0].retire();
        assertThat(NativeThreads.inside(self[0].slot.id)).hasSize(4);
        assertThat(self[0].awaitLeft(0)).isFalse();
        go.countDown();
        callers.join();
        assertThat(self[0].awaitLeft(SECOND)).isTrue();
        assertThat(inside).containsExactly(true);
        assertThat(callee.thrown).isEmpty();
    }
}
