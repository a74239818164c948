/** Alternatives: other translations of a sentence, which the service searches on demand. */

import { button, element } from "./element.js";
import { say, sayCount } from "./language.js";

/**
 * Create a button that shows other translations of a sentence. `find()` returns a promise of {text, confidence, warnings}.
 * `take(text)` is called with the chosen translation. `current()` returns the current text, which is not offered.
 */
export function alternativesView({ find, take, current, lang }) {
  const message = element("p", { class: "hint", role: "status" });
  const list = element("ul", { class: "alternatives" });
  const open = button(say("alternatives.open"), search);
  async function search() {
    open.disabled = true;
    message.textContent = say("alternatives.searching");
    try {
      const found = (await find()).filter((one) => one.text.trim() !== current().trim());
      list.replaceChildren(...found.map((one) => element("li", {}, choice(one, take, lang))));
      message.textContent = found.length === 0 ? say("alternatives.none") : "";
      list.querySelector("button")?.focus();
    } catch (error) {
      message.textContent = say("edit.failed", { reason: error.detail || error.message });
    }
    open.disabled = false;
  }
  return { open, panel: element("div", {}, message, list) };
}

function choice({ text, confidence, warnings = [] }, take, lang) {
  const open = warnings.filter((warning) => warning.review === true).length;
  const told = [
    typeof confidence === "number" ? say("alternatives.confidence", { percent: Math.round(confidence * 100) }) : null,
    open > 0 ? sayCount("alternatives.notes", open) : null,
  ].filter(Boolean);
  return [button(text, () => take(text), { lang, class: "excerpt" }), told.length > 0 ? element("p", { class: "hint" }, told.join(" · ")) : null];
}
