/** Copy: puts an output on the clipboard and says so. */

import { button, element } from "./element.js";
import { say } from "./language.js";

/** A button named by the catalogue's `key`; `text` is asked when it is pressed. */
export function copyButton(key, text, announce) {
  const made = button(say(key), () => copy(text(), made, announce), { class: "copy" });
  return made;
}

async function copy(text, beside, announce) {
  try {
    await navigator.clipboard.writeText(text);
    announce(say("copy.done"));
  } catch {
    // Without https there is no clipboard: the text is laid out for the reader's own hand.
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
