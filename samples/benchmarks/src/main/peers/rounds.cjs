// The runner's side of a peer: each line "measure size count" on stdin is one round, answered by one line.
const readline = require('node:readline');

exports.serve = async (measures) => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [measure, , count] = line.split(' ');
    try {
      console.log(`= :${await measures[measure](Number(count))}`);
    } catch (e) {
      console.log(`! ${e}`);
    }
  }
  process.exit(0);
};

// Counts and sums what arrives, as the subscribers of the other contenders do.
exports.Tally = class {
  constructor() { this.expect(0); }
  expect(events) {
    this.events = events;
    this.count = 0;
    this.sequences = 0;
    this.values = 0;
    this.all = new Promise((done) => { this.done = done; });
  }
  add(sequence, value) {
    this.sequences += Number(sequence);
    this.values += value;
    if (++this.count === this.events) this.done();
  }
  check() {
    const sum = this.events * (this.events - 1) / 2;
    if (this.count !== this.events || this.sequences !== sum || this.values !== sum * 0.5) {
      throw new Error(`of ${this.events} events ${this.count} arrived, with the sums ${this.sequences} and ${this.values}`);
    }
  }
};
