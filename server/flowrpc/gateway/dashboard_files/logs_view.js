// Logs: the newest ten thousand records, filtered here, so that changing a filter asks the app nothing.

import { dialog, empty, h, text } from "./dom.js";
import { clock, moment, numbered } from "./values.js";
import { VirtualList } from "./virtual_list.js";

const KEPT = 10_000;
const ROW = 22;
const LEVELS = [[0, "all levels"], [20, "info and above"], [30, "warnings and above"], [40, "errors only"]];
const NAMES = [[50, "CRITICAL"], [40, "ERROR"], [30, "WARNING"], [20, "INFO"], [0, "DEBUG"]];

export class LogsView {
  #records = [];
  #source = null;
  #number = 0;
  #waiting = false;
  #shown = false;

  constructor(model, feed) {
    this.model = model;
    this.feed = feed;
    this.level = h("select", { "aria-label": "Level", onchange: () => this.#filter() }, LEVELS.map(([level, name]) => h("option", { value: level }, name)));
    this.component = h("input", { type: "search", placeholder: "Component", list: "log-components", "aria-label": "Component, with what is below it", oninput: () => this.#filter() });
    this.words = h("input", { type: "search", placeholder: "Text", "aria-label": "Text in the message", oninput: () => this.#filter() });
    this.names = h("datalist", { id: "log-components" });
    this.follow = h("input", { type: "checkbox", id: "log-follow", checked: true, onchange: () => this.#filter() });
    this.note = h("span", { class: "muted", role: "status" });
    this.box = h("div", { class: "log scroll", role: "log", "aria-live": "off", tabindex: 0, hidden: true, "aria-label": "Log records" });
    this.list = new VirtualList(this.box, ROW, (row, _, old) => old ?? this.#newRow(row));
    this.box.addEventListener("wheel", (event) => { if (event.deltaY < 0) this.follow.checked = false; }, { passive: true });
    this.box.addEventListener("keydown", (event) => { if (["ArrowUp", "PageUp", "Home"].includes(event.key)) this.follow.checked = false; });
    this.nothing = h("div");
    this.#sayNothing();
    this.element = h("div", { class: "fill" }, h("h2", { class: "hidden" }, "Logs"),
      h("div", { class: "toolbar" }, this.level, this.component, this.names, this.words,
        h("label", { class: "check", for: "log-follow" }, this.follow, " Follow"), this.note), this.nothing, this.box);
    feed.addEventListener("status", () => this.#connect());
    document.addEventListener("visibilitychange", () => this.#connect());
  }

  show() {
    this.#shown = true;
    this.#connect();
  }

  hide() {
    this.#shown = false;
    this.#connect();
  }

  draw() {
    const works = [...this.model.components.values()].filter((one) => one.kind === "work" || one.kind === "flow").slice(0, 300);
    if (this.names.children.length !== works.length) this.names.replaceChildren(...works.map((one) => h("option", { value: one.name })));
  }

  /** Reads as long as the tab is looked at and the app is there; each time anew, with what the app keeps. */
  #connect() {
    const wanted = this.#shown && !document.hidden && this.feed.status === "live";
    if (wanted === Boolean(this.#source)) return;
    this.#source?.close();
    this.#source = null;
    if (!wanted) return;
    let first = true;
    const source = (this.#source = new EventSource(`/api/v1/logs?tail=${KEPT}`));
    source.addEventListener("logs", (event) => {
      const batch = JSON.parse(event.data);
      if (first) this.#records = [];
      first = false;
      this.#take(batch);
    });
    source.onerror = () => { source.close(); this.#source = null; setTimeout(() => this.#connect(), 1000); };
  }

  #take({ records, dropped }) {
    if (dropped) this.#records.push(this.#row({ level: 30, time: records[0]?.time, component: "", logger: "", message: `${dropped} records are missing here: they came faster than the app keeps them` }));
    for (const record of records) this.#records.push(this.#row(record));
    if (this.#records.length > KEPT) this.#records.splice(0, this.#records.length - KEPT);
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => { this.#waiting = false; this.#filter(); }, 100);
  }

  #row(record) {
    this.#number += 1;
    return { key: this.#number, record };
  }

  #filter() {
    const level = Number(this.level.value);
    const component = this.component.value.trim();
    const words = this.words.value.trim().toLowerCase();
    const rows = level || component || words ? this.#records.filter(({ record }) => record.level >= level
      && (!component || record.component === component || record.component.startsWith(`${component}.`))
      && (!words || record.message.toLowerCase().includes(words))) : this.#records;
    this.nothing.hidden = rows.length > 0;
    this.box.hidden = rows.length === 0;
    if (!rows.length) this.#sayNothing();
    const all = numbered(this.#records.length, "record");
    text(this.note, rows.length === this.#records.length ? all : `${rows.length.toLocaleString()} of ${all}`);
    this.list.set(rows);
    if (this.follow.checked) this.list.toEnd();
  }

  #sayNothing() {
    const told = this.#records.length
      ? empty("No record fits", "There are some, but none with this level, component and text.")
      : empty("No records yet", "What works print and what flows log comes here as it happens.");
    if (this.nothing.textContent !== told.textContent) this.nothing.replaceChildren(told);
  }

  #newRow({ record }) {
    const name = NAMES.find(([level]) => record.level >= level)[1];
    return h("div", { class: `record ${name.toLowerCase()}`, onclick: () => showRecord(record, name) },
      h("time", {}, clock(record.time)), h("span", { class: "level" }, name), h("span", { class: "who" }, record.component || record.logger || "app"),
      h("span", { class: "message" }, record.message.split("\n", 1)[0].slice(0, 500)));
  }
}

function showRecord(record, name) {
  if (getSelection()?.toString()) return; // somebody copies
  dialog(name, h("div", {}, h("dl", { class: "facts" }, [["Time", moment(record.time)], ["Component", record.component || "–"], ["Run", record.run_id || "–"], ["From", record.logger || record.source || "–"]]
    .flatMap(([term, fact]) => [h("dt", {}, term), h("dd", {}, fact)])), h("pre", { tabindex: 0, "aria-label": "Message" }, record.message)));
}
