package reactor.ffi.samples.benchmarks;

/** {@code int32_t (*)(int32_t)}: the answer is the question and one. */
@FunctionalInterface
interface Question {
    int ask(int question);
}
