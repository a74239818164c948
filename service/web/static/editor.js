/** Editor: a text field in place of a sentence. */

import { alternativesView } from "./alternatives.js";
import { button, element } from "./element.js";
import { say } from "./language.js";

/**
 * Open an editor after `place`, and hide `place` until the editor closes. `text` is the current text, `original` the
 * text of the model or null, `lang` its language. `save(text)` is called with a changed text that is not blank; it
 * returns a promise, and throws if the text could not be checked. `confidence` is a number from 0 to 1, or null.
 * `alternatives()` returns a promise of other translations, or is undefined.
 */
export function openEditor(place, { text, original, lang, confidence, save, alternatives }) {
  const field = element("textarea", { class: "sentence-field", lang, rows: "2", "aria-label": say("edit.label"), spellcheck: "true" });
  field.value = text;
  const message = element("p", { class: "hint", role: "status" });
  const sure = typeof confidence === "number" ? element("p", { class: "hint" }, say("edit.confidence", { percent: Math.round(confidence * 100) })) : null;
  const accept = button(say("edit.save"), () => accepted(), { class: "primary" });
  const close = () => {
    box.remove();
    place.hidden = false;
    place.focus();
  };
  const take = (other) => accepted((field.value = other));
  const others = alternatives ? alternativesView({ find: alternatives, take, current: () => text, lang }) : null;
  const box = element(
    "div",
    { class: "editor" },
    field,
    element("div", { class: "actions" }, accept, button(say("edit.cancel"), close), restore(original, field), others?.open),
    sure,
    others?.panel,
    message,
  );
  async function accepted(wanted = field.value) {
    const changed = wanted.replace(/\s+/g, " ").trim();
    if (changed === "") return void (message.textContent = say("edit.empty"));
    if (changed === text) return close();
    accept.disabled = true;
    message.textContent = say("edit.checking");
    try {
      await save(changed);
    } catch (error) {
      message.textContent = say("edit.failed", { reason: error.detail || error.message });
      accept.disabled = false;
    }
  }
  field.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the arrow keys of the text must not move between sentences
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      accepted();
    }
  });
  place.after(box);
  place.hidden = true;
  field.style.height = `${field.scrollHeight + 4}px`;
  field.focus();
}

function restore(original, field) {
  if (original === null || original === undefined) return null;
  return button(say("edit.restore"), () => {
    field.value = original;
    field.focus();
  });
}
