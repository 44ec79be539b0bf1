// bun:ffi JSCallback: thread safe callbacks are queued, and cannot answer.
import { dlopen, JSCallback } from "bun:ffi";
const { serve, Tally } = require("./rounds.cjs");

const lib = dlopen(process.env.BENCHMARKS_SOURCE!, {
  start_stream: { args: ["i32", "ptr", "i64"], returns: "void" },
  join: { args: [], returns: "void" },
  started_ns: { args: [], returns: "i64" },
  now_ns: { args: [], returns: "i64" },
  same_thread: { args: ["ptr", "i64"], returns: "i64" },
}).symbols;

const tally = new Tally();
const stream = new JSCallback((sequence, value) => tally.add(sequence, value), {
  args: ["i64", "f64"],
  returns: "void",
  threadsafe: true,
});
const answered = new JSCallback((question: number) => question + 1, { args: ["i32"], returns: "i32" });

serve({
  async stream(count: number) {
    tally.expect(count);
    lib.start_stream(1, stream.ptr!, count);
    await tally.all;
    const ended = Number(lib.now_ns());
    lib.join();
    tally.check();
    return (ended - Number(lib.started_ns())) / count;
  },
  same_thread(count: number) {
    const nanos = Number(lib.same_thread(answered.ptr!, count));
    if (nanos < 0) throw new Error(`${-nanos} answers were wrong`);
    return nanos / count;
  },
});
