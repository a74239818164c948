/** Entry: the form; what it holds becomes the body of a request. */

import { say } from "./language.js";
import { MOST_MEGABYTES, TooLarge, textOf } from "./file.js";

/** What /v1/articles is asked for. */
export function submissionOf(form) {
  const given = new FormData(form);
  return {
    body: form.elements.body.value, // as offsets count it: form data would turn line ends into two characters
    outputs: given.getAll("outputs"),
    length: given.get("length"),
    method: given.get("method"),
    clean: given.has("clean"),
  };
}

/** Whether the form can be sent; where it cannot, the browser says why. */
export function isComplete(form) {
  const [first] = form.elements.outputs;
  first.setCustomValidity(new FormData(form).has("outputs") ? "" : say("entry.outputs_missing"));
  return form.reportValidity();
}

/** Open the chosen file into the form. */
export async function openFile(form, file, announce) {
  try {
    const text = await textOf(file);
    form.elements.body.value = text;
    announce(say("file.opened", { name: file.name, chars: text.length }));
  } catch (error) {
    const key = error instanceof TooLarge ? "file.too_large" : "file.unreadable";
    announce(say(key, { name: file.name, limit: MOST_MEGABYTES }));
  }
}
