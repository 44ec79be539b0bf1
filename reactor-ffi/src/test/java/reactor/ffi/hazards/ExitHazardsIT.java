package reactor.ffi.hazards;

import static org.assertj.core.api.Assertions.assertThat;
import static reactor.ffi.fixture.Latches.awaitLatch;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.ffi.NativeFlux;
import reactor.ffi.fixture.BareStub;
import reactor.ffi.fixture.Callbacks.OnEvent;
import reactor.ffi.fixture.ForkedJvmResult;
import reactor.ffi.fixture.Source;

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
}
