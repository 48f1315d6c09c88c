// Works and runs: what runs, ran and waits, on which agent, and how to cancel it.

import { badge, dialog, empty, h, text } from "./dom.js";
import { askAll, query, send } from "./api.js";
import { duration, durationOf, isJson, moment, safeAddress } from "./values.js";

const SHOWN_RUNS = 200;
const ASK_MS = 2000;

export class WorksView {
  #works = [];
  #agents = [];
  #asked = 0;
  #key = "";
  #rows = new Map();

  constructor(model) {
    this.model = model;
    [this.works, this.agents, this.runs] = ["Works", "Agents", "Runs"].map((name) =>
      h("div", { class: "table-box", role: "region", "aria-label": name, tabindex: 0 }));
    this.problem = h("p", { class: "problem", role: "alert" });
    this.status = h("select", { "aria-label": "Status of runs", onchange: () => this.draw() },
      ["all runs", "running", "pending", "succeeded", "failed", "cancelled"].map((one) => h("option", { value: one === "all runs" ? "" : one }, one)));
    this.body = h("tbody");
    this.table = h("table", {}, head(["Status", "Work", "Attempt", "Requested", "Duration", "Arguments", "Agent", ""], ["Attempt", "Requested", "Arguments", "Agent"]), this.body);
    this.element = h("div", {}, this.problem,
      h("h2", {}, "Works"), this.works, h("h2", {}, "Agents"), this.agents,
      h("div", { class: "toolbar" }, h("h2", {}, "Runs"), this.status), this.runs);
  }

  show() {
    this.#asked = 0;
  }

  draw() {
    const urls = [...this.model.components.values()].map((one) => (one.kind === "work" && one.vars._url) || "");
    const key = JSON.stringify([...this.model.runs.values()].map((run) => run.run_id + run.status + run.attempt).concat(urls));
    if (key !== this.#key && Date.now() - this.#asked > ASK_MS) {
      this.#key = key;
      this.#ask();
    }
    this.#drawRuns();
  }

  async #ask() {
    this.#asked = Date.now();
    try {
      [this.#works, this.#agents] = await Promise.all([askAll("/api/v1/works", "works"), askAll("/api/v1/agents", "agents")]);
      text(this.problem, "");
    } catch (error) {
      text(this.problem, error.message);
      this.#key = "";
    }
    this.works.replaceChildren(this.#works.length ? worksTable(this.#works, this.model) : empty("This app has no works", "A work is a LightningWork that a flow holds, for example self.train = Train()."));
    this.agents.replaceChildren(this.#agents.length ? agentsTable(this.#agents) : empty("No agent is attached", "flowctl run brings one; flowctl work serve starts more, on any machine."));
  }

  #drawRuns() {
    const wanted = this.status.value;
    const runs = this.model.runList().filter((run) => !wanted || run.status === wanted).slice(0, SHOWN_RUNS);
    if (!runs.length) {
      if (this.runs.firstChild?.className !== "empty") this.runs.replaceChildren(empty(wanted ? `No run is ${wanted}` : "No runs yet", "Runs are listed here when a flow calls run() of a work."));
      return;
    }
    if (this.runs.firstChild !== this.table) this.runs.replaceChildren(this.table);
    const rows = runs.map((run) => this.#row(run));
    if (rows.length !== this.body.children.length || rows.some((row, index) => row !== this.body.children[index])) this.body.replaceChildren(...rows);
    for (const id of [...this.#rows.keys()]) if (!this.model.runs.has(id)) this.#rows.delete(id);
  }

  #row(run) {
    const state = JSON.stringify([run.status, run.attempt, run.started_at, run.pending_reason, run.agent_id, this.model.mayCall]);
    let known = this.#rows.get(run.run_id);
    if (!known || known.state !== state) {
      known = { state, element: this.#newRow(run) };
      this.#rows.set(run.run_id, known);
    }
    text(known.element.children[4], duration(durationOf(run)));
    return known.element;
  }

  #newRow(run) {
    const over = ["succeeded", "failed", "cancelled"].includes(run.status);
    const cancel = this.model.mayCall && !over
      ? h("button", { type: "button", class: "danger", "aria-label": `Cancel the run of ${run.work}`, onclick: () => this.#cancel(run) }, "Cancel") : null;
    const details = h("button", { type: "button", class: "quiet", "aria-label": `Details of run ${run.run_id}`, onclick: () => showRun(this.model.runs.get(run.run_id) ?? run) }, "Details");
    return h("tr", {}, h("td", {}, badge(run.status)), h("td", { class: "cut", title: run.work }, run.work, run.prepares ? " (start)" : ""), h("td", { class: "wide" }, String(run.attempt)),
      h("td", { class: "wide" }, moment(run.requested_at)), h("td", {}), h("td", { class: "code cut wide", title: run.arguments }, run.prepares ? "–" : run.arguments),
      h("td", { class: run.pending_reason ? "wide" : "code wide" }, run.pending_reason || run.agent_id || "–"), h("td", { class: "actions" }, cancel, details));
  }

  #cancel(run) {
    const element = dialog("Cancel this run?", h("p", {}, `${run.work}, attempt ${run.attempt}: its code gets 5 seconds to end, then it is killed.`),
      h("button", { type: "button", onclick: () => element.close() }, "Keep it"),
      h("button", { type: "button", class: "danger", onclick: async () => {
        element.close();
        try {
          await send("POST", `/api/v1/runs/${encodeURIComponent(run.run_id)}/cancel?${query({ grace_seconds: 5 })}`);
          text(this.problem, "");
        } catch (error) {
          text(this.problem, `Not cancelled: ${error.message}`);
        }
      } }, "Cancel the run"));
  }
}

function showRun(run) {
  const facts = [["Run", run.run_id], ["Work", run.work], ["Status", run.status], ["Attempt", run.attempt], ["Arguments", run.arguments],
    ["Requested", moment(run.requested_at)], ["Started", moment(run.started_at)], ["Ended", moment(run.ended_at)],
    ["Duration", duration(durationOf(run))], ["Agent", run.agent_id || "–"], ["Waits because", run.pending_reason]];
  if (run.failure) facts.push(["Failure", [run.failure.reason, run.failure.type, run.failure.message].filter(Boolean).join(": ")]);
  dialog("Run", h("div", {}, h("dl", { class: "facts" }, facts.filter(([, fact]) => fact !== "").flatMap(([name, fact]) => [h("dt", {}, name), h("dd", {}, String(fact))])),
    run.failure?.traceback ? h("pre", { tabindex: 0, "aria-label": "Traceback" }, run.failure.traceback) : null));
}

/** Makes the head of a table; a phone has no room for the wide ones. */
function head(names, wide) {
  return h("thead", {}, h("tr", {}, names.map((name) => (name ? h("th", { scope: "col", class: wide.includes(name) ? "wide" : null }, name) : h("td", {})))));
}

function worksTable(works, model) {
  return h("table", {}, head(["Work", "Stage", "Succeeded", "Failed", "Needs", "Address"], ["Succeeded", "Needs"]), h("tbody", {}, works.map((work) => h("tr", {},
    h("td", {}, work.display_name ? `${work.display_name} (${work.name})` : work.name), h("td", {}, badge(work.stage.replace("_", " "))),
    h("td", { class: "wide" }, String(work.succeeded_count)), h("td", {}, String(work.failed_count + work.timed_out_count)),
    h("td", { class: "code wide" }, needs(model.components.get(work.name)) || work.pending_reason || "–"),
    h("td", {}, work.url ? h("a", { href: safeAddress(work.url), target: "_blank", rel: "noopener noreferrer" }, work.url) : "–")))));
}

/** What a work needs of a machine: the framework's var of it, in short. */
function needs(component) {
  const shown = component?.vars._cloud_compute ?? component?.vars._needs ?? "";
  if (Array.isArray(shown)) return `${shown[0]}…`; // it was cut
  const written = shown.replace(/^<\w+> /, "").replace(/^null$/, "");
  return isJson(written) ? need(JSON.parse(written)) : written;
}

function need({ cpus, memory, gpus, ...others }) {
  const more = Object.entries(others).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return [cpus && `${cpus} CPUs`, memory && size(memory), gpus && `${gpus} GPUs`, ...more].filter(Boolean).join(", ");
}

function agentsTable(agents) {
  return h("table", {}, head(["Agent", "Host", "Attempts", "Has", "Taken"], ["Host"]), h("tbody", {}, agents.map((agent) => h("tr", {},
    h("td", { class: "code" }, agent.agent_id, agent.draining ? " (draining)" : ""), h("td", { class: "wide" }, agent.host), h("td", {}, `${agent.attempt_count} of ${agent.capacity}`),
    h("td", {}, resources(agent.resources)), h("td", {}, resources(agent.taken))))));
}

function size(bytes) {
  return bytes < 2 ** 30 ? `${Math.ceil(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function resources(facts) {
  const { cpu_millis: millis, memory_bytes: bytes, gpus } = facts ?? {};
  const told = [millis && `${millis / 1000} CPUs`, bytes && size(bytes), gpus && `${gpus} GPUs`];
  return told.filter(Boolean).join(", ") || "–";
}
