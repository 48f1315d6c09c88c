// The stream from the app, which comes back by itself: after the app was killed, and when the page is looked at again.

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 2000;
const SILENT_MS = 8000; // figures come every second; a stream that is silent for so long is dead

export class Feed extends EventTarget {
  #source = null;
  #retry = FIRST_RETRY_MS;
  #timer = 0;
  #heard = 0;
  status = "connecting";

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pause() : this.#connect()));
    setInterval(() => { if (this.#source && Date.now() - this.#heard > SILENT_MS) this.#lost(); }, 1000);
    if (!document.hidden) this.#connect();
  }

  #connect() {
    this.#close();
    this.#heard = Date.now();
    const source = (this.#source = new EventSource("/api/v1/dashboard/feed"));
    for (const kind of ["hello", "state", "figures"]) {
      source.addEventListener(kind, (event) => this.#take(kind, event.data));
    }
    source.onerror = () => this.#lost();
  }

  #take(kind, data) {
    this.#heard = Date.now();
    const content = JSON.parse(data);
    if (kind === "hello") {
      this.#retry = FIRST_RETRY_MS;
      this.#become("live");
    }
    if (content.end) this.dispatchEvent(new CustomEvent("end", { detail: content.end }));
    this.dispatchEvent(new CustomEvent(kind, { detail: content }));
  }

  /** Why a stream was refused is not told to scripts; another request is. */
  async #lost() {
    this.#close();
    this.#become(this.status === "connecting" ? "connecting" : "reconnecting");
    const status = await fetch("/api/v1/app").then((answer) => answer.status, () => 0);
    if (this.#source || document.hidden) return;
    if (status === 401 || status === 403) this.#become("logged out");
    this.#timer = setTimeout(() => this.#connect(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, MAX_RETRY_MS);
  }

  /** A page that nobody sees costs the app nothing, and leaves its connection to those that are seen. */
  #pause() {
    this.#close();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #become(status) {
    if (this.status === status || (this.status === "logged out" && status !== "live")) return;
    this.status = status;
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
  }
}
