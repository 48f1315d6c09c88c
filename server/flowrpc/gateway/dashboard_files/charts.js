// Drawings: lines over the last minutes, and runs over time.

import { h, s, text } from "./dom.js";
import { duration, durationOf } from "./values.js";

const WIDTH = 600;
const HEIGHT = 120;
const SECONDS = 120;

/** A chart of one line or more over the last two minutes. */
export class LineChart {
  /** @param {{name: string, of: (figure: object) => number | null, class: string}[]} lines */
  constructor(title, unit, lines) {
    this.unit = unit;
    this.lines = lines;
    this.paths = lines.map((line) => s("path", { class: `line ${line.class}`, "vector-effect": "non-scaling-stroke" }));
    this.dots = lines.map((line) => s("path", { class: `line dot ${line.class}`, "vector-effect": "non-scaling-stroke" }));
    this.svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
      s("path", { class: "grid", d: `M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`, "vector-effect": "non-scaling-stroke" }), ...this.paths, ...this.dots);
    this.scale = h("div", { class: "scale muted", "aria-hidden": "true" }, h("span"), h("span"), h("span"));
    this.top = h("span", { class: "muted" });
    this.legend = h("div", { class: "legend" });
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h3", {}, title), this.top),
      h("div", { class: "plot" }, this.scale, this.svg, h("div", { class: "axis muted" }, h("span", {}, "2 min ago"), h("span", {}, "now"))), this.legend);
    this.values = lines.map((line) => {
      const value = h("strong", {}, "–");
      this.legend.append(h("span", { class: "key" }, h("i", { class: line.class }), line.name, " ", value));
      return value;
    });
  }

  draw(figures) {
    const now = Date.now();
    const recent = figures.filter((figure) => now - figure.at < SECONDS * 1000);
    const all = this.lines.flatMap((line) => recent.map(line.of)).filter((value) => value !== null);
    const top = roundUp(Math.max(...all, 0));
    text(this.top, all.length ? this.unit : "nothing yet");
    [top, top / 2, 0].forEach((value, index) => text(this.scale.children[index], all.length ? tick(value) : ""));
    this.lines.forEach((line, index) => {
      const place = (figure) => `${(WIDTH * (1 - (now - figure.at) / (SECONDS * 1000))).toFixed(1)} ${(HEIGHT * (1 - line.of(figure) / top)).toFixed(1)}`;
      const pieces = unbroken(recent, line.of);
      this.paths[index].setAttribute("d", pieces.filter((piece) => piece.length > 1).map((piece) => `M${piece.map(place).join("L")}`).join(""));
      this.dots[index].setAttribute("d", pieces.filter((piece) => piece.length === 1).map(([figure]) => `M${place(figure)}h0.01`).join(""));
      text(this.values[index], pieces.length ? `${shown(line.of(pieces.at(-1).at(-1)))} ${this.unit}` : "–");
    });
  }
}

/** Cuts figures where there is no value: what nobody measured is no line. */
function unbroken(figures, of) {
  const pieces = [[]];
  for (const figure of figures) {
    if (of(figure) === null) pieces.push([]);
    else pieces.at(-1).push(figure);
  }
  return pieces.filter((piece) => piece.length);
}

/** The end of a scale: 1, 2 or 5 times a power of ten, so that it does not change all the time. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => value <= step * power) * power;
}

function tick(value) {
  return value.toLocaleString([], { maximumSignificantDigits: 2 });
}

function shown(value) {
  return value >= 100 ? Math.round(value).toLocaleString() : value.toPrecision(2).replace(/^0\.0*$/, "0");
}

const LANE = 26;
const MAX_LANES = 12;
const MAX_BARS = 400;
const STATUSES = ["running", "succeeded", "failed", "cancelled", "pending"];

/** Runs as bars over time, a lane for each work; the works that ran last are shown. */
export class Timeline {
  constructor() {
    this.note = h("span", { class: "muted" });
    this.body = h("div", { class: "timeline" });
    this.axis = h("div", { class: "axis muted" }, h("span", {}), h("span", {}, "now"));
    this.legend = h("div", { class: "legend" });
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h3", {}, "Timeline of runs"), this.note), this.body, this.axis, this.legend);
    this.drawn = "";
  }

  draw(runs) {
    const started = runs.filter((run) => run.started_at).slice(0, MAX_BARS);
    const works = [...new Set(started.map((run) => run.work))];
    const busy = started.some((run) => !run.ended_at);
    const state = `${started.length} ${started.map((run) => run.run_id + run.status).join()} ${busy ? Math.floor(Date.now() / 1000) : ""}`;
    if (state === this.drawn) return;
    this.drawn = state;
    text(this.note, works.length > MAX_LANES ? `${MAX_LANES} of ${works.length} works` : "");
    if (!started.length) {
      this.body.replaceChildren(h("p", { class: "muted" }, "No run has started yet. A flow asks for one by calling run() of a work."));
      this.axis.hidden = this.legend.hidden = true;
      return;
    }
    this.axis.hidden = this.legend.hidden = false;
    const statuses = STATUSES.filter((status) => started.some((run) => run.status === status));
    this.legend.replaceChildren(...statuses.map((status) => h("span", { class: "key" }, h("i", { class: `swatch ${status}` }), status)));
    const begin = Math.min(...started.map((run) => Date.parse(run.started_at)));
    const end = Math.max(busy ? Date.now() : 0, ...started.map((run) => Date.parse(run.ended_at ?? run.started_at)), begin + 1000);
    text(this.axis.firstChild, new Date(begin).toLocaleTimeString());
    text(this.axis.lastChild, busy ? "now" : new Date(end).toLocaleTimeString());
    this.body.replaceChildren(...works.slice(0, MAX_LANES).map((work) => lane(work, started.filter((run) => run.work === work), begin, end)));
  }
}

function lane(work, runs, begin, end) {
  const at = (time) => ((Date.parse(time) - begin) / (end - begin)) * 100;
  const bars = runs.map((run) => {
    const left = at(run.started_at);
    const width = Math.max(0.4, (run.ended_at ? at(run.ended_at) : 100) - left);
    return s("rect", { x: `${left}%`, y: 4, width: `${width}%`, height: LANE - 8, rx: 3, class: `bar ${run.status}` },
      s("title", {}, `${run.status}, ${duration(durationOf(run))}, attempt ${run.attempt}`));
  });
  const label = `${work}: ${runs.length} ${runs.length === 1 ? "run" : "runs"}, the newest ${runs[0].status}`;
  return h("div", { class: "lane" }, h("span", { class: "lane-name", title: work }, work.replace(/^root\./, "")),
    s("svg", { height: LANE, role: "img", "aria-label": label }, ...bars));
}
