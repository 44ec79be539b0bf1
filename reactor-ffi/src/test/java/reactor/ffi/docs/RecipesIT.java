package reactor.ffi.docs;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static reactor.ffi.docs.Recipes.awaitUnregistered;
import static reactor.ffi.docs.Recipes.printed;
import static reactor.ffi.docs.Recipes.recipe;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.ffi.CallbackMetrics;
import reactor.ffi.CallbackScheduler;
import reactor.ffi.NativeCall;
import reactor.ffi.NativeCallback;
import reactor.ffi.NativeMemory;
import reactor.ffi.Overflow;
import reactor.ffi.fixture.LoadedLibrary;
import reactor.ffi.fixture.Signaller;
import reactor.test.StepVerifier;

/** The code of docs/recipes.md, compiled from the document, against the real libraries: see also {@link RecipesInAJvmIT}. */
@Timeout(120)
class RecipesIT {

    private static final Duration SOON = Duration.ofSeconds(60);

    /** A recipe can be read at one glance. */
    private static final int MOST_LINES = 30;

    @Test
    void noBlockIsLongerThanThis() {
        assertThat(Recipes.snippets())
                .isNotEmpty()
                .allSatisfy(snippet ->
                        assertThat(snippet.text().lines()).as(snippet.name()).hasSizeLessThanOrEqualTo(MOST_LINES));
    }

    @Nested
    class Sqlite {

        private static final int INTERRUPTED = 9;

        private final LoadedLibrary sqlite = LoadedLibrary.require("libsqlite3.so.0", "SQLite (Debian: libsqlite3-0)");
        private MemorySegment db = NULL;

        @BeforeEach
        void open() {
            db = NativeMemory.out(
                    ADDRESS,
                    out -> assertThat(sqlite.number("sqlite3_open", ":memory:", out))
                            .isZero());
            run("create table t (name text)");
            assertThat(sqlite.number("sqlite3_threadsafe")).isEqualTo(1); // serialized, as the document says
        }

        /** Zero: nothing is left that would use the connection. */
        @AfterEach
        void close() {
            assertThat(sqlite.number("sqlite3_close", db)).isZero();
        }

        private int run(String sql) {
            return sqlite.number("sqlite3_exec", db, sql, NULL, NULL, NULL);
        }

        @Test
        void tellsOfEachTransactionThatIsCommitted() {
            StepVerifier.create(printed("transactions", db))
                    .then(() -> run("insert into t values ('a'), ('b')"))
                    .expectNext("[Change[kind=18, table=t, row=1], Change[kind=18, table=t, row=2]]")
                    .then(() -> run("create table other (x)"))
                    .expectNext("[]")
                    .then(() -> run("begin; delete from t where name = 'a'; rollback"))
                    .then(() -> run(
                            "begin; update t set name = 'c' where rowid = 2; delete from t where rowid = 1; commit"))
                    .expectNext("[Change[kind=23, table=t, row=2], Change[kind=9, table=t, row=1]]")
                    .thenCancel()
                    .verify(SOON);
            awaitUnregistered("changes");
            for (String hook : List.of("update", "commit", "rollback")) {
                assertThat(sqlite.pointer("sqlite3_" + hook + "_hook", db, NULL, NULL))
                        .isEqualTo(NULL);
            }
        }

        @Test
        void sortsAsJavaDoes() {
            run("insert into t values ('b'), ('C'), ('a')");
            NativeCallback<?> collation = recipe("collation", db, "java", String.CASE_INSENSITIVE_ORDER.reversed());
            assertThat(first("select name from t order by name collate java")).isEqualTo("C");
            assertThat(first("select name from t order by name")).isEqualTo("C");
            assertThat(first("select name from t order by name collate java desc"))
                    .isEqualTo("a");
            assertThat(sqlite.number("sqlite3_create_collation", db, "java", 1, NULL, NULL))
                    .isZero();
            collation.close();
        }

        private String first(String sql) {
            MemorySegment statement = NativeMemory.out(
                    ADDRESS,
                    out -> assertThat(sqlite.number("sqlite3_prepare_v2", db, sql, -1, out, NULL))
                            .isZero());
            assertThat(sqlite.number("sqlite3_step", statement)).isEqualTo(100); // a row
            String text = NativeMemory.string(sqlite.pointer("sqlite3_column_text", statement, 0));
            assertThat(sqlite.number("sqlite3_finalize", statement)).isZero();
            return String.valueOf(text);
        }

        @Test
        void isInterruptedByACancel() {
            String endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
            StepVerifier.create(printed("progress", db, 1000).map(Long::valueOf).take(3))
                    .then(() -> assertThat(run(endless)).isEqualTo(INTERRUPTED))
                    .expectNextMatches(steps -> steps >= 1000)
                    .expectNextCount(2)
                    .expectComplete()
                    .verify(SOON);
            awaitUnregistered("progress");
            assertThat(run("select count(*) from t")).isZero();
        }
    }

    @Nested
    class Expat {

        private final LoadedLibrary expat = LoadedLibrary.require("libexpat.so.1", "expat (Debian: libexpat1)");

        private Flux<String> elements(String xml, Arena arena) {
            return printed("elements", arena.allocateFrom(xml).asSlice(0, xml.length()));
        }

        /** Counted on the scheduler's thread, so after the parser has returned there. */
        private static long parsedByNow() {
            return Mono.fromCallable(() -> CallbackMetrics.of("elements").events())
                    .subscribeOn(CallbackScheduler.shared())
                    .blockOptional(SOON)
                    .orElseThrow();
        }

        @Test
        void parsesNoFurtherThanAsked() {
            try (Arena arena = Arena.ofShared()) {
                StepVerifier.create(elements("<a x='1'><b/><c/><d/><broken></a>", arena), 1)
                        .expectNext("Element[name=a, attributes=[x, 1]]")
                        .thenRequest(2)
                        .expectNext("Element[name=b, attributes=[]]", "Element[name=c, attributes=[]]")
                        .then(() -> assertThat(parsedByNow()).isEqualTo(3))
                        .thenRequest(2)
                        .expectNext("Element[name=d, attributes=[]]", "Element[name=broken, attributes=[]]")
                        .thenRequest(1)
                        .expectErrorMessage("XML error 7") // the tags do not match
                        .verify(SOON);
                StepVerifier.create(elements("<a><b/></a>", arena).limitRate(1))
                        .expectNextCount(2)
                        .expectComplete()
                        .verify(SOON);
                StepVerifier.create(elements("<a><b/><c/></a>", arena).take(2))
                        .expectNextCount(2)
                        .expectComplete()
                        .verify(SOON);
                awaitUnregistered("elements");
            }
            assertThat(CallbackMetrics.of("elements").discarded()).isZero();
            assertThat(NativeMemory.string(expat.pointer("XML_ExpatVersion"))).startsWith("expat");
        }
    }

    @Nested
    class Curl {

        private final LoadedLibrary curl = LoadedLibrary.require("libcurl.so.4", "libcurl (Debian: libcurl4)");
        private final CountDownLatch ended = new CountDownLatch(1);
        private HttpServer server;

        @BeforeEach
        void serve() throws IOException {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newCachedThreadPool());
            server.createContext("/small", exchange -> {
                exchange.sendResponseHeaders(200, 0);
                exchange.getResponseBody().write("hello".getBytes(StandardCharsets.UTF_8));
                exchange.close();
            });
            server.createContext("/endless", exchange -> {
                exchange.sendResponseHeaders(200, 0);
                try {
                    while (true) {
                        exchange.getResponseBody().write(new byte[1000]);
                    }
                } catch (IOException _) {
                    ended.countDown(); // the client has closed the connection
                }
            });
            server.start();
        }

        @AfterEach
        void stop() {
            server.stop(0);
        }

        private Flux<String> body(String path) {
            Flux<byte[]> body =
                    recipe("body", "http://127.0.0.1:" + server.getAddress().getPort() + path);
            return body.map(bytes -> new String(bytes, StandardCharsets.UTF_8));
        }

        @Test
        void bringsTheBodyOrTheError() {
            StepVerifier.create(body("/small").reduce("", String::concat))
                    .expectNext("hello")
                    .expectComplete()
                    .verify(SOON);
            StepVerifier.create(body("/none"))
                    .expectErrorMessage("HTTP response code said error")
                    .verify(SOON);
            assertThat(NativeMemory.string(curl.pointer("curl_version"))).startsWith("libcurl");
        }

        @Test
        void abortsTheTransferAtACancel() throws InterruptedException {
            StepVerifier.create(body("/endless").take(3))
                    .expectNextCount(3)
                    .expectComplete()
                    .verify(SOON);
            ended.await();
            awaitUnregistered("download");
        }
    }

    @Nested
    class Signals {

        @Test
        void readTheFileAnew(@TempDir Path folder) throws Exception {
            assumeFalse(Signaller.isIgnored("HUP"), "HUP is ignored here");
            Path file = Files.writeString(folder.resolve("conf"), "one");
            StepVerifier.create(printed("configuration", file))
                    .expectNext("one")
                    .then(() -> change(file, "two"))
                    .expectNext("two")
                    .thenCancel()
                    .verify(SOON);
        }

        private static void change(Path file, String content) {
            try {
                Files.writeString(file, content);
                Signaller.kill("HUP");
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    /** A savefile, or a pipe that is one. */
    @Nested
    class Pcap {

        private final LoadedLibrary pcap = LoadedLibrary.require("libpcap.so.0.8", "libpcap (Debian: libpcap0.8)");

        private Flux<String> packets(Path file) {
            NativeCall<MemorySegment> open = () -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment error = arena.allocate(256);
                    MemorySegment opened = pcap.pointer("pcap_open_offline", file.toString(), error);
                    assertThat(opened).as(error.getString(0)).isNotEqualTo(NULL);
                    return opened;
                }
            };
            Flux<?> packets = recipe("packets", open, Overflow.block(16, SOON));
            return packets.map(String::valueOf);
        }

        private static byte[] header() {
            return little(24)
                    .putInt(0xa1b2c3d4)
                    .putShort((short) 2)
                    .putShort((short) 4)
                    .putLong(0)
                    .putInt(65535)
                    .putInt(1)
                    .array();
        }

        private static byte[] packet(int seconds) {
            return little(20)
                    .putInt(seconds)
                    .putInt(0)
                    .putInt(4)
                    .putInt(60)
                    .putInt(seconds)
                    .array();
        }

        private static ByteBuffer little(int size) {
            return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        }

        @Test
        void completesAtTheEndOfTheFile(@TempDir Path folder) throws IOException {
            Path file = folder.resolve("capture");
            try (OutputStream out = Files.newOutputStream(file)) {
                out.write(header());
                out.write(packet(1));
                out.write(packet(2));
            }
            StepVerifier.create(packets(file))
                    .expectNextMatches(packet -> packet.startsWith("Packet[seconds=1, length=60, "))
                    .expectNextMatches(packet -> packet.startsWith("Packet[seconds=2, length=60, "))
                    .expectComplete()
                    .verify(SOON);
            Files.write(file, new byte[] {1, 2, 3}, StandardOpenOption.APPEND);
            StepVerifier.create(packets(file))
                    .expectNextCount(2)
                    .expectErrorMatches(
                            error -> String.valueOf(error.getMessage()).contains("truncated"))
                    .verify(SOON);
        }

        /** The loop has ended, or the pipe would not be closed. */
        @Test
        void breaksTheLoopAtACancel(@TempDir Path folder) throws Exception {
            Path pipe = folder.resolve("pipe");
            assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                    .isZero();
            CountDownLatch closed = new CountDownLatch(1);
            Thread writer = new Thread(() -> {
                try (OutputStream out = Files.newOutputStream(pipe)) {
                    out.write(header());
                    for (int second = 0; true; second++) {
                        out.write(packet(second));
                    }
                } catch (IOException _) {
                    closed.countDown(); // a broken pipe
                }
            });
            writer.start();
            StepVerifier.create(packets(pipe).take(3))
                    .expectNextCount(3)
                    .expectComplete()
                    .verify(SOON);
            awaitUnregistered("packets");
            closed.await();
            writer.join();
        }
    }

    /** There is no server: a notice of libpq's own. */
    @Nested
    class Pq {

        private final LoadedLibrary pq = LoadedLibrary.require("libpq.so.5", "libpq (Debian: libpq5)");
        private final MemorySegment connection = pq.pointer("PQconnectStart", "host=/nowhere");

        @AfterEach
        void finish() {
            pq.run("PQfinish", connection);
        }

        /** What the connection calls now. */
        private MemorySegment processor() {
            return pq.pointer("PQsetNoticeProcessor", connection, NULL, NULL);
        }

        @Test
        void tellsOfNoticesUntilTheCancelAndOfNoneAfter() {
            MemorySegment before = processor();
            List<MemorySegment> results = new ArrayList<>();
            StepVerifier.create(printed("notices", connection))
                    .then(() -> {
                        results.add(pq.pointer("PQmakeEmptyPGresult", connection, 2));
                        pq.pointer("PQgetvalue", results.get(0), 5, 0);
                    })
                    .expectNext("row number 5 is out of range 0..-1")
                    .thenCancel()
                    .verify(SOON);
            awaitUnregistered("notices");
            assertThat(CallbackMetrics.of("notices").lateCalls()).isZero();
            pq.pointer("PQgetvalue", results.get(0), 5, 0); // the result still has the processor
            assertThat(CallbackMetrics.of("notices").lateCalls()).isEqualTo(1);
            pq.run("PQclear", results.get(0));
            assertThat(processor()).isEqualTo(before);
        }
    }

    @Nested
    class Kafka {

        private final LoadedLibrary kafka =
                LoadedLibrary.require("librdkafka.so.1", "librdkafka (Debian: librdkafka1)");

        private MemorySegment conf(String... settings) {
            MemorySegment conf = kafka.pointer("rd_kafka_conf_new");
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment why = arena.allocate(256);
                for (int i = 0; i < settings.length; i += 2) {
                    assertThat(kafka.number("rd_kafka_conf_set", conf, settings[i], settings[i + 1], why, 256L))
                            .as(why.getString(0))
                            .isZero();
                }
            }
            return conf;
        }

        @Test
        void reportsEachMessage() {
            NativeCall<MemorySegment> conf = () -> conf("test.mock.num.brokers", "1", "log_level", "0");
            StepVerifier.create(printed("send", conf, "topic", List.of("a", "b", "c")))
                    .thenConsumeWhile(report -> report.startsWith("Delivery[error=0, "))
                    .expectComplete()
                    .verify(SOON);
            assertThat(CallbackMetrics.of("deliveries").delivered()).isEqualTo(3);
            awaitUnregistered("deliveries");
        }

        @Test
        void reportsAMessageThatNoBrokerTakes() {
            NativeCall<MemorySegment> conf =
                    () -> conf("bootstrap.servers", "127.0.0.1:1", "message.timeout.ms", "300", "log_level", "0");
            StepVerifier.create(printed("send", conf, "topic", List.of("a")))
                    .expectNextMatches(report -> report.startsWith("Delivery[error=-192, ")) // timed out
                    .expectComplete()
                    .verify(SOON);
        }
    }

    @Nested
    class Uv {

        private final LoadedLibrary uv = LoadedLibrary.require("libuv.so.1", "libuv (Debian: libuv1)");

        @Test
        void tellsWhichFilesChangeUntilTheCancel(@TempDir Path folder) {
            StepVerifier.create(printed("changedFiles", folder.toString())
                            .distinct()
                            .take(2))
                    .then(() -> write(folder.resolve("a")))
                    .expectNext("a")
                    .then(() -> write(folder.resolve("b")))
                    .expectNext("b")
                    .expectComplete()
                    .verify(SOON);
            awaitUnregistered("files");
            StepVerifier.create(printed("changedFiles", folder.resolve("none").toString()))
                    .expectErrorMessage(NativeMemory.string(uv.pointer("uv_strerror", -2))) // ENOENT
                    .verify(SOON);
            awaitUnregistered("files");
        }

        private static void write(Path file) {
            try {
                Files.writeString(file, "x");
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }
}
