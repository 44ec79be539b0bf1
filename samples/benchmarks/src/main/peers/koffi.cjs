// koffi on Node.js: a call from a native thread waits for the JavaScript thread.
const koffi = require('koffi');
const { serve, Tally } = require('./rounds.cjs');

const lib = koffi.load(process.env.BENCHMARKS_SOURCE);
const OnEvent = koffi.proto('void OnEvent(int64_t, double)');
const Question = koffi.proto('int32_t Question(int32_t)');
const startStream = lib.func('void start_stream(int, OnEvent *, int64_t)');
const startAnswered = lib.func('void start_answered(Question *, int64_t)');
const joinSource = lib.func('void join()');
const elapsed = lib.func('int64_t elapsed_ns()');
const wrongAnswers = lib.func('int64_t wrong_answers()');
const sameThread = lib.func('int64_t same_thread(Question *, int64_t)');
const join = () => new Promise((done, failed) => joinSource.async((e) => (e ? failed(e) : done())));

const tally = new Tally();
const stream = koffi.register((sequence, value) => tally.add(sequence, value), koffi.pointer(OnEvent));
const answered = koffi.register((question) => question + 1, koffi.pointer(Question));

serve({
  async stream(count) {
    tally.expect(count);
    startStream(1, stream, count);
    await join();
    tally.check();
    return Number(elapsed()) / count;
  },
  async answered(count) {
    startAnswered(answered, count);
    await join();
    if (Number(wrongAnswers()) !== 0) throw new Error(`${wrongAnswers()} answers were wrong`);
    return Number(elapsed()) / count;
  },
  async same_thread(count) {
    const nanos = Number(sameThread(answered, count));
    if (nanos < 0) throw new Error(`${-nanos} answers were wrong`);
    return nanos / count;
  },
});
