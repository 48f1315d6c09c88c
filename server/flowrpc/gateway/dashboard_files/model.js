// What the page knows of the app: components, runs, layout, figures. Views draw it, at most five times a second.

const DRAW_MS = 200;
const KEPT_FIGURES = 180;
const KEPT_RUNS = 2000;

export class Model extends EventTarget {
  app = { name: "flowrpc" };
  role = "";
  mayCall = false;
  revision = 0;
  components = new Map();
  children = new Map();
  runs = new Map();
  layout = null;
  figures = [];
  #fresh = false;
  #timer = 0;
  #drawn = 0;

  follow(feed) {
    feed.addEventListener("hello", ({ detail }) => this.#hello(detail));
    feed.addEventListener("state", ({ detail }) => this.#state(detail));
    feed.addEventListener("figures", ({ detail }) => this.#figure(detail));
  }

  get latest() {
    return this.figures.at(-1) ?? null;
  }

  /** The runs, newest first. */
  runList() {
    return [...this.runs.values()].sort((a, b) => (a.requested_at < b.requested_at ? 1 : -1));
  }

  #hello(content) {
    this.app = content.app;
    this.role = content.role;
    this.mayCall = content.may_call;
    this.revision = content.app.revision;
    this.#changed();
  }

  #state(content) {
    if (content.end) return;
    if (content.whole) {
      this.components.clear();
      this.runs.clear();
    }
    if (content.layout) this.layout = content.layout;
    for (const component of content.components) this.components.set(component.name, component);
    for (const name of content.gone) this.#remove(name);
    for (const run of content.runs ?? []) this.runs.set(run.run_id, run);
    for (const id of content.forgotten ?? []) this.runs.delete(id);
    if (this.runs.size > KEPT_RUNS) this.#forgetRuns();
    this.revision = content.revision;
    this.#fresh = false;
    this.#changed();
  }

  #forgetRuns() {
    for (const run of this.runList().slice(KEPT_RUNS / 2)) if (run.ended_at) this.runs.delete(run.run_id);
  }

  #remove(name) {
    for (const known of [...this.components.keys()]) {
      if (known === name || known.startsWith(`${name}.`)) this.components.delete(known);
    }
  }

  #figure(content) {
    this.revision = content.revision;
    this.figures.push({ at: Date.now(), ...content });
    if (this.figures.length > KEPT_FIGURES) this.figures.shift();
    this.#changed();
  }

  /** The names of what is right below a component, in the order in which they were attached. */
  childrenOf(name) {
    if (!this.#fresh) {
      this.children = new Map();
      for (const known of this.components.keys()) {
        const above = known.slice(0, Math.max(0, known.lastIndexOf(".")));
        if (!this.children.has(above)) this.children.set(above, []);
        this.children.get(above).push(known);
      }
      this.#fresh = true;
    }
    return this.children.get(name) ?? [];
  }

  #changed() {
    if (this.#timer) return;
    const wait = Math.max(0, this.#drawn + DRAW_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#drawn = performance.now();
      this.dispatchEvent(new Event("change"));
    }, wait);
  }
}
