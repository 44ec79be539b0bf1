package reactor.ffi.internal.upcall;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.ffi.CallbackType;
import reactor.ffi.fixture.Callbacks.EchoSegment;
import reactor.ffi.fixture.Callbacks.Fill;
import reactor.ffi.fixture.Callbacks.OnPointer;
import reactor.ffi.fixture.Callbacks.OnStructs;
import reactor.ffi.fixture.Callbacks.OnText;
import reactor.ffi.fixture.Callbacks.ReturnText;
import reactor.ffi.fixture.Fixture;
import reactor.ffi.fixture.Memory;
import reactor.ffi.fixture.Structs;
import reactor.ffi.fixture.Values;

/** Arguments cannot dangle. */
class ArgumentsTest {

    private final TestCallee callee = new TestCallee();
    private final List<MemorySegment> kept = new ArrayList<>();

    @AfterEach
    void nothingFailedUnseen() {
        assertThat(callee.thrown).isEmpty();
        assertThat(Fixture.errorCount()).isZero();
    }

    @Nested
    class Pointers {

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void areReadableToTheirFullLengthWhileTheHandlerRuns(boolean onThread) {
            List<Object> seen = new ArrayList<>();
            MemorySegment pointer = callee.pointer(OnText.class, (text, length) -> {
                seen.add(text.byteSize());
                seen.add(text.get(ValueLayout.JAVA_BYTE, length - 1));
            });
            Memory.buffer(pointer, 1 << 20, onThread);
            assertThat(seen).containsExactly(Long.MAX_VALUE, (byte) 255);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void usedAfterTheHandlerAreAnIllegalState(boolean onThread) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment pointer = callee.pointer(OnText.class, (text, length) -> {
                    kept.add(text);
                    kept.add(text.asSlice(1, 2));
                });
                Memory.text(pointer, arena.allocateFrom("text"), onThread);
            }
            assertThat(kept).hasSize(2).allSatisfy(late -> {
                assertThat(late.scope().isAlive()).isFalse();
                assertThatThrownBy(() -> late.get(ValueLayout.JAVA_BYTE, 0))
                        .isInstanceOfAny(IllegalStateException.class, WrongThreadException.class);
            });
            if (!onThread) {
                assertThatThrownBy(() -> kept.get(0).getString(0)).isInstanceOf(IllegalStateException.class);
            }
        }

        @Test
        void belongToTheThreadThatRunsTheHandler() {
            List<Throwable> thrown = new ArrayList<>();
            MemorySegment pointer = callee.pointer(OnText.class, (text, length) -> {
                try {
                    CompletableFuture.runAsync(() -> text.get(ValueLayout.JAVA_BYTE, 0))
                            .join();
                } catch (CompletionException e) {
                    thrown.add(e.getCause());
                }
            });
            Memory.buffer(pointer, 8, true);
            assertThat(thrown).singleElement().isInstanceOf(WrongThreadException.class);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void thatAreNullStayNullAndHaveNoLength(boolean onThread) {
            Memory.pointer(callee.pointer(OnPointer.class, kept::add), MemorySegment.NULL, onThread);
            Memory.pointer(
                    callee.pointer(CallbackType.of(OnPointer.class).handles(0), kept::add),
                    MemorySegment.NULL,
                    onThread);
            CallbackType<OnPointer> typed = CallbackType.of(OnPointer.class)
                    .descriptor(FunctionDescriptor.ofVoid(ValueLayout.ADDRESS.withTargetLayout(Structs.PACKET)));
            Memory.pointer(callee.pointer(typed, kept::add), MemorySegment.NULL, onThread);
            assertThat(kept).hasSize(3).allMatch(MemorySegment.NULL::equals).allMatch(s -> s.byteSize() == 0);
        }

        @Test
        void areAsLongAsTheirTargetLayoutSays() {
            CallbackType<OnPointer> typed = CallbackType.of(OnPointer.class)
                    .descriptor(FunctionDescriptor.ofVoid(ValueLayout.ADDRESS.withTargetLayout(Structs.PACKET)));
            List<Object> seen = new ArrayList<>();
            Memory.packets(
                    callee.pointer(typed, packet -> {
                        seen.add(packet.byteSize());
                        seen.add(packet.get(ValueLayout.JAVA_INT, Structs.offset(Structs.PACKET, "length")));
                        kept.add(packet);
                    }),
                    false);
            assertThat(seen).containsExactly(Structs.PACKET.byteSize(), 3);
            assertThatThrownBy(() -> kept.get(0).get(ValueLayout.JAVA_BYTE, 0))
                    .isInstanceOf(IllegalStateException.class);
        }

        @Test
        void ofTheSameCTypeShareAStubWhateverTheyPointTo() {
            CallbackType<OnPointer> typed = CallbackType.of(OnPointer.class)
                    .descriptor(FunctionDescriptor.ofVoid(
                            ValueLayout.ADDRESS.withTargetLayout(Structs.PACKET).withName("packet")));
            Upcall first = callee.open(typed, kept::add, null);
            first.release();
            Upcall second = callee.open(OnPointer.class, kept::add);
            assertThat(second.pointer()).isEqualTo(first.pointer());
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void mayBeWrittenTo(boolean onThread) {
            MemorySegment pointer = callee.pointer(Fill.class, (buffer, size) -> {
                for (int i = 0; i < size; i++) {
                    buffer.set(ValueLayout.JAVA_BYTE, i, (byte) (i + 1));
                }
                return size;
            });
            assertThat(Memory.checkFill(pointer, 100, onThread)).isEqualTo(100);
        }

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void mayBeTheResult(boolean onThread) {
            MemorySegment pointer = callee.pointer(EchoSegment.class, value -> value);
            assertThat(Values.askPointer(pointer, MemorySegment.ofAddress(4711), onThread)
                            .address())
                    .isEqualTo(4711);
            MemorySegment slice = callee.pointer(EchoSegment.class, value -> value.asSlice(3));
            assertThat(Values.askPointer(slice, MemorySegment.ofAddress(4711), onThread)
                            .address())
                    .isEqualTo(4714);
        }

        @Test
        void thatAreResultsMayLieInAnArenaThatOutlivesTheCall() {
            try (Arena arena = Arena.ofShared()) {
                MemorySegment text = arena.allocateFrom("answer");
                MemorySegment copy = arena.allocate(16);
                MemorySegment pointer = callee.pointer(ReturnText.class, index -> text);
                assertThat(Memory.readText(pointer, 0, copy, 16, true)).isEqualTo(6);
                assertThat(copy.getString(0)).isEqualTo("answer");
            }
        }

        @Test
        void doNotDieOfAHandlerThatThrowsAndTheFallbackHasItsOwn() {
            Upcall upcall = callee.open(
                    OnPointer.class,
                    data -> {
                        kept.add(data);
                        throw new IllegalStateException("on purpose");
                    },
                    data -> kept.add(data.reinterpret(1).asSlice(0)));
            Memory.pointer(upcall.pointer(), MemorySegment.ofAddress(4711), false);
            assertThat(callee.thrown).hasSize(1);
            callee.thrown.clear();
            assertThat(kept)
                    .hasSize(2)
                    .allMatch(s -> s.address() == 4711)
                    .noneMatch(s -> s.scope().isAlive());
        }
    }

    @Nested
    class StructArguments {

        @Test
        void byValueDieWithTheHandler() {
            CallbackType<OnStructs> type = CallbackType.of(OnStructs.class).descriptor(Structs.ON_STRUCTS);
            Values.structs(
                    callee.pointer(type, (small, large, number) -> {
                        kept.add(small);
                        kept.add(large);
                    }),
                    false);
            assertThat(kept)
                    .hasSize(2)
                    .allSatisfy(late -> assertThatThrownBy(() -> late.get(ValueLayout.JAVA_BYTE, 0))
                            .isInstanceOf(IllegalStateException.class));
        }
    }

    @Nested
    class Handles {

        private final CallbackType<EchoSegment> handle =
                CallbackType.of(EchoSegment.class).handles(0);

        @ParameterizedTest
        @ValueSource(booleans = {false, true})
        void areKeptAndPassedBackAndCannotBeRead(boolean onThread) {
            MemorySegment pointer = callee.pointer(handle, value -> {
                kept.add(value);
                return value;
            });
            MemorySegment context = Memory.newContext();
            assertThat(Values.askPointer(pointer, context, onThread)).isEqualTo(context);
            MemorySegment it = kept.get(0);
            assertThat(it.scope().isAlive()).isTrue();
            assertThat(it.byteSize()).isZero();
            assertThatThrownBy(() -> it.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(Memory.contextIsDead(it)).isFalse();
            Memory.freeContext(it);
        }

        @Test
        void areOnlyThoseThatWereNamed() {
            CallbackType<OnText> second = CallbackType.of(OnText.class).handles(0);
            Memory.buffer(callee.pointer(second, (text, length) -> kept.add(text)), 8, false);
            Memory.buffer(callee.pointer(OnText.class, (text, length) -> kept.add(text)), 8, false);
            assertThat(kept).extracting(s -> s.scope().isAlive()).containsExactly(true, false);
        }

        @Test
        void loseTheirTargetLayout() {
            CallbackType<OnPointer> typed = CallbackType.of(OnPointer.class)
                    .descriptor(FunctionDescriptor.ofVoid(ValueLayout.ADDRESS.withTargetLayout(Structs.PACKET)))
                    .handles(0);
            Memory.packets(callee.pointer(typed, kept::add), true);
            assertThat(kept)
                    .singleElement()
                    .satisfies(s -> assertThat(s.byteSize()).isZero());
        }
    }
}
