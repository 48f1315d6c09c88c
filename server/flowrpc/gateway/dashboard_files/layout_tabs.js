// The tabs of the app's own layout: pages of flows and other addresses in frames, and tabs in tabs.

import { empty, h } from "./dom.js";
import { Tabs } from "./tabs.js";
import { safeAddress } from "./values.js";

// A page of somebody else may do all but lead this window elsewhere.
const FOREIGN = "allow-scripts allow-same-origin allow-forms allow-popups allow-downloads";

/** Makes tabs of a layout, as `/api/v1/layout` tells it. What was there stays: its panel, and what is chosen and typed. */
export class LayoutTabs {
  #tabs = [];

  /** @param {string} place Begins the ids of the tabs. */
  constructor(place = "layout") {
    this.place = place;
  }

  /** Takes a layout; returns its tabs, `{id, title, view}`. */
  take(layout) {
    const shown = layout.target ? [{ name: "App", target: layout.target }] : layout.tabs;
    const known = matched(shown, this.#tabs);
    const taken = new Set(known.filter(Boolean).map((tab) => tab.id));
    this.#tabs = shown.map((tab, index) => {
      const id = known[index]?.id ?? freeId(this.place, index, taken);
      const view = known[index]?.view ?? new PageView(id);
      view.take(tab);
      return { id, title: tab.name || tab.layout?.flow || "Page", view, content: tab.content || tab.target, name: tab.name };
    });
    return this.#tabs;
  }
}

/** Finds for each tab the one that it was: what shows the same, else has the same name, else stands at the same place. */
function matched(shown, before) {
  const known = shown.map(() => null);
  const left = new Set(before);
  const rules = [
    (tab, old) => tab.name === old.name && (tab.content || tab.target) === old.content,
    (tab, old) => (tab.content || tab.target) && (tab.content || tab.target) === old.content,
    (tab, old) => tab.name && tab.name === old.name,
    (tab, old, index) => before.indexOf(old) === index,
  ];
  for (const same of rules) {
    shown.forEach((tab, index) => {
      if (known[index]) return;
      known[index] = [...left].find((old) => same(tab, old, index)) ?? null;
      left.delete(known[index]);
    });
  }
  return known;
}

function freeId(place, index, taken) {
  let number = index;
  while (taken.has(`${place}-${number}`)) number += 1;
  taken.add(`${place}-${number}`);
  return `${place}-${number}`;
}

/** What a tab shows: a page in a frame, tabs in the tab, or that there is nothing yet. */
class PageView {
  #shown = null;
  #nested = null;

  constructor(id) {
    this.id = id;
    this.element = h("div", { class: "page" });
  }

  take(tab) {
    const inner = tab.layout;
    const nested = Boolean(inner && !inner.target && inner.tabs.length);
    const target = nested ? null : inner?.target || tab.target || "";
    if (nested) this.#nest(inner);
    // Another frame only for another address: the one that is there keeps what the visitor did in it.
    else if (target !== this.#shown) this.element.replaceChildren(page(target, tab.name));
    this.element.querySelector(":scope > .frame > iframe")?.setAttribute("title", tab.name || "Page of the app");
    this.#shown = target;
  }

  draw() {}

  #nest(layout) {
    this.#nested ??= new NestedTabs(this.id);
    this.#nested.take(layout);
    if (this.element.firstChild !== this.#nested.element) this.element.replaceChildren(this.#nested.element);
  }
}

function page(target, name) {
  const address = target ? safeAddress(target) : "";
  return address ? framed(address) : unframed(target, name);
}

function framed(address) {
  const foreign = new URL(address).origin !== location.origin;
  const bar = foreign ? h("p", { class: "frame-bar" }, h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, `Open ${address} in a window of its own`)) : null;
  return h("div", { class: "frame" }, bar, h("iframe", { src: address, sandbox: foreign ? FOREIGN : null }));
}

function unframed(target, name) {
  if (target) return empty("This address cannot be shown", `“${target}” is no address of the web.`);
  return empty("Nothing to show yet", `${name || "This tab"} gets its page when the flow gives it one, or when its work serves.`);
}

class NestedTabs {
  constructor(id) {
    const list = h("div", { class: "tabs nested", role: "tablist", "aria-label": `Pages in ${id}` });
    const content = h("div", { class: "nested-content" });
    this.element = h("div", { class: "nested-tabs" }, list, content);
    this.layoutTabs = new LayoutTabs(id);
    this.tabs = new Tabs(list, content, false);
  }

  take(layout) {
    this.tabs.set(this.layoutTabs.take(layout));
  }
}
