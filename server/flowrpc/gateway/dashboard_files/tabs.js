// Tabs, as https://www.w3.org/WAI/ARIA/apg/patterns/tabs/ has them: arrows move, the address keeps the chosen one.

import { h, text } from "./dom.js";

export class Tabs {
  #tabs = [];
  #buttons = new Map();
  #panels = new Map();
  #chosen = "";

  /**
   * @param {HTMLElement} list Holds the buttons.
   * @param {HTMLElement} content Holds the panels.
   * @param {boolean} remembered Whether the address names the chosen one.
   */
  constructor(list, content, remembered = true) {
    this.list = list;
    this.content = content;
    this.remembered = remembered;
    list.addEventListener("keydown", (event) => this.#key(event));
    if (remembered) addEventListener("hashchange", () => this.#choose(decodeURIComponent(location.hash.slice(1))));
  }

  /** Takes the tabs, `{id, title, view}`; what stays keeps its panel as it is. */
  set(tabs) {
    this.#tabs = tabs;
    for (const id of [...this.#buttons.keys()]) if (!tabs.some((tab) => tab.id === id)) this.#remove(id);
    for (const tab of tabs) this.#button(tab);
    this.#arrange(tabs.map((tab) => this.#buttons.get(tab.id)));
    const wanted = this.#chosen || (this.remembered ? decodeURIComponent(location.hash.slice(1)) : "");
    this.#choose(tabs.some((tab) => tab.id === wanted) ? wanted : tabs[0]?.id);
  }

  draw() {
    const tab = this.#tabs.find((one) => one.id === this.#chosen);
    tab?.view.draw();
  }

  #button(tab) {
    if (!this.#buttons.has(tab.id)) {
      this.#buttons.set(tab.id, h("button", {
        type: "button", role: "tab", id: `tab-${tab.id}`, onclick: () => this.#choose(tab.id, true),
      }));
    }
    text(this.#buttons.get(tab.id), tab.title);
  }

  /** Puts the buttons in their order; one that is moved would lose the focus. */
  #arrange(buttons) {
    if (buttons.length === this.list.children.length && buttons.every((button, index) => button === this.list.children[index])) return;
    const focused = buttons.find((button) => button === document.activeElement);
    this.list.replaceChildren(...buttons);
    focused?.focus();
  }

  #remove(id) {
    this.#panels.get(id)?.remove();
    this.#panels.delete(id);
    this.#buttons.delete(id);
    if (this.#chosen === id) this.#chosen = "";
  }

  #choose(id, byHand = false) {
    const tab = this.#tabs.find((one) => one.id === id);
    if (!tab) return;
    if (!this.#panels.has(id)) this.#open(tab);
    const before = this.#tabs.find((one) => one.id === this.#chosen);
    if (before && before !== tab) before.view.hide?.();
    const again = this.#chosen === id;
    this.#chosen = id;
    for (const [other, button] of this.#buttons) {
      button.setAttribute("aria-selected", String(other === id));
      button.tabIndex = other === id ? 0 : -1;
      if (this.#panels.has(other)) button.setAttribute("aria-controls", `panel-${other}`);
    }
    for (const [other, panel] of this.#panels) panel.hidden = other !== id;
    if (byHand && this.remembered) history.replaceState(null, "", `#${encodeURIComponent(id)}`);
    if (!again) this.#buttons.get(id).scrollIntoView({ block: "nearest", inline: "nearest" });
    tab.view.show?.();
    tab.view.draw();
  }

  #open(tab) {
    const panel = h("section", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}`, class: "panel" },
      tab.view.element);
    this.#panels.set(tab.id, panel);
    this.content.append(panel);
  }

  #key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const ids = this.#tabs.map((tab) => tab.id);
    let next = -1;
    if (step) next = (ids.indexOf(this.#chosen) + step + ids.length) % ids.length;
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = ids.length - 1;
    if (next < 0) return;
    event.preventDefault();
    this.#choose(ids[next], true);
    this.#buttons.get(ids[next]).focus();
  }
}
