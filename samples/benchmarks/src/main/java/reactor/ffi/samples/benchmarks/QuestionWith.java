package reactor.ffi.samples.benchmarks;

import java.lang.foreign.MemorySegment;

/** {@code int32_t (*)(int32_t, void *)}: the answer is the question and one, the last parameter is the user data. */
@FunctionalInterface
interface QuestionWith {
    int ask(int question, MemorySegment userData);
}
