const WINDOW = 60_000; // what a chart shows, in ms
const REDRAW = 66; // ms
const MOST_TOPICS = 200;
const MOST_NOTES = 60;

const byId = id => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "scientific", maximumFractionDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Topic by name: its card, its newest text, and its points of the last minute. */
const topics = new Map();
let chosen = null;
let before = null; // the status of a second ago

/** The server's time, as far as it is known: that of the newest event, and what has passed since. */
const time = {
  at: 0,
  heard: 0,
  hear(at) {
    if (at > this.now()) {
      this.at = at;
      this.heard = performance.now();
    }
  },
  now() {
    return this.at && this.at + performance.now() - this.heard;
  },
};

/** As many digits as help to read it. */
const number = {
  format(value) {
    const size = Math.abs(value);
    if (size >= 1e9 || (size < 0.01 && size > 0)) return short.format(value);
    return (size >= 1000 ? whole : decimal).format(value);
  },
};

function unitOf(name) {
  if (name.endsWith("-percent")) return "%";
  return name.endsWith("-mib") ? "MiB" : "";
}

function addTopic(name) {
  const item = byId("topic").content.firstElementChild.cloneNode(true);
  const button = item.querySelector("button");
  const topic = {
    name,
    item,
    button,
    value: item.querySelector(".value"),
    canvas: item.querySelector("canvas"),
    points: [],
    at: 0,
    text: "",
  };
  item.querySelector(".name").textContent = name;
  button.title = name;
  item.querySelector(".unit").textContent = unitOf(name);
  button.addEventListener("click", () => choose(topic));
  topics.set(name, topic);
  const next = [...byId("topics").children].find(other => other.dataset.name > name);
  item.dataset.name = name;
  byId("topics").insertBefore(item, next ?? null);
  return topic;
}

function choose(topic) {
  chosen?.button.setAttribute("aria-pressed", "false");
  chosen = topic;
  topic.button.setAttribute("aria-pressed", "true");
  byId("chart-topic").textContent = topic.name;
  byId("chart-topic").title = topic.name;
  byId("chart-unit").textContent = unitOf(topic.name);
  byId("chart-value").textContent = topic.text;
  draw();
}

function onFrame(frame) {
  for (const view of frame.topics) {
    let topic = topics.get(view.topic);
    if (!topic) {
      if (topics.size >= MOST_TOPICS) {
        byId("more").hidden = false;
        continue;
      }
      topic = addTopic(view.topic);
      if (!chosen && view.value !== null) choose(topic);
    }
    if (view.at < topic.at) continue;
    topic.at = view.at;
    topic.text = view.value === null ? view.text : number.format(view.value);
    topic.value.textContent = topic.text;
    if (topic === chosen) byId("chart-value").textContent = topic.text;
    // What was known before this browser came has its newest value, and no history.
    if (view.value !== null && view.at > (topic.points.at(-1)?.at ?? 0)) {
      const alone = view.count === 1 || !frame.live;
      topic.points.push({
        at: view.at,
        value: view.value,
        min: alone ? view.value : view.min,
        max: alone ? view.value : view.max,
      });
      forget(topic.points, view.at - WINDOW);
    }
    time.hear(view.at);
  }
  if (frame.live) counts(frame);
}

/** One point before the window stays, so that the line reaches its edge. */
function forget(points, until) {
  let old = 0;
  while (old + 1 < points.length && points[old + 1].at < until) old++;
  points.splice(0, old);
}

function onNote(note) {
  const item = document.createElement("li");
  item.dataset.kind = note.kind;
  const at = document.createElement("time");
  at.textContent = clock.format(note.at);
  const kind = document.createElement("span");
  kind.className = "kind";
  kind.textContent = note.kind;
  const text = document.createElement("span");
  text.className = "text";
  text.textContent = note.text;
  item.append(at, kind, text);
  byId("log").prepend(item);
  while (byId("log").children.length > MOST_NOTES) byId("log").lastElementChild.remove();
  time.hear(note.at);
  if (note.kind !== "log") connection(note.kind, note.kind);
}

function connection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

function counts({ delivered, dropped }) {
  byId("delivered").textContent = number.format(delivered);
  byId("dropped").textContent = number.format(dropped);
  byId("dropped").classList.toggle("warn", dropped > 0);
}

function onStatus(status) {
  byId("source").textContent = status.source;
  connection(status.connected ? "connected" : "disconnected", status.connected ? "connected" : "disconnected");
  counts(status);
  byId("late").textContent = number.format(status.late);
  byId("browsers").textContent = number.format(status.browsers);
  const now = performance.now();
  if (before) {
    const rate = (1000 * (status.received - before.received)) / (now - before.at);
    byId("rate").textContent = number.format(Math.round(Math.max(0, rate)));
  }
  before = { received: status.received, at: now };
}

// ---- charts

/** Fits a canvas to its place, in real pixels, and clears it. */
function prepare(canvas) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The values between which all points lie, with some air. */
function range({ name, points }) {
  if (unitOf(name) === "%") return { low: 0, high: 104 };
  let low = Math.min(...points.map(point => point.min));
  let high = Math.max(...points.map(point => point.max));
  const air = high > low ? (high - low) * 0.1 : Math.max(Math.abs(high) * 0.05, 1);
  if (low >= 0 && low - air < 0) return { low: 0, high: high + air };
  return { low: low - air, high: high + air };
}

function steps({ low, high }) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  const all = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) all.push(i * step);
  return all;
}

/** Points without a hole between them: a hole is much longer than what is usual for this topic. */
function runs(points) {
  const gaps = points.slice(1).map((point, i) => point.at - points[i].at);
  const usual = gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? 0;
  const all = [[points[0]]];
  gaps.forEach((gap, i) => {
    if (gap > Math.max(1500, 6 * usual)) all.push([]);
    all.at(-1).push(points[i + 1]);
  });
  return all;
}

/** What is known is drawn as a line, with a band from the smallest to the largest value behind it. */
function curve(pen, points, x, y, colors, floor) {
  pen.lineJoin = "round";
  pen.lineCap = "round";
  for (const run of runs(points)) {
    const line = new Path2D();
    run.forEach(point => line.lineTo(x(point.at), y(point.value)));
    if (run.length === 1) line.lineTo(x(run[0].at) + 0.01, y(run[0].value));
    const area = new Path2D(line);
    area.lineTo(x(run.at(-1).at), floor);
    area.lineTo(x(run[0].at), floor);
    const shade = pen.createLinearGradient(0, 0, 0, floor);
    shade.addColorStop(0, colors.band);
    shade.addColorStop(1, "transparent");
    pen.fillStyle = shade;
    pen.fill(area);
    const band = new Path2D();
    run.forEach(point => band.lineTo(x(point.at), y(point.max)));
    run.toReversed().forEach(point => band.lineTo(x(point.at), y(point.min)));
    pen.fillStyle = colors.band;
    pen.fill(band);
    pen.strokeStyle = colors.line;
    pen.stroke(line);
  }
}

function drawChart(colors) {
  const { pen, width, height } = prepare(byId("chart"));
  if (!chosen?.points.length) return;
  const scale = range(chosen);
  const foot = 20;
  const top = 8;
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = colors.quiet;
  pen.strokeStyle = colors.edge;
  pen.lineWidth = 1;
  const labels = steps(scale).map(value => [value, number.format(value)]);
  const left = Math.max(...labels.map(([, label]) => pen.measureText(label).width)) + 10;
  const y = value => top + (height - top - foot) * (1 - (value - scale.low) / (scale.high - scale.low));
  const x = at => left + (width - left - 6) * (1 - (time.now() - at) / WINDOW);
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const [value, label] of labels) {
    pen.fillText(label, left - 8, y(value));
    pen.beginPath();
    pen.moveTo(left, y(value));
    pen.lineTo(width, y(value));
    pen.stroke();
  }
  pen.textBaseline = "alphabetic";
  for (const seconds of width < 480 ? [60, 30, 0] : [60, 45, 30, 15, 0]) {
    pen.textAlign = seconds === 60 ? "left" : seconds ? "center" : "right";
    pen.fillText(seconds ? `${seconds} s ago` : "now", x(time.now() - seconds * 1000) + (seconds ? 0 : 6), height - 4);
  }
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, width - left, height);
  pen.clip();
  pen.lineWidth = 2;
  curve(pen, chosen.points, x, y, colors, height - foot);
  const last = chosen.points.at(-1);
  pen.beginPath();
  pen.arc(x(last.at), y(last.value), 4, 0, 2 * Math.PI);
  pen.fillStyle = colors.line;
  pen.fill();
  pen.restore();
}

function drawSparkline(topic, colors) {
  const { pen, width, height } = prepare(topic.canvas);
  if (!topic.points.length) return;
  const scale = range(topic);
  const y = value => 2 + (height - 4) * (1 - (value - scale.low) / (scale.high - scale.low));
  const from = Math.max(topic.points[0].at, time.now() - WINDOW);
  const x = at => (width - 2) * ((at - from) / Math.max(1000, time.now() - from));
  pen.lineWidth = 1.5;
  curve(pen, topic.points, x, y, colors, height);
}

function isVisible(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function draw() {
  const style = getComputedStyle(document.documentElement);
  const color = name => style.getPropertyValue(`--${name}`).trim();
  const colors = { line: color("line"), band: color("band"), quiet: color("quiet"), edge: color("edge") };
  drawChart(colors);
  for (const topic of topics.values()) {
    if (isVisible(topic.canvas)) drawSparkline(topic, colors);
  }
}

let drawn = 0;
function animate(now) {
  if (now - drawn >= REDRAW) {
    drawn = now;
    draw();
  }
  requestAnimationFrame(animate);
}
requestAnimationFrame(animate);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

// ---- the stream

function listen() {
  const stream = new EventSource("events");
  stream.addEventListener("frame", event => onFrame(JSON.parse(event.data)));
  stream.addEventListener("notes", event => JSON.parse(event.data).forEach(onNote));
  stream.addEventListener("status", event => onStatus(JSON.parse(event.data)));
  stream.addEventListener("open", () => {
    before = null;
    byId("log").replaceChildren(); // the server tells the newest again
  });
  stream.addEventListener("error", () => {
    connection("waiting", "the server does not answer");
    if (stream.readyState === EventSource.CLOSED) {
      setTimeout(listen, 2000); // it answered with an error: EventSource does not try again by itself
    }
  });
}
listen();
