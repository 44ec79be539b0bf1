import { WINDOW, drawLarge, drawSmall, forget } from "./charts.js";
import { number, shorten, show, unitOf } from "./text.js";

const SLOT = 500; // numbers within so many ms become one point, as in the server's history
const REDRAW = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100; // ms
const REDRAW_SMALL = 500; // ms
const MOST_AT_ONCE = 12; // cards that are redrawn in one go
const MOST_TOPICS = 200;
const MOST_NOTES = 60;

const byId = id => document.getElementById(id);
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Topic by name: its card, its newest text, and its points of the last minute. */
const topics = new Map();
let chosen = null;
let zoomed = false;
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

// ---- topics

/** The topic of that name, or undefined if there is no room for one more. */
function topicOf(name) {
  if (!topics.has(name)) {
    if (topics.size >= MOST_TOPICS) {
      byId("more").hidden = false;
      return undefined;
    }
    addTopic(name);
  }
  return topics.get(name);
}

function addTopic(name) {
  const item = byId("topic").content.firstElementChild.cloneNode(true);
  const button = item.querySelector("button");
  const topic = {
    name,
    item,
    button,
    value: item.querySelector(".value"),
    unit: item.querySelector(".unit"),
    canvas: item.querySelector("canvas"),
    points: [],
    at: 0,
    isVisible: false,
    drawn: 0,
  };
  const label = item.querySelector(".name");
  label.textContent = shorten(show(name));
  label.classList.toggle("long", label.textContent !== show(name));
  button.title = show(name);
  button.addEventListener("click", () => choose(topic));
  topics.set(name, topic);
  const next = [...byId("topics").children].find(other => other.dataset.name > name);
  item.dataset.name = name;
  byId("topics").insertBefore(item, next ?? null);
  visibility.observe(item);
  requestAnimationFrame(arrange);
}

function choose(topic) {
  chosen?.button.setAttribute("aria-pressed", "false");
  chosen = topic;
  topic.button.setAttribute("aria-pressed", "true");
  byId("chart-topic").textContent = show(topic.name);
  byId("chart-topic").title = show(topic.name);
  byId("chart").setAttribute("aria-label", `The last minute of ${show(topic.name)}`);
  write(topic);
}

/** Until the user chooses: the first by name that has numbers. */
function chooseFirst() {
  if (chosen) return;
  const first = [...byId("topics").children].map(item => topics.get(item.dataset.name)).find(topic => topic.points.length);
  if (first) choose(first);
}

/** The newest message of a topic, which may be the beginning of a longer one. */
function take(topic, view) {
  topic.at = view.at;
  topic.text = view.value === null ? show(view.text) : number(view.value);
  topic.rest = view.more ? `… +${number(view.more)} bytes` : unitOf(topic.name);
  topic.isCut = view.more > 0;
  topic.full = show(view.text) + (view.more ? "…" : "");
  write(topic);
  time.hear(view.at);
}

function write(topic) {
  const places = [[topic.value, topic.unit]];
  if (topic === chosen) places.push([byId("chart-value"), byId("chart-unit")]);
  for (const [value, unit] of places) {
    value.textContent = topic.text;
    value.title = topic.full;
    unit.textContent = topic.rest;
    unit.classList.toggle("cut", topic.isCut);
  }
}

/** Adds a point, or makes it a part of the last one if that is of the same slot. */
function addPoint(points, { at, value, min, max }) {
  const last = points.at(-1);
  if (last && Math.floor(at / SLOT) <= Math.floor(last.at / SLOT)) {
    last.at = Math.max(last.at, at);
    last.value = value;
    last.min = Math.min(last.min, min);
    last.max = Math.max(last.max, max);
  } else {
    points.push({ at, value, min, max });
  }
  // One point before the window stays, so that the line reaches its edge.
  let old = 0;
  while (old + 1 < points.length && points[old + 1].at < at - WINDOW) old++;
  points.splice(0, old);
}

// ---- what the server tells

/** The last minute of a topic, for a page that has just come, or come back. */
function onHistory({ newest, points }) {
  const topic = topicOf(newest.topic);
  if (!topic) return;
  const live = topic.points;
  topic.points = points.map(([at, value, min, max]) => ({ at, value, min, max }));
  const known = topic.points.at(-1)?.at ?? 0;
  for (const point of live) if (point.at > known) addPoint(topic.points, point);
  if (newest.at >= topic.at) take(topic, newest);
}

function onFrame(frame) {
  for (const view of frame.topics) {
    const topic = topicOf(view.topic);
    if (!topic || view.at < topic.at) continue;
    if (view.value !== null && (frame.live || view.at > topic.at)) {
      // What was known before this browser came has only its newest value.
      const alone = view.count === 1 || !frame.live;
      addPoint(topic.points, alone ? { ...view, min: view.value, max: view.value } : view);
    }
    take(topic, view);
  }
  chooseFirst();
  if (frame.live) counts(frame);
}

function onNote(note) {
  const item = document.createElement("li");
  item.dataset.kind = note.kind;
  const at = document.createElement("time");
  at.textContent = clock.format(note.at);
  const kind = document.createElement("span");
  kind.className = "kind";
  kind.textContent = note.kind;
  const text = document.createElement("bdi");
  text.className = "text";
  text.textContent = show(note.text);
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
  byId("delivered").textContent = number(delivered);
  byId("dropped").textContent = number(dropped);
  byId("dropped").classList.toggle("warn", dropped > 0);
}

function onStatus(status) {
  byId("source").textContent = show(status.source);
  connection(status.connected ? "connected" : "disconnected", status.connected ? "connected" : "disconnected");
  counts(status);
  byId("late").textContent = number(status.late);
  byId("browsers").textContent = number(status.browsers);
  if (status.more) byId("more").hidden = false;
  const now = performance.now();
  if (before) {
    const rate = (1000 * (status.received - before.received)) / (now - before.at);
    byId("rate").textContent = number(Math.round(Math.max(0, rate)));
  }
  before = { received: status.received, at: now };
}

// ---- the grid

/** As many columns as have the fewest holes in the last row; its cards are wider by what is left. */
function arrange() {
  const list = byId("topics");
  const items = [...list.children];
  const { columnGap, fontSize } = getComputedStyle(list);
  const gap = parseFloat(columnGap);
  const narrowest = list.clientWidth < 480 ? 8.5 : 11.5;
  const most = Math.max(1, Math.floor((list.clientWidth + gap) / (narrowest * parseFloat(fontSize) + gap)));
  let columns = most;
  const holes = n => (n - (items.length % n)) % n;
  for (let n = most; n > most / 2; n--) if (holes(n) < holes(columns)) columns = n;
  list.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  const last = items.length % columns || columns;
  items.forEach((item, i) => {
    const place = i - (items.length - last); // in the last row
    const span = place < 0 ? 1 : Math.floor((place + 1) * columns / last) - Math.floor(place * columns / last);
    item.style.gridColumn = `span ${span}`;
  });
}
new ResizeObserver(arrange).observe(byId("topics"));

// ---- drawing

/** Only cards that are seen have a chart. */
const visibility = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const topic = topics.get(entry.target.dataset.name);
    topic.isVisible = entry.isIntersecting;
    if (!topic.isVisible) guarded(topic.canvas, () => forget(topic.canvas));
  }
});

const failed = new WeakSet();

/** A chart that fails is told of once, and harms no other one. */
function guarded(canvas, drawing) {
  try {
    drawing();
  } catch (error) {
    if (!failed.has(canvas)) console.error(error);
    failed.add(canvas);
  }
}

function drawChosen() {
  const isEmpty = !chosen?.points.some(point => point.at >= time.now() - WINDOW);
  byId("chart-empty").hidden = !chosen || !isEmpty;
  if (!chosen) return;
  const { from, to } = drawLarge(byId("chart"), chosen, time.now(), zoomed);
  const isCut = !isEmpty && (from > 0 || to < 0);
  byId("axis").textContent = isCut ? "The axis does not start at zero." : "";
}

function draw(now) {
  guarded(byId("chart"), drawChosen);
  const due = [...topics.values()]
    .filter(topic => topic.isVisible && topic.points.length && now - topic.drawn >= REDRAW_SMALL)
    .sort((a, b) => a.drawn - b.drawn);
  for (const topic of due.slice(0, MOST_AT_ONCE)) {
    topic.drawn = now;
    guarded(topic.canvas, () => drawSmall(topic.canvas, topic, time.now()));
  }
}

let drawn = 0;
function animate(now) {
  requestAnimationFrame(animate); // first: whatever happens below, there is a next time
  if (now - drawn >= REDRAW) {
    drawn = now;
    draw(now);
  }
}
requestAnimationFrame(animate);

byId("zoom").addEventListener("click", () => {
  zoomed = !zoomed;
  byId("zoom").textContent = zoomed ? "Start at zero" : "Zoom in";
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  guarded(byId("chart"), () => forget(byId("chart")));
  for (const topic of topics.values()) {
    guarded(topic.canvas, () => forget(topic.canvas));
    topic.drawn = 0;
  }
  draw(performance.now());
});

// ---- the stream

function listen() {
  const stream = new EventSource("events");
  stream.addEventListener("history", event => onHistory(JSON.parse(event.data)));
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
