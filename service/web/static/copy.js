/** Copy: copies an output to the clipboard and confirms it. */

import { button, element } from "./element.js";
import { say } from "./language.js";

/** A copy button. `key` is its message; a click calls `text`. */
export function copyButton(key, text, announce) {
  const made = button(say(key), () => copy(text(), made, announce), { class: "copy" });
  return made;
}

async function copy(text, beside, announce) {
  try {
    await navigator.clipboard.writeText(text);
    announce(say("copy.done"));
  } catch {
    // Without HTTPS there is no clipboard, so the text is selected for a manual copy.
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
