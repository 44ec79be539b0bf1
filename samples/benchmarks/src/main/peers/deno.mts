// Deno.UnsafeCallback: a call from a native thread waits for the isolate's thread.
import { createRequire } from "node:module";
const { serve, Tally } = createRequire(import.meta.url)("./rounds.cjs");

const lib = Deno.dlopen(Deno.env.get("BENCHMARKS_SOURCE")!, {
  start_stream: { parameters: ["i32", "function", "i64"], result: "void" },
  start_answered: { parameters: ["function", "i64"], result: "void" },
  join: { parameters: [], result: "void", nonblocking: true },
  elapsed_ns: { parameters: [], result: "i64" },
  wrong_answers: { parameters: [], result: "i64" },
  same_thread: { parameters: ["function", "i64"], result: "i64" },
} as const).symbols;

const tally = new Tally();
const stream = Deno.UnsafeCallback.threadSafe(
  { parameters: ["i64", "f64"], result: "void" } as const,
  (sequence, value) => tally.add(sequence, value),
);
const answered = Deno.UnsafeCallback.threadSafe(
  { parameters: ["i32"], result: "i32" } as const,
  (question) => question + 1,
);

serve({
  async stream(count: number) {
    tally.expect(count);
    lib.start_stream(1, stream.pointer, BigInt(count));
    await lib.join();
    tally.check();
    return Number(lib.elapsed_ns()) / count;
  },
  async answered(count: number) {
    lib.start_answered(answered.pointer, BigInt(count));
    await lib.join();
    if (lib.wrong_answers() !== 0n) throw new Error(`${lib.wrong_answers()} answers were wrong`);
    return Number(lib.elapsed_ns()) / count;
  },
  same_thread(count: number) {
    const nanos = Number(lib.same_thread(answered.pointer, BigInt(count)));
    if (nanos < 0) throw new Error(`${-nanos} answers were wrong`);
    return nanos / count;
  },
});
