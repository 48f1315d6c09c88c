// The tabs of the app's own layout: pages of flows and other addresses in frames, and tabs in tabs.

import { empty, h } from "./dom.js";
import { Tabs } from "./tabs.js";
import { safeAddress } from "./values.js";

// A page of somebody else may do all but lead this window elsewhere.
const FOREIGN = "allow-scripts allow-same-origin allow-forms allow-popups allow-downloads";

/** Makes the tabs of a layout, as `/api/v1/layout` tells it. */
export function layoutTabs(layout, place = "layout") {
  if (layout.target) return [tabOf({ name: "App", target: layout.target }, `${place}-app`)];
  return layout.tabs.map((tab, index) => tabOf(tab, `${place}-${index}`));
}

const known = new Map();

function tabOf(tab, place) {
  const inner = tab.layout;
  const nested = inner && !inner.target && inner.tabs.length > 0;
  const target = nested ? "" : inner?.target || tab.target || "";
  // What shows the same keeps its view, and with it the page in the frame as the visitor left it.
  const id = `${place}-${nested ? "tabs" : target}`.replace(/[^\w-]+/g, "_");
  if (!known.has(id)) known.set(id, nested ? new NestedView(id) : new FrameView(target, tab.name));
  const view = known.get(id);
  if (nested) view.set(layoutTabs(inner, id));
  return { id, title: tab.name || inner?.flow || "Page", view };
}

class FrameView {
  constructor(target, name) {
    const address = target ? safeAddress(target) : "";
    this.element = address ? framed(address, name) : unframed(target, name);
  }

  draw() {}
}

function framed(address, name) {
  const foreign = new URL(address).origin !== location.origin;
  const bar = foreign ? h("p", { class: "frame-bar" }, h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, `Open ${address} in a window of its own`)) : null;
  const frame = h("iframe", { src: address, title: name || "Page of the app", sandbox: foreign ? FOREIGN : null });
  return h("div", { class: "frame" }, bar, frame);
}

function unframed(target, name) {
  if (target) return empty("This address cannot be shown", `“${target}” is no address of the web.`);
  return empty("Nothing to show yet", `${name || "This tab"} gets its page when the flow gives it one, or when its work serves.`);
}

class NestedView {
  constructor(id) {
    const list = h("div", { class: "tabs nested", role: "tablist", "aria-label": `Pages in ${id}` });
    const content = h("div", { class: "nested-content" });
    this.element = h("div", { class: "nested-tabs" }, list, content);
    this.tabs = new Tabs(list, content, false);
    this.shown = "";
  }

  set(tabs) {
    const shown = JSON.stringify(tabs.map((tab) => [tab.id, tab.title]));
    if (shown !== this.shown) this.tabs.set(tabs);
    this.shown = shown;
  }

  draw() {}
}
