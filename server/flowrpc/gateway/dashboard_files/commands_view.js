// Commands: a form for each, made of its parameters, and what the last calls returned.

import { badge, dialog, empty, h, text } from "./dom.js";
import { ask, askAll, query } from "./api.js";
import { MOST_SHOWN, readItems } from "./command_stream.js";
import { duration, isJson, readExactly, written } from "./values.js";

const KEPT_RESULTS = 50;
const SHORT = 400;
const WAIT_SECONDS = 60;
const AGAIN_SECONDS = 2;

export class CommandsView {
  #key = null;
  #asked = false;
  #streams = new Map(); // by form: what stops the stream that it reads

  constructor(model) {
    this.model = model;
    this.problem = h("p", { class: "problem", role: "alert" });
    this.forms = h("div", { class: "forms" });
    this.results = h("ol", { class: "results", "aria-live": "polite", "aria-label": "Last results" },
      h("li", { class: "nothing" }, empty("No calls yet", "What a command returns is listed here, the newest first.")));
    this.element = h("div", {}, this.problem, h("div", { class: "columns" },
      h("div", {}, h("h2", {}, "Commands"), this.forms), h("div", {}, h("h2", {}, "Last results"), this.results)));
  }

  show() {
    this.#key = null;
    this.draw();
  }

  /** Flows come and go, and their commands with them. */
  draw() {
    const flows = [...this.model.components.values()].filter((one) => one.kind === "flow").map((one) => one.name);
    const key = `${this.model.mayCall} ${flows.join()}`;
    if (key !== this.#key && !this.#asked && this.model.components.size) {
      this.#key = key;
      this.#ask();
    }
  }

  async #ask() {
    this.#asked = true;
    try {
      const commands = await askAll("/api/v1/commands", "commands");
      this.#drawForms(commands);
      text(this.problem, "");
    } catch (error) {
      text(this.problem, error.message);
      this.#key = null;
      await new Promise((over) => setTimeout(over, AGAIN_SECONDS * 1_000));
    }
    this.#asked = false;
    if (this.element.offsetParent) this.draw(); // what changed meanwhile was not asked about; if hidden, `show` asks
  }

  #drawForms(commands) {
    const drawn = new Map([...this.forms.children].map((form) => [form.dataset?.facts, form]));
    const forms = commands.map((command) => drawn.get(this.#facts(command)) ?? this.#form(command));
    this.forms.replaceChildren(...(forms.length ? forms : [empty("This app has no commands", "A flow names them in configure_commands.")]));
  }

  #facts(command) {
    return JSON.stringify([command, this.model.mayCall]);
  }

  #form(command) {
    const fields = command.parameters.map((parameter) => new Field(command.name, parameter));
    const button = h("button", { type: "submit", class: "primary", disabled: !this.model.mayCall }, "Call");
    const form = h("form", { class: "card command", novalidate: true }, h("h3", {}, command.name),
      command.help ? h("p", { class: "muted" }, command.help) : null, fields.map((field) => field.element),
      h("output", { class: "last", "aria-live": "off" }), h("div", { class: "form-actions" }, button, this.model.mayCall ? null : h("span", { class: "muted" }, "Your role reads only.")));
    form.dataset.facts = this.#facts(command);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const reading = this.#streams.get(form);
      if (reading) reading.abort();
      else this.#call(command, fields, form, button);
    });
    return form;
  }

  async #call(command, fields, form, button) {
    if (!fields.map((field) => field.check()).every(Boolean)) {
      fields.find((field) => !field.good).input.focus();
      return;
    }
    const body = `{${fields.map((field) => field.argument()).filter(Boolean).join(",")}}`;
    const path = `/api/v1/commands/${encodeURIComponent(command.name)}?${query({ timeout_seconds: WAIT_SECONDS })}`;
    const begin = performance.now();
    const beside = form.querySelector("output");
    let outcome;
    try {
      outcome = command.streams ? await this.#stream(path, body, form, button, beside) : await this.#once(path, body, button);
    } catch (error) {
      outcome = { refused: error.message };
    }
    this.#tell(command.name, body, outcome, (performance.now() - begin) / 1000, beside);
  }

  async #once(path, body, button) {
    button.disabled = true;
    try {
      return readExactly(await ask(path, { method: "POST", body, headers: { "content-type": "application/json" } }));
    } finally {
      button.disabled = false;
    }
  }

  /** Shows the newest item while a stream is read; the button stops it. */
  async #stream(path, body, form, button, beside) {
    const stop = new AbortController();
    this.#streams.set(form, stop);
    text(button, "Stop");
    const items = [];
    let count = 0;
    let revision;
    try {
      const end = await readItems(path, body, (told) => {
        count += 1;
        revision = told.revision;
        if (items.length < MOST_SHOWN) items.push(told.item);
        beside.replaceChildren(badge("running"), h("span", { class: "code cut" }, `item ${count}: ${written(told.item).slice(0, SHORT)}`));
      }, stop.signal);
      return { revision, ...end, items, count };
    } finally {
      this.#streams.delete(form);
      text(button, "Call");
    }
  }

  #tell(name, body, outcome, seconds, beside) {
    const failed = outcome.refused ?? (outcome.failure ? told(outcome.failure) : "");
    const content = [itemsOf(outcome), outcome.items ? failed : failed || written(outcome.result)].filter(Boolean).join("\n");
    const whole = outcome.failure?.traceback ? `${content}\n\n${outcome.failure.traceback}` : content;
    const more = whole.length > SHORT || whole !== content
      ? h("button", { type: "button", class: "quiet", onclick: () => dialog(`Result of ${name}`, h("pre", { tabindex: 0, "aria-label": "Result" }, whole)) }, "Show all") : null;
    this.results.querySelector(".nothing")?.remove();
    const status = outcome.refused ? "refused" : failed ? "failed" : "succeeded";
    const short = content.length > SHORT ? `${content.slice(0, SHORT)}…` : content;
    beside.replaceChildren(badge(status), h("span", { class: `code cut ${failed ? "problem" : ""}` }, short));
    this.results.prepend(h("li", { class: "card result" },
      h("p", {}, badge(status), " ", h("strong", {}, name), " ",
        h("span", { class: "muted" }, `${new Date().toLocaleTimeString()}, ${duration(seconds)}${outcome.revision ? `, revision ${written(outcome.revision)}` : ""}`)),
      body === "{}" ? null : h("p", { class: "code muted cut", title: body }, body),
      h("pre", { class: failed ? "problem" : "" }, short), more));
    while (this.results.children.length > KEPT_RESULTS) this.results.lastChild.remove();
  }
}

function told(failure) {
  return [failure.type, failure.message].filter(Boolean).join(": ");
}

/** Writes what a stream sent: how many items, why there are no more, and the first of them. */
function itemsOf(outcome) {
  if (!outcome.items) return "";
  const left = outcome.count - outcome.items.length;
  const ended = outcome.stopped ? ", then it was stopped" : "";
  return [`${outcome.count} ${outcome.count === 1 ? "item" : "items"}${ended}`, ...outcome.items.map((item) => written(item)), left ? `… and ${left} more` : ""].filter(Boolean).join("\n");
}

let numbers = 0;

/** What is typed for a parameter, by its annotation: a text for `str`, digits for `int`, JSON for what is larger. */
class Field {
  good = true;

  constructor(command, parameter) {
    this.parameter = parameter;
    this.kind = kindOf(parameter.annotation);
    numbers += 1;
    const id = `field-${numbers}`;
    this.problem = h("span", { class: "problem", id: `${id}-problem`, role: "alert" });
    this.input = inputOf(this.kind, { id, name: parameter.name, "aria-describedby": `${id}-problem`, "aria-required": String(parameter.required) }, parameter);
    this.input.addEventListener("input", () => text(this.problem, ""));
    this.element = h("div", { class: "field" },
      h("label", { for: id }, parameter.name, " ", h("span", { class: "muted" }, `${parameter.annotation || "any value, as JSON"}${parameter.required ? "" : ", optional"}`)),
      this.input, this.problem);
  }

  check() {
    const problem = this.#problem();
    this.good = !problem;
    this.input.setAttribute("aria-invalid", String(!this.good));
    text(this.problem, problem);
    return this.good;
  }

  /** Writes the argument; what was left empty is left out. */
  argument() {
    const typed = this.input.value;
    if (this.#left(typed)) return "";
    return `${JSON.stringify(this.parameter.name)}:${this.kind === "str" ? JSON.stringify(typed) : typed.trim()}`;
  }

  #left(typed) {
    return typed === "" && !(this.kind === "str" && this.parameter.required);
  }

  #problem() {
    const typed = this.input.value;
    if (this.#left(typed)) return this.parameter.required ? "This is needed." : "";
    if (this.kind === "int" && !/^\s*-?(0|[1-9]\d*)\s*$/.test(typed)) return "A whole number, such as 3.";
    if (this.kind === "float" && !/^\s*-?\d+(\.\d+)?([eE][-+]?\d+)?\s*$/.test(typed)) return "A number, such as 0.5.";
    if (this.kind === "json" && !isJson(typed)) return 'JSON, such as [1, 2] or {"name": "x"}; a text stands in quotes.';
    return "";
  }
}

function kindOf(annotation) {
  return { str: "str", int: "int", float: "float", bool: "bool" }[annotation.replace(/\s*\|\s*None$/, "")] ?? "json";
}

function inputOf(kind, facts, parameter) {
  const initial = parameter.required || parameter.default_value === null ? "" : JSON.stringify(parameter.default_value);
  if (kind === "bool") {
    const choices = [...(parameter.required ? [] : [["", "as by default"]]), ["true", "true"], ["false", "false"]];
    return h("select", facts, choices.map(([value, name]) => h("option", { value }, name)));
  }
  if (kind === "json") return h("textarea", { ...facts, rows: 2, spellcheck: "false", placeholder: initial || "JSON" });
  const shown = kind === "str" && initial ? JSON.parse(initial) : initial;
  return h("input", { ...facts, type: "text", inputmode: { int: "numeric", float: "decimal" }[kind], placeholder: String(shown), autocomplete: "off" });
}
