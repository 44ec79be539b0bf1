// A thread safe function of Node-API: events are queued, without limit, to the JavaScript thread.
const source = require('./node_api.node');
const { serve, Tally } = require('./rounds.cjs');

const tally = new Tally();

serve({
  async stream(count) {
    tally.expect(count);
    source.start((sequence, value) => tally.add(sequence, value), count);
    await tally.all;
    const nanos = source.sinceStart();
    tally.check();
    return nanos / count;
  },
});
