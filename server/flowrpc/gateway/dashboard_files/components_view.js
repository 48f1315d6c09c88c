// Components: the tree with its vars as they change. One element has the focus; rows out of sight are not in the page.

import { h, text } from "./dom.js";
import { numbered } from "./values.js";
import { showVar } from "./var_dialog.js";
import { VirtualList } from "./virtual_list.js";

const ROW = 30;
const FLASH_MS = 900;
const OPEN_AT_FIRST = 40;

export class ComponentsView {
  #open = new Set(["root"]);
  #rows = [];
  #active = "root";
  #seen = new Map();
  #opened = false;

  constructor(model) {
    this.model = model;
    this.filter = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter components by name", oninput: () => this.draw() });
    this.note = h("span", { class: "muted", role: "status" });
    this.tree = h("div", { class: "tree scroll", role: "tree", tabindex: 0, "aria-label": "Components and their vars", onkeydown: (event) => this.#key(event) });
    this.list = new VirtualList(this.tree, ROW, (row, index, old) => this.#drawRow(row, index, old));
    this.element = h("div", { class: "fill" }, h("h2", { class: "hidden" }, "Components"),
      h("div", { class: "toolbar" }, this.filter,
        h("button", { type: "button", onclick: () => this.#all(true) }, "Open all"),
        h("button", { type: "button", onclick: () => this.#all(false) }, "Close all"), this.note), this.tree);
  }

  draw() {
    if (!this.#opened && this.model.components.size) {
      this.#opened = true;
      if (this.model.components.size <= OPEN_AT_FIRST) this.#open = new Set(this.model.components.keys());
    }
    this.#rows = [];
    const wanted = this.filter.value.trim().toLowerCase();
    if (wanted) this.#addMatches(wanted);
    else this.#add("root", 1, 1, 1);
    this.list.set(this.#rows);
    text(this.note, wanted ? `${this.#rows.filter((row) => !row.var).length} found` : numbered(this.model.components.size, "component"));
    this.#mark();
  }

  #addMatches(wanted) {
    for (const component of this.model.components.values()) {
      const own = component.name.toLowerCase().includes(wanted);
      const vars = shownVars(component).filter((name) => name.toLowerCase().includes(wanted));
      if (!own && !vars.length) continue;
      this.#rows.push({ key: component.name, component, level: 1, open: vars.length > 0 });
      for (const name of vars) this.#rows.push(rowOfVar(component, name, 2));
    }
  }

  #add(name, level, position, size) {
    const component = this.model.components.get(name);
    if (!component) return;
    const open = this.#open.has(name);
    const children = this.model.childrenOf(name);
    this.#rows.push({ key: name, component, level, open, position, size, leaf: !children.length && !shownVars(component).length });
    if (!open) return;
    for (const one of shownVars(component)) this.#rows.push(rowOfVar(component, one, level + 1));
    if (component.more) this.#rows.push({ key: `${name} …`, level: level + 1, note: `and ${component.more} vars more, which flowctl state shows` });
    children.forEach((child, index) => this.#add(child, level + 1, index + 1, children.length));
  }

  #drawRow(row, index, old) {
    const element = old ?? this.#newRow(row);
    element.row = row;
    element.setAttribute("aria-level", row.level);
    element.style.paddingInlineStart = `${row.level * 18 - 8}px`;
    if (row.component && !row.var) {
      element.setAttribute("aria-expanded", String(row.open));
      if (row.leaf) element.removeAttribute("aria-expanded");
      text(element.children[0], row.leaf ? "" : row.open ? "▾" : "▸");
      text(element.children[1], this.filter.value.trim() ? row.component.name : row.component.name.split(".").at(-1));
    }
    if (row.var) this.#drawValue(element, row);
    return element;
  }

  #drawValue(element, row) {
    const shown = row.component.vars[row.var];
    const value = element.children[1];
    const written = Array.isArray(shown) ? `${shown[0]}…` : shown;
    text(value, written);
    const kind = kindOf(written);
    if (value.className !== kind) value.className = kind;
    const before = this.#seen.get(row.key);
    if (before !== undefined && before !== written) {
      element.classList.add("flash");
      clearTimeout(element.timer);
      element.timer = setTimeout(() => element.classList.remove("flash"), FLASH_MS);
    }
    this.#seen.set(row.key, written);
    if (this.#seen.size > 20_000) this.#seen.clear();
  }

  #newRow(row) {
    const id = `row-${row.key}`.replace(/[^\w.-]/g, (letter) => `_${letter.codePointAt(0)}_`);
    const click = { role: "treeitem", id, "aria-selected": "false", onclick: (event) => this.#click(event.currentTarget) };
    if (row.note) return h("div", { ...click, class: "row muted" }, row.note);
    if (row.var) return h("div", { ...click, class: "row var" }, h("span", { class: "name" }, row.var), h("span", {}));
    return h("div", { ...click, class: "row" }, h("span", { class: "arrow", "aria-hidden": "true" }), h("strong", {}),
      h("span", { class: `kind ${row.component.kind}` }, row.component.kind),
      h("span", { class: "muted type" }, row.component.type.split(":").at(-1)));
  }

  #click(element) {
    this.#active = element.row.key;
    this.#act(element.row);
  }

  #act(row) {
    if (row.var) showVar(this.model, row.component.name, row.var);
    else if (row.component) this.#toggle(row.key, !row.open);
    this.#mark();
  }

  #toggle(name, open) {
    if (open) this.#open.add(name);
    else this.#open.delete(name);
    this.draw();
  }

  #all(open) {
    this.#open = new Set(open ? this.model.components.keys() : ["root"]);
    this.draw();
  }

  #mark() {
    for (const element of this.tree.querySelectorAll("[role=treeitem]")) {
      const active = element.row.key === this.#active;
      element.setAttribute("aria-selected", String(active));
      if (active) this.tree.setAttribute("aria-activedescendant", element.id);
    }
  }

  #key(event) {
    const at = Math.max(0, this.#rows.findIndex((row) => row.key === this.#active));
    const row = this.#rows[at];
    if (!row) return;
    const page = Math.max(1, Math.floor(this.tree.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -at, End: this.#rows.length };
    if (event.key in steps) this.#move(at + steps[event.key]);
    else if (event.key === "ArrowRight" && row.component && !row.var) row.open ? this.#move(at + 1) : this.#toggle(row.key, true);
    else if (event.key === "ArrowLeft") row.open && !row.var ? this.#toggle(row.key, false) : this.#up(at);
    else if (event.key === "Enter" || event.key === " ") this.#act(row);
    else return;
    event.preventDefault();
  }

  #up(at) {
    const level = this.#rows[at].level;
    for (let above = at - 1; above >= 0; above -= 1) if (this.#rows[above].level < level) return this.#move(above);
    return undefined;
  }

  #move(index) {
    const to = Math.min(this.#rows.length - 1, Math.max(0, index));
    this.#active = this.#rows[to].key;
    this.list.show(to);
    this.#mark();
  }
}

function shownVars(component) {
  return Object.keys(component.vars).filter((name) => !name.startsWith("_"));
}

function rowOfVar(component, name, level) {
  return { key: `${component.name} ${name}`, component, var: name, level };
}

/** What a value is, by how its JSON begins. */
function kindOf(written) {
  if (written.startsWith('"')) return "value text";
  if (/^-?[\d]/.test(written)) return "value number";
  return /^(true|false|null)/.test(written) ? "value word" : "value";
}
