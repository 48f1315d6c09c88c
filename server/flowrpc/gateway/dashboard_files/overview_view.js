// Overview: how the app is, in figures and over time.

import { h, text } from "./dom.js";
import { LineChart, Timeline } from "./charts.js";
import { count, numbered, sinceWhen } from "./values.js";

export class OverviewView {
  constructor(model) {
    this.model = model;
    this.cards = new Map();
    const grid = h("dl", { class: "cards" });
    for (const name of ["Status", "Revision", "Passes per second", "Commands per second", "Components", "Runs"]) {
      const value = h("dd", {}, "–");
      const note = h("dd", { class: "muted note" });
      this.cards.set(name, { value, note });
      grid.append(h("div", { class: "card" }, h("dt", {}, name), value, note));
    }
    this.revisions = new LineChart("Revisions", "per second", [{ name: "revisions", of: (figure) => figure.revisions_per_second, class: "first" }]);
    this.latency = new LineChart("Command latency", "ms", [
      { name: "half are within", of: (figure) => figure.command_p50_ms, class: "first" },
      { name: "99 % are within", of: (figure) => figure.command_p99_ms, class: "second" },
    ]);
    this.timeline = new Timeline();
    this.element = h("div", {}, h("h2", { class: "hidden" }, "Overview"), grid,
      h("div", { class: "charts" }, this.revisions.element, this.latency.element), this.timeline.element);
  }

  draw() {
    const { app, latest, revision, components } = this.model;
    const status = latest?.status ?? app.status;
    this.#card("Status", status ? this.#stage(status, latest) : "–", this.#statusNote(status, latest));
    this.#card("Revision", revision.toLocaleString(), app.started_at ? `life ${app.life}, since ${sinceWhen(app.started_at)}` : "");
    this.#card("Passes per second", latest ? count(latest.passes_per_second) : "–", latest && latest.passes_per_second === 0 ? "at rest: nothing to do" : "");
    this.#card("Commands per second", latest ? count(latest.commands) : "–", latest?.command_p50_ms ? `half within ${latest.command_p50_ms.toFixed(1)} ms` : "");
    this.#card("Components", components.size.toLocaleString(), this.#kinds());
    this.#card("Runs", ...this.#runs());
    this.revisions.draw(this.model.figures);
    this.latency.draw(this.model.figures);
    this.timeline.draw(this.model.runList());
  }

  #card(name, value, note) {
    text(this.cards.get(name).value, value);
    text(this.cards.get(name).note, note);
  }

  #stage(status, latest) {
    if (latest?.read_only) return "read only";
    return status.stage === "running" && latest && !latest.ready ? "running, not ready" : status.stage;
  }

  #statusNote(status, latest) {
    if (latest?.read_only) return latest.read_only;
    if (latest?.unready?.length) return `not ready: ${latest.unready.join(", ")}`;
    return status?.failure?.message ?? status?.message ?? "";
  }

  #kinds() {
    const kinds = { flow: 0, work: 0 };
    for (const component of this.model.components.values()) if (component.kind in kinds) kinds[component.kind] += 1;
    return `${numbered(kinds.flow, "flow")}, ${numbered(kinds.work, "work")}`;
  }

  #runs() {
    const counts = {};
    for (const run of this.model.runs.values()) counts[run.status] = (counts[run.status] ?? 0) + 1;
    const told = ["running", "pending", "failed", "succeeded", "cancelled"].filter((status) => counts[status]);
    const [first, ...others] = told.map((status) => `${counts[status].toLocaleString()} ${status}`);
    return [first ?? "none yet", others.join(", ")];
  }
}
