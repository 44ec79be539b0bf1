package reactor.ffi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Structs;
import reactor.ffi.internal.metrics.SourceCounters;
import reactor.ffi.internal.upcall.Callee;
import reactor.ffi.internal.upcall.Signature;

/** Pointers inside an argument die with it. */
class NativeMemoryTest {

    private static final long TOPIC = Structs.offset(Structs.PACKET, "topic");
    private static final long PAYLOAD = Structs.offset(Structs.PACKET, "payload");
    private static final long LENGTH = Structs.offset(Structs.PACKET, "length");
    private static final long NEXT = Structs.offset(Structs.PACKET, "next");

    private final List<Throwable> thrown = new ArrayList<>();

    private MemorySegment pointer(OnPointer handler) {
        Callee callee = new Callee() {
            private final SourceCounters counters = new SourceCounters("test");

            @Override
            public void handlerFailed(Throwable failure) {
                thrown.add(failure);
            }

            @Override
            public Consumer<? super Throwable> fallbackErrors() {
                return thrown -> {};
            }

            @Override
            public SourceCounters counters() {
                return counters;
            }
        };
        return Signature.of(OnPointer.class)
                .open(handler, null, callee, 1, callee)
                .pointer();
    }

    @Nested
    class InsideAnArgument {

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void pointersAreFollowedAsFarAsTheyLead(boolean onThread) {
            List<Object> seen = new ArrayList<>();
            Memory.packets(
                    pointer(argument -> {
                        MemorySegment packet = argument;
                        while (packet.address() != 0) {
                            int length = packet.get(ValueLayout.JAVA_INT, LENGTH);
                            seen.add(NativeMemory.string(packet, TOPIC));
                            seen.add(NativeMemory.at(packet, PAYLOAD, length).toArray(ValueLayout.JAVA_BYTE).length);
                            packet = NativeMemory.at(packet, NEXT, Structs.PACKET.byteSize());
                        }
                        seen.add(packet);
                    }),
                    onThread);
            assertThat(thrown).isEmpty();
            assertThat(seen).containsExactly("first", 3, "second", 5, MemorySegment.NULL);
        }

        @Test
        void anArrayOfStringsIsReadUpToItsNull() {
            List<String> seen = new ArrayList<>();
            Memory.strings(
                    pointer(argument -> {
                        for (long offset = 0;
                                NativeMemory.at(argument, offset, 1).address() != 0;
                                offset += 8) {
                            seen.add(NativeMemory.string(argument, offset));
                        }
                    }),
                    true);
            assertThat(seen).containsExactly("alpha", "beta", "gamma");
        }

        @Test
        void whatWasFollowedDiesWithTheArgument() {
            List<MemorySegment> kept = new ArrayList<>();
            Memory.packets(
                    pointer(packet -> {
                        MemorySegment next = NativeMemory.at(packet, NEXT, Structs.PACKET.byteSize());
                        kept.add(packet);
                        kept.add(next);
                        kept.add(NativeMemory.at(next, PAYLOAD, 5));
                    }),
                    false);
            assertThat(kept).hasSize(3).allSatisfy(late -> {
                assertThatThrownBy(() -> late.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
            });
            assertThatThrownBy(() -> NativeMemory.at(kept.get(1), 0, 8)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> NativeMemory.string(kept.get(1), 0)).isInstanceOf(IllegalStateException.class);
        }

        @Test
        void whatWasFollowedBelongsToTheThreadOfTheArgument() {
            Memory.packets(
                    pointer(packet -> {
                        MemorySegment payload = NativeMemory.at(packet, PAYLOAD, 3);
                        assertThatThrownBy(() -> CompletableFuture.runAsync(() -> payload.get(ValueLayout.JAVA_BYTE, 0))
                                        .join())
                                .hasCauseInstanceOf(WrongThreadException.class);
                    }),
                    true);
            assertThat(thrown).isEmpty();
        }
    }

    @Nested
    class InMemoryOfOnesOwn {

        @Test
        void theBoundsOfWhatWasFollowedAreThoseThatWereGiven() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment field = arena.allocate(ValueLayout.ADDRESS);
                field.set(ValueLayout.ADDRESS, 0, arena.allocateFrom("text"));
                MemorySegment text = NativeMemory.at(field, 0, 4);
                assertThat(text.byteSize()).isEqualTo(4);
                assertThatThrownBy(() -> text.get(ValueLayout.JAVA_BYTE, 4))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThat(NativeMemory.at(field, 0, 0).byteSize()).isZero();
            }
        }

        @Test
        void aPointerMayLieAnywhere() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment packed = arena.allocate(11);
                packed.set(ValueLayout.ADDRESS_UNALIGNED, 3, arena.allocateFrom("text"));
                assertThat(NativeMemory.string(packed, 3)).isEqualTo("text");
            }
        }

        @Test
        void aNullPointerStaysNull() {
            MemorySegment parent = Arena.ofAuto().allocate(ValueLayout.ADDRESS);
            assertThat(NativeMemory.at(parent, 0, 100)).isEqualTo(MemorySegment.NULL);
            assertThat(NativeMemory.at(parent, 0, 100).byteSize()).isZero();
            assertThatThrownBy(() -> NativeMemory.string(parent, 0))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("offset 0")
                    .hasMessageContaining("NativeMemory.at");
        }

        @Test
        void badInputIsRefused() {
            MemorySegment parent = Arena.ofAuto().allocate(ValueLayout.ADDRESS);
            assertThatThrownBy(() -> NativeMemory.at(parent, 0, -1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("size is -1");
            assertThatThrownBy(() -> NativeMemory.at(parent, 1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> NativeMemory.at(parent, -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> NativeMemory.at(null, 0, 1))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessageContaining("parent");
        }
    }

    /** A pointer that is a result is of length zero and lives for ever, as far as the JDK knows. */
    @Nested
    class ThatIsAResult {

        interface GetEnv {
            MemorySegment get(MemorySegment name);
        }

        private final GetEnv getEnv = CFunction.named("getenv", GetEnv.class);

        private MemorySegment environment(String name) {
            return getEnv.get(Arena.ofAuto().allocateFrom(name));
        }

        @Test
        void isReadAsAStringAndNullIsNull() {
            assertThat(NativeMemory.string(environment("PATH"))).isEqualTo(System.getenv("PATH"));
            assertThat(NativeMemory.string(environment("no such variable"))).isNull();
        }

        @Test
        void isReadAsThatManyBytes() {
            byte[] path = System.getenv("PATH").getBytes(StandardCharsets.UTF_8);
            assertThat(NativeMemory.bytes(environment("PATH"), path.length)).isEqualTo(path);
            assertThat(NativeMemory.bytes(environment("PATH"), 0)).isEmpty();
            assertThat(NativeMemory.bytes(MemorySegment.NULL, 0)).isEmpty();
        }

        @Test
        void isReadAsAnArrayUpToItsNull() {
            MemorySegment environ =
                    Linker.nativeLinker().defaultLookup().find("environ").orElseThrow();
            MemorySegment array =
                    environ.reinterpret(ValueLayout.ADDRESS.byteSize()).get(ValueLayout.ADDRESS, 0);
            assertThat(NativeMemory.strings(array))
                    .contains("PATH=" + System.getenv("PATH"))
                    .hasSize(NativeMemory.pointers(array).size());
            assertThat(NativeMemory.pointers(array)).allSatisfy(pointer -> {
                assertThat(pointer.byteSize()).isZero();
                assertThat(NativeMemory.string(pointer)).contains("=");
            });
            assertThat(NativeMemory.pointers(MemorySegment.NULL)).isEmpty();
            assertThat(NativeMemory.strings(MemorySegment.NULL)).isEmpty();
        }
    }

    @Nested
    class ThatIsAnArgument {

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void isReadAsAStringAndAsBytes(boolean onThread) {
            List<Object> seen = new ArrayList<>();
            MemorySegment on = pointer(text -> {
                seen.add(NativeMemory.string(text));
                if (text.address() != 0) {
                    seen.add(NativeMemory.bytes(text, 3));
                }
            });
            Memory.pointer(on, Arena.global().allocateFrom("text"), onThread);
            Memory.pointer(on, MemorySegment.NULL, onThread);
            assertThat(thrown).isEmpty();
            assertThat(seen).containsExactly("text", "tex".getBytes(StandardCharsets.UTF_8), null);
        }

        @Test
        void dies() {
            List<MemorySegment> kept = new ArrayList<>();
            List<String> seen = new ArrayList<>();
            Memory.strings(
                    pointer(array -> {
                        seen.addAll(NativeMemory.strings(array));
                        kept.add(array);
                        kept.addAll(NativeMemory.pointers(array));
                    }),
                    false);
            assertThat(seen).containsExactly("alpha", "beta", "gamma");
            assertThat(kept).hasSize(4).allSatisfy(late -> {
                assertThat(late.scope().isAlive()).isFalse();
                assertThatThrownBy(() -> NativeMemory.string(late)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> NativeMemory.bytes(late, 1)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> NativeMemory.pointers(late)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> NativeMemory.strings(late)).isInstanceOf(IllegalStateException.class);
            });
        }
    }

    @Nested
    class OfAKnownLength {

        @Test
        void isNotReadBeyondItsEnd() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment text = arena.allocateFrom("text").asSlice(0, 4);
                assertThatThrownBy(() -> NativeMemory.string(text)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> NativeMemory.bytes(text, 5)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThat(NativeMemory.bytes(text, 4)).isEqualTo("text".getBytes(StandardCharsets.UTF_8));
                MemorySegment array = arena.allocate(ValueLayout.ADDRESS);
                array.set(ValueLayout.ADDRESS, 0, text);
                assertThatThrownBy(() -> NativeMemory.pointers(array)).isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThat(NativeMemory.bytes(MemorySegment.ofArray(new byte[] {1, 2}), 2))
                    .containsExactly(1, 2);
        }
    }

    @Nested
    class GivenToC {

        interface StringToLong {
            long convert(MemorySegment text, MemorySegment end, int base);
        }

        interface Frexp {
            double split(double value, MemorySegment exponent);
        }

        @Test
        void stringsAreAnArrayThatEndsWithNull() {
            try (Arena arena = Arena.ofConfined()) {
                List<String> strings = List.of("", "\u00e9t\u00e9", "c");
                MemorySegment array = NativeMemory.allocateStrings(arena, strings);
                assertThat(array.byteSize()).isEqualTo(4 * ValueLayout.ADDRESS.byteSize());
                assertThat(NativeMemory.strings(array)).isEqualTo(strings);
                assertThat(NativeMemory.strings(NativeMemory.allocateStrings(arena, List.of())))
                        .isEmpty();
            }
        }

        @Test
        void anOutParameterIsWhatCHasWrittenThere() {
            MemorySegment text = Arena.ofAuto().allocateFrom("12ab");
            StringToLong toLong = CFunction.named("strtol", StringToLong.class);
            MemorySegment end = NativeMemory.out(
                    ValueLayout.ADDRESS,
                    out -> assertThat(toLong.convert(text, out, 10)).isEqualTo(12));
            assertThat(NativeMemory.string(end)).isEqualTo("ab");

            Frexp frexp = CFunction.named("frexp", Frexp.class);
            assertThat(NativeMemory.out(ValueLayout.JAVA_INT, out -> frexp.split(8, out)))
                    .isEqualTo(4);

            interface Time {
                long time(MemorySegment out);
            }
            Time time = CFunction.named("time", Time.class);
            long[] returned = {0};
            assertThat(NativeMemory.out(ValueLayout.JAVA_LONG, out -> returned[0] = time.time(out)))
                    .isEqualTo(returned[0])
                    .isPositive();
        }

        @Test
        void anOutParameterThatCDoesNotWriteIsZero() {
            assertThat(NativeMemory.out(ValueLayout.ADDRESS, out -> {})).isEqualTo(MemorySegment.NULL);
            assertThat(NativeMemory.out(ValueLayout.JAVA_INT, out -> {})).isZero();
            assertThat(NativeMemory.out(ValueLayout.JAVA_LONG, out -> {})).isZero();
        }

        @Test
        void whatTheCallThrowsPasses() {
            IllegalStateException failed = new IllegalStateException("failed");
            assertThatThrownBy(() -> NativeMemory.out(ValueLayout.ADDRESS, out -> {
                        throw failed;
                    }))
                    .isSameAs(failed);
        }
    }
}
