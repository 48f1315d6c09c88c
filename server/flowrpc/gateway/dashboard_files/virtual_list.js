// A list of any length of which only the rows in sight are in the page.

const MORE_ROWS = 6;

export class VirtualList {
  #rows = [];
  #spacer = document.createElement("div");
  #window = document.createElement("div");
  #drawn = new Map();
  #scheduled = false;

  /**
   * @param {HTMLElement} container What scrolls.
   * @param {number} height Of a row, in pixels.
   * @param {(row: object, index: number, old: HTMLElement | undefined) => HTMLElement} draw Draws a row, or draws it again.
   */
  constructor(container, height, draw) {
    this.container = container;
    this.height = height;
    this.draw = draw;
    this.#spacer.className = "virtual";
    this.#spacer.setAttribute("role", "presentation");
    this.#window.setAttribute("role", "presentation");
    this.#spacer.append(this.#window);
    container.append(this.#spacer);
    container.addEventListener("scroll", () => this.#later(), { passive: true });
    new ResizeObserver(() => this.#later()).observe(container);
  }

  get atEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.container;
    return scrollTop + clientHeight >= scrollHeight - this.height;
  }

  /** Takes the rows; each has a `key`. */
  set(rows) {
    this.#rows = rows;
    this.#spacer.style.height = `${rows.length * this.height}px`;
    this.refresh();
  }

  toEnd() {
    this.container.scrollTop = this.#rows.length * this.height;
    this.refresh();
  }

  show(index) {
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.container;
    if (top < scrollTop) this.container.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.container.scrollTop = top + this.height - clientHeight;
    this.refresh();
  }

  refresh() {
    const first = Math.max(0, Math.floor(this.container.scrollTop / this.height) - MORE_ROWS);
    const inSight = Math.ceil((this.container.clientHeight || 400) / this.height) + 2 * MORE_ROWS;
    const shown = this.#rows.slice(first, first + inSight);
    const drawn = new Map();
    shown.forEach((row, offset) => drawn.set(row.key, this.draw(row, first + offset, this.#drawn.get(row.key))));
    this.#window.style.transform = `translateY(${first * this.height}px)`;
    const elements = [...drawn.values()];
    const same = elements.length === this.#window.children.length && elements.every((one, i) => one === this.#window.children[i]);
    if (!same) this.#window.replaceChildren(...elements);
    this.#drawn = drawn;
  }

  #later() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => { this.#scheduled = false; this.refresh(); });
  }
}
