/** Entry: the form; what it holds becomes the body of a request. */

import { MOST_MEGABYTES, TooLarge, read } from "./file.js";
import { WrongLine, termsOf } from "./glossary.js";
import { say } from "./language.js";

/** The web page that was opened, as long as its text in the form is not changed. */
let page = null;

/** What /v1/articles is asked for. */
export function submissionOf(form) {
  const given = new FormData(form);
  const body = form.elements.body.value; // as offsets count it: form data would turn line ends into two characters
  return {
    ...(page === null ? { body } : { document: page }),
    ...termsOf(form.elements.terms.value),
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

/** From now on the form's text counts, not the page that it came from. */
export function forgetPage(form) {
  page = null;
  form.querySelector("#opened").hidden = true;
}

/** Open the chosen file into the form. */
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
