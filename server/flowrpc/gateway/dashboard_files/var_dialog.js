// A var as a whole, to read and, where the role covers it, to change.

import { dialog, h, text } from "./dom.js";
import { ask, query, send } from "./api.js";
import { isJson } from "./values.js";

export async function showVar(model, component, name) {
  const field = h("textarea", { id: "var-value", rows: 10, spellcheck: "false", readonly: true, "aria-describedby": "var-error" });
  const problem = h("p", { id: "var-error", class: "problem", role: "alert" });
  const note = h("p", { class: "muted" }, model.mayCall
    ? "The value as JSON. What you save is set as a whole, durable when this closes."
    : "Your role reads only. A link of flowctl login lets you change values.");
  const save = h("button", { type: "submit", class: "primary", disabled: true }, "Save");
  const form = h("form", {}, h("label", { for: "var-value", class: "hidden" }, "Value"), field, problem, note,
    model.mayCall ? h("div", { class: "dialog-actions" }, save) : null);
  const element = dialog(`${component}.${name}`, form);
  let before = "";
  let revision = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!isJson(field.value)) return text(problem, 'This is no JSON. A text stands in quotes: "like this".');
    save.disabled = true;
    try {
      // The text goes as it is: reading it as JSON here would change large ints, and 1.0 to 1.
      await send("PATCH", `/api/v1/state?${query({ component, expected_revision: revision })}`, `{"vars":{${JSON.stringify(name)}:${field.value}}}`);
      element.close();
    } catch (error) {
      text(problem, error.reason === "REVISION_CONFLICT"
        ? `${component} has changed meanwhile. Close this, look, and try again.` : error.message);
      save.disabled = false;
    }
    return undefined;
  });
  field.addEventListener("input", () => { save.disabled = field.value === before; text(problem, ""); });
  try {
    revision = model.revision;
    before = await ask(`/api/v1/dashboard/value?${query({ component, var: name })}`);
    field.value = before;
    field.readOnly = !model.mayCall;
  } catch (error) {
    text(problem, error.message);
  }
}
