/** Copy: copies an output to the clipboard and confirms it. */

import { button, element } from "./element.js";
import { say } from "./language.js";

/** Create a button that copies the result of `text()`. `key` is the key of its label. */
export function copyButton(key, text, announce) {
  const made = button(say(key), () => copy(text(), made, announce), { class: "copy" });
  return made;
}

async function copy(text, beside, announce) {
  try {
    await navigator.clipboard.writeText(text);
    announce(say("copy.done"));
  } catch {
    // The clipboard may be unavailable, for example without HTTPS, so select the text for a manual copy.
    offer(text, beside);
    announce(say("copy.manual"));
  }
}

function offer(text, beside) {
  const shown = beside.nextElementSibling?.matches("textarea") ? beside.nextElementSibling : element("textarea", { readonly: true, rows: "4" });
  shown.setAttribute("aria-label", beside.textContent);
  shown.value = text;
  beside.after(shown);
  shown.select();
}
