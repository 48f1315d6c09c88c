// Requests to the app. Each carries the visitor's own cookie, and so does what the visitor's role covers.

const PAGE_SIZE = 1000;

export class Refused extends Error {
  constructor(status, answer) {
    super(answer.detail ? (typeof answer.detail === "string" ? answer.detail : JSON.stringify(answer.detail)) : `status ${status}`);
    this.status = status;
    this.reason = answer.reason ?? "";
  }
}

/** Asks for a text; what is refused, or raised by a command, is a `Refused`. */
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused(0, { detail: "the app does not answer; it may be starting again" });
  }
  const content = await answer.text();
  if (answer.ok) return content;
  let told = { detail: content };
  try { told = JSON.parse(content); } catch { /* it is a text then */ }
  if (told.failure) return content; // a command that raised: its outcome is the answer
  throw new Refused(answer.status, told);
}

async function askJson(path) {
  return JSON.parse(await ask(path));
}

/** Asks for a list, page by page, and returns all of it. */
export async function askAll(path, field) {
  const all = [];
  let token = "";
  do {
    const page = await askJson(`${path}?${query({ page_size: PAGE_SIZE, page_token: token })}`);
    all.push(...page[field]);
    token = page.next_page_token;
  } while (token);
  return all;
}

export function send(method, path, body = "") {
  return ask(path, { method, body, headers: body ? { "content-type": "application/json" } : {} });
}

export const query = (facts) => new URLSearchParams(facts).toString();
