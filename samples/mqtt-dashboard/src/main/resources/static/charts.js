// The charts of the page, drawn by Chart.js. A topic is { name, points }, a point { at, value, min, max }.
import { mark, number, unitOf } from "./text.js";

export const WINDOW = 60_000; // what a chart shows, in ms

const { Chart } = globalThis;

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A hole is much longer than what is usual for this topic. No line is drawn over it. */
function longestGap(points) {
  const gaps = points.slice(1).map((point, i) => point.at - points[i].at);
  const usual = gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? 0;
  return Math.max(1500, 6 * usual);
}

/** A line of the newest values, and behind it a band from the smallest to the largest. */
function datasets({ points }, fill) {
  const spanGaps = longestGap(points);
  const of = key => points.map(point => ({ x: point.at, y: point[key] }));
  const edge = { borderWidth: 0, pointRadius: 0, pointHoverRadius: 0, spanGaps };
  const clip = { left: 0, top: 6, right: 6, bottom: 6 }; // the dot at the right edge is whole
  return [
    { data: of("value"), fill, spanGaps, clip },
    { ...edge, data: of("max"), fill: "+1", backgroundColor: color("band") },
    { ...edge, data: of("min"), fill: false },
  ];
}

/** From zero, unless it is asked not to; and so long that the numbers between its ends can be told apart. */
function valueAxis({ name, points }, zoomed) {
  const percent = unitOf(name) === "%" && !zoomed;
  const low = Math.min(...points.map(point => point.min));
  const high = Math.max(...points.map(point => point.max));
  const size = Math.max(Math.abs(low), Math.abs(high));
  const shortest = Math.max(1e-290, zoomed ? 1e-12 * size : 0);
  const room = size > 0 ? Math.max(0, shortest - (zoomed ? high - low : size)) / 2 : 0;
  return {
    type: "linear",
    beginAtZero: !zoomed,
    grace: percent ? 0 : "5%",
    suggestedMin: low - room,
    suggestedMax: percent ? 100 : high + room,
  };
}

/** The newest value has a dot. */
function newest(radius) {
  return ({ dataIndex, dataset }) => (dataIndex === dataset.data.length - 1 ? radius : 0);
}

function shade({ chart }) {
  if (!chart.chartArea) return color("band");
  const gradient = chart.ctx.createLinearGradient(0, chart.chartArea.top, 0, chart.chartArea.bottom);
  gradient.addColorStop(0, color("band"));
  gradient.addColorStop(1, "transparent");
  return gradient;
}

function base(line, dot) {
  return {
    animation: false,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    elements: {
      line: { borderColor: color("line"), borderWidth: line, borderJoinStyle: "round", backgroundColor: shade },
      point: { radius: newest(dot), hitRadius: 0, backgroundColor: color("line"), borderColor: color("line") },
    },
  };
}

// ---- the large one

function seconds(ms) {
  return `${Math.round(ms / 1000)} s ago`;
}

/** One mark every 15 seconds, the newest "now"; fewer where there is no room. */
function timeMarks(axis) {
  const every = axis.width < 420 ? 30_000 : 15_000;
  axis.ticks = [];
  for (let ago = WINDOW; ago >= 0; ago -= every) axis.ticks.push({ value: axis.max - ago });
}

/** Marks whose labels are the same would be a lie. */
function valueMarks(axis) {
  const { min, max, ticks } = axis;
  const step = ticks.length > 1 ? Math.abs(ticks[1].value - ticks[0].value) : Math.abs(max - min);
  const size = Math.max(Math.abs(min), Math.abs(max));
  const unit = unitOf(axis.chart.options.topic) === "%" ? " %" : "";
  const seen = new Set();
  axis.ticks = ticks.filter(tick => {
    tick.label = mark(tick.value, step || size, size) + unit;
    return !seen.has(tick.label) && seen.add(tick.label);
  });
}

function largeOptions() {
  const options = base(2, 4);
  options.interaction = { mode: "nearest", axis: "x", intersect: false };
  options.elements.point.hoverRadius = 5;
  options.plugins = {
    legend: { display: false },
    tooltip: {
      displayColors: false,
      filter: item => item.datasetIndex === 0,
      callbacks: {
        title: ([item]) => item && seconds(Math.max(0, item.chart.scales.x.max - item.parsed.x)),
        label: ({ chart, dataIndex, parsed }) => {
          const [, max, min] = chart.data.datasets.map(dataset => dataset.data[dataIndex].y);
          const range = max > min ? ` (${number(min)} to ${number(max)})` : "";
          return `${number(parsed.y)} ${unitOf(chart.options.topic)}${range}`;
        },
      },
    },
  };
  options.scales = {
    x: {
      type: "linear",
      grid: { display: false },
      border: { color: color("edge") },
      afterBuildTicks: timeMarks,
      ticks: {
        align: "inner",
        autoSkip: false,
        maxRotation: 0,
        color: color("quiet"),
        callback: function (value) {
          return value === this.max ? "now" : seconds(this.max - value);
        },
      },
    },
  };
  return options;
}

/** Draws a topic into the large chart, and returns from where to where its value axis runs. */
export function drawLarge(canvas, topic, now, zoomed) {
  const chart = Chart.getChart(canvas) ?? new Chart(canvas, { type: "line", data: {}, options: largeOptions() });
  const { options } = chart;
  options.topic = topic.name;
  options.scales.x.min = now - WINDOW;
  options.scales.x.max = now;
  options.scales.y = {
    ...valueAxis(topic, zoomed),
    afterBuildTicks: valueMarks,
    border: { display: false },
    grid: { color: color("edge") },
    ticks: { color: color("quiet"), maxTicksLimit: 7, callback: (value, index, ticks) => ticks[index].label },
  };
  chart.data.datasets = datasets(topic, zoomed ? false : "origin");
  chart.update("none");
  return { from: chart.scales.y.min, to: chart.scales.y.max };
}

// ---- the small ones

/** Draws a topic into its card. */
export function drawSmall(canvas, topic, now) {
  const chart = Chart.getChart(canvas) ?? new Chart(canvas, { type: "line", data: {}, options: smallOptions() });
  chart.options.scales.x.min = now - WINDOW;
  chart.options.scales.x.max = now;
  chart.options.scales.y = { ...valueAxis(topic, false), display: false };
  chart.data.datasets = datasets(topic, "origin");
  chart.update("none");
}

function smallOptions() {
  const options = base(1.5, 2);
  options.events = [];
  options.plugins = { legend: { display: false }, tooltip: { enabled: false } };
  options.layout = { padding: { top: 2, bottom: 2, right: 3 } };
  options.scales = { x: { type: "linear", display: false } };
  return options;
}

/** Until it is drawn again; then in the colours of that time. */
export function forget(canvas) {
  Chart.getChart(canvas)?.destroy();
}
