/** Entry: the form, and the request body that is built from its values. */

import { MOST_MEGABYTES, TooLarge, read } from "./file.js";
import { WrongLine, termsOf } from "./glossary.js";
import { say } from "./language.js";

/** The opened web page; null if there is none, or if the user has changed its text in the form. */
let page = null;

/** Return the request body for /v1/articles. */
export function submissionOf(form) {
  const given = new FormData(form);
  // FormData has two characters for each line break, which would shift offsets, so read the text from the element.
  const body = form.elements.body.value;
  return {
    ...(page === null ? { body } : { document: page }),
    ...termsOf(form.elements.terms.value),
    outputs: given.getAll("outputs"),
    length: given.get("length"),
    method: given.get("method"),
    clean: given.has("clean"),
  };
}

/** Return whether the form is valid. If it is not, the browser shows the reason. */
export function isComplete(form) {
  const [first] = form.elements.outputs;
  first.setCustomValidity(new FormData(form).has("outputs") ? "" : say("entry.outputs_missing"));
  form.elements.terms.setCustomValidity(faultOf(form.elements.terms.value));
  return form.reportValidity();
}

function faultOf(terms) {
  try {
    termsOf(terms);
    return "";
  } catch (error) {
    if (error instanceof WrongLine) return say("entry.terms_wrong", { line: error.line });
    throw error;
  }
}

/** Use the text of the form instead of the opened page. */
export function forgetPage(form) {
  page = null;
  form.querySelector("#opened").hidden = true;
}

/** Load the chosen file into the form. */
export async function openFile(form, file, announce) {
  try {
    const { text, html } = await read(file);
    form.elements.body.value = text;
    forgetPage(form);
    page = html;
    form.querySelector("#opened").hidden = html === null;
    announce(say("file.opened", { name: file.name, chars: text.length }));
  } catch (error) {
    const key = error instanceof TooLarge ? "file.too_large" : "file.unreadable";
    announce(say(key, { name: file.name, limit: MOST_MEGABYTES }));
  }
}
