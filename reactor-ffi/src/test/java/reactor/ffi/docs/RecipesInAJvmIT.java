package reactor.ffi.docs;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeMemory;
import reactor.ffi.docs.CompiledSnippets.Loaded;
import reactor.ffi.fixture.ForkedJvm;
import reactor.ffi.fixture.LoadedLibrary;

/** The recipes of docs/recipes.md that are about the exit, or need an environment of their own. */
@Timeout(180)
class RecipesInAJvmIT {

    private static LoadedLibrary rocksDb() {
        return LoadedLibrary.require("librocksdb.so.7.8", "RocksDB (Debian: librocksdb7.8)");
    }

    private static LoadedLibrary portAudio() {
        return LoadedLibrary.require("libportaudio.so.2", "PortAudio (Debian: libportaudio2)");
    }

    @Test
    void rocksDbDropsWhatTheFilterSaysAndTheJvmExits() {
        rocksDb();
        ForkedJvm.of(Compaction.class)
                .arguments(Recipes.classes().toString())
                .run()
                .assertExitedCleanly()
                .assertOut("on a thread of RocksDB: true", "old: null", "young: value", "exits");
    }

    static final class Compaction {
        public static void main(String[] args) {
            Loaded recipes = CompiledSnippets.loaded(Path.of(args[0]));
            LoadedLibrary rocksDb = rocksDb();
            Set<String> threads = ConcurrentHashMap.newKeySet();
            Predicate<byte[]> old = key -> {
                threads.add(Thread.currentThread().getName());
                return new String(key, StandardCharsets.UTF_8).equals("old");
            };
            MemorySegment options = rocksDb.pointer("rocksdb_options_create");
            rocksDb.run("rocksdb_options_set_create_if_missing", options, 1);
            NativeCallback<?> filter = (NativeCallback<?>) requireNonNull(recipes.call("filter", options, old));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment error = arena.allocate(ADDRESS);
                MemorySegment db = rocksDb.pointer("rocksdb_open", options, "db", error);
                MemorySegment put = rocksDb.pointer("rocksdb_writeoptions_create");
                for (String key : new String[] {"old", "young"}) {
                    rocksDb.run("rocksdb_put", db, put, key, (long) key.length(), "value", 5L, error);
                }
                rocksDb.run("rocksdb_compact_range", db, NULL, 0L, NULL, 0L);
                System.out.println(
                        "on a thread of RocksDB: " + threads.stream().anyMatch(name -> name.startsWith("rocksdb:")));
                MemorySegment get = rocksDb.pointer("rocksdb_readoptions_create");
                for (String key : new String[] {"old", "young"}) {
                    MemorySegment length = arena.allocate(8);
                    MemorySegment value =
                            rocksDb.pointer("rocksdb_get", db, get, key, (long) key.length(), length, error);
                    System.out.println(key + ": " + (value.equals(NULL) ? null : text(value)));
                }
                rocksDb.run("rocksdb_close", db);
            }
            filter.close();
            recipes.call("endThreads");
            System.out.println("exits");
            System.exit(0);
        }

        private static String text(MemorySegment value) {
            return new String(NativeMemory.bytes(value, 5), StandardCharsets.UTF_8);
        }
    }

    @Test
    void portAudioBringsSamplesUntilTheCancel(@TempDir Path folder) throws IOException {
        portAudio();
        Path configuration = Files.writeString(folder.resolve("asound.conf"), "pcm.!default { type null }\n");
        ForkedJvm.of(Samples.class)
                .arguments(Recipes.classes().toString())
                .environment("ALSA_CONFIG_PATH", configuration.toString())
                .environment("JACK_NO_START_SERVER", "1")
                .run()
                .assertExitedCleanly()
                .assertOut("256 samples", "three values", "exits");
    }

    static final class Samples {
        public static void main(String[] args) {
            Loaded recipes = CompiledSnippets.loaded(Path.of(args[0]));
            Flux<?> samples = (Flux<?>) requireNonNull(recipes.call("samples", 16_000.0));
            short[] first = (short[]) requireNonNull(samples.blockFirst(Duration.ofSeconds(60)));
            System.out.println(first.length + " samples");
            samples.take(3).blockLast(Duration.ofSeconds(60));
            System.out.println("three values");
            System.out.println("exits");
        }
    }
}
