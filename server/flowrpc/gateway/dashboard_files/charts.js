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
    this.svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
      s("path", { class: "grid", d: `M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`, "vector-effect": "non-scaling-stroke" }), ...this.paths);
    this.top = h("span", { class: "muted" });
    this.legend = h("div", { class: "legend" });
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h3", {}, title), this.top), this.svg, this.legend,
      h("div", { class: "axis muted" }, h("span", {}, "2 min ago"), h("span", {}, "now")));
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
    const highest = Math.max(1e-9, ...all);
    text(this.top, all.length ? `up to ${shown(highest)} ${this.unit}` : "nothing yet");
    this.lines.forEach((line, index) => {
      const points = recent.map((figure) => [figure.at, line.of(figure)]).filter(([, value]) => value !== null);
      const steps = points.map(([at, value]) =>
        `${(WIDTH * (1 - (now - at) / (SECONDS * 1000))).toFixed(1)} ${(HEIGHT - 4 - (HEIGHT - 12) * (value / highest)).toFixed(1)}`);
      this.paths[index].setAttribute("d", steps.length ? `M${steps.join("L")}h0.01` : "");
      text(this.values[index], points.length ? `${shown(points.at(-1)[1])} ${this.unit}` : "–");
    });
  }
}

function shown(value) {
  return value >= 100 ? Math.round(value).toLocaleString() : value.toPrecision(2).replace(/^0\.0*$/, "0");
}

const LANE = 26;
const MAX_LANES = 12;
const MAX_BARS = 400;

/** Runs as bars over time, a lane for each work; the works that ran last are shown. */
export class Timeline {
  constructor() {
    this.note = h("span", { class: "muted" });
    this.body = h("div", { class: "timeline" });
    this.axis = h("div", { class: "axis muted" }, h("span", {}), h("span", {}, "now"));
    this.element = h("figure", { class: "card chart" },
      h("figcaption", {}, h("h3", {}, "Timeline of runs"), this.note), this.body, this.axis);
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
      this.axis.hidden = true;
      return;
    }
    this.axis.hidden = false;
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
