package reactor.ffi.forked;

import java.io.File;
import java.lang.foreign.MemorySegment;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import reactor.ffi.CallbackType;
import reactor.ffi.NativeFlux;
import reactor.ffi.PoolMetrics;
import reactor.ffi.fixture.Callbacks.OnReading;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.Routed;

/** Two applications in one JVM, each with its own copy of the library, and one C library that mixes their user data up. */
class UserDataCopiesIT {

    @Test
    void twoCopiesOfTheLibraryTellTheirCallsApart() {
        ForkedJvm.of(Copies.class)
                .run()
                .assertExitedCleanly()
                .assertOut("two libraries true", "own 2000", "foreign 0", "unknown 1000000 and 1000000");
    }

    static final class Copies {

        public static void main(String[] args) throws Exception {
            List<URL> path = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
                path.add(Path.of(entry).toUri().toURL());
            }
            URL[] urls = path.toArray(URL[]::new);
            BiFunction<long[], Integer, Long> first = guest(urls);
            BiFunction<long[], Integer, Long> second = guest(urls);
            long[] mine = new long[1000];
            long[] theirs = new long[1000];
            long[] own = new long[1000];
            long[] ownToo = new long[1000];
            long pointer = first.apply(mine, 0);
            long other = second.apply(theirs, 0);
            System.out.println("two libraries " + (pointer != other && first.getClass() != second.getClass()));
            call(pointer, mine, 1);
            call(other, theirs, 1);
            call(pointer, theirs, 1000);
            call(other, mine, 1000);
            System.out.println("own " + (first.apply(own, 1) + second.apply(ownToo, 1)));
            System.out.println("foreign " + (first.apply(own, 2) + second.apply(ownToo, 2)));
            System.out.println("unknown " + first.apply(own, 3) + " and " + second.apply(ownToo, 3));
            Runtime.getRuntime().halt(0);
        }

        private static void call(long pointer, long[] userData, long n) {
            for (long each : userData) {
                Routed.calls(MemorySegment.ofAddress(pointer), MemorySegment.ofAddress(each), n);
            }
        }

        @SuppressWarnings("unchecked")
        private static BiFunction<long[], Integer, Long> guest(URL[] path) throws ReflectiveOperationException {
            ClassLoader loader = new URLClassLoader(path, ClassLoader.getPlatformClassLoader());
            return (BiFunction<long[], Integer, Long>)
                    loader.loadClass(Guest.class.getName()).getConstructor().newInstance();
        }
    }

    /** An application: 1,000 registrations. */
    public static final class Guest implements BiFunction<long[], Integer, Long> {

        private static final CallbackType<OnReading> TYPE =
                CallbackType.of(OnReading.class).userData(2);

        private final AtomicLong pointer = new AtomicLong();
        private final AtomicLong own = new AtomicLong();
        private final AtomicLong foreign = new AtomicLong();

        @Override
        public Long apply(long[] userData, Integer what) {
            return switch (what) {
                case 0 -> register(userData);
                case 1 -> own.get();
                case 2 -> foreign.get();
                default -> PoolMetrics.now().unknown();
            };
        }

        private long register(long[] userData) {
            for (int i = 0; i < userData.length; i++) {
                int number = i;
                NativeFlux.<Long>create(sink -> {
                            userData[number] = sink.userData().address();
                            pointer.set(sink.callback(
                                            TYPE,
                                            (meant, value, data) ->
                                                    (meant == userData[number] ? own : foreign).incrementAndGet())
                                    .address());
                        })
                        .subscribe();
            }
            return pointer.get();
        }
    }
}
