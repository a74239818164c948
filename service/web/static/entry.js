/** Entry: the form, and the request body that is built from its values. */

import { WrongFile, readCorrections } from "./corrections.js";
import { MOST_MEGABYTES, TooLarge, read, visibleText } from "./file.js";
import { WrongLine, termsOf } from "./glossary.js";
import { say } from "./language.js";

/** The opened web page or Word document; null if there is none, or if the user has changed its text in the form. */
let opened = null;
/** The corrections of an earlier article, as {source, target}. */
let corrections = [];

/** Return the request body for /v1/articles. */
export function submissionOf(form) {
  const given = new FormData(form);
  // FormData has two characters for each line break, which would shift offsets, so read the text from the element.
  const body = form.elements.body.value;
  const style = given.get("style");
  return {
    ...(opened === null ? { body } : { document: opened }),
    ...termsOf(form.elements.terms.value),
    ...(corrections.length > 0 ? { memory: corrections.map((one) => JSON.stringify(one)).join("\n") } : {}),
    outputs: given.getAll("outputs"),
    ...(style === "abstract" || style === "bullets" ? { length: given.get("length") } : {}),
    style,
    method: given.get("method"),
    clean: given.has("clean"),
    facts: true,
  };
}

/** Return what the service may keep: "nothing" or "short". */
export function memoryOf(form) {
  return form.elements.nothing.checked ? "nothing" : "short";
}

/** Return the values of the form as an object that JSON can represent. The API key is not among them. */
export function valuesOf(form) {
  const fields = [...form.elements].filter((field) => field.name);
  const values = fields.map((field) => [field.name, field.value, field.type === "checkbox" || field.type === "radio" ? field.checked : null]);
  return { values, opened, corrections };
}

/** Put values from `valuesOf` into the form. */
export function fill(form, stored) {
  for (const [name, value, checked] of stored.values) {
    const same = [...form.elements].filter((field) => field.name === name);
    if (checked === null) for (const field of same) field.value = value;
    else for (const field of same.filter((field) => field.value === value)) field.checked = checked;
  }
  opened = stored.opened;
  corrections = stored.corrections;
  showOpened(form);
}

/** Return whether the form is valid. If it is not, the browser shows the reason. */
export function isComplete(form) {
  const [first] = form.elements.outputs;
  first.setCustomValidity(new FormData(form).has("outputs") ? "" : say("entry.outputs_missing"));
  form.elements.terms.setCustomValidity(faultOf(form.elements.terms.value));
  // The browser shows a reason only at a visible field.
  if (!form.checkValidity() && form.elements.body.validity.valid) form.querySelector("#options").open = true;
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

/** Return whether the form contains no text, no document, no terms and no corrections. */
export function isBlank(form) {
  return opened === null && corrections.length === 0 && form.elements.body.value === "" && form.elements.terms.value === "";
}

/** Empty the form, except for the API key. */
export function clear(form) {
  const key = form.elements.key.value;
  form.reset();
  form.elements.key.value = key;
  corrections = [];
  forgetPage(form);
}

/** Use the text of the form instead of the opened document. */
export function forgetPage(form) {
  opened = null;
  showOpened(form);
}

function showOpened(form) {
  const word = typeof opened === "object" && opened !== null;
  form.querySelector("#opened").hidden = typeof opened !== "string";
  form.querySelector("#opened-word").hidden = !word;
  form.elements.body.required = opened === null;
  form.elements.body.placeholder = word ? say("file.word_placeholder") : "";
}

/** Load a file into the form: an article, or a file of corrections. */
export async function openFile(form, file, announce) {
  try {
    if (/\.(jsonl|tmx)$/i.test(file.name)) return await openCorrections(file, announce);
    const { text, document } = await read(file);
    form.elements.body.value = text;
    opened = document;
    showOpened(form);
    announce(say("file.opened", { name: file.name, chars: text.length }));
  } catch (error) {
    const key = error instanceof TooLarge ? "file.too_large" : error instanceof WrongFile ? "file.no_corrections" : "file.unreadable";
    announce(say(key, { name: file.name, limit: MOST_MEGABYTES }));
  }
}

async function openCorrections(file, announce) {
  corrections = readCorrections(await file.text());
  announce(say("file.corrections", { name: file.name, count: corrections.length }));
}

/** Paste formatted text as paragraphs. Plain text is left to the browser. */
export function pasteFormatted(event) {
  const html = event.clipboardData?.getData("text/html") ?? "";
  const text = html === "" ? "" : visibleText(html);
  if (text === "") return;
  event.preventDefault();
  const field = event.target;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Let the user drop a file anywhere in the window. `open(file)` receives it. */
export function acceptDrops(open) {
  const place = document.body;
  const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    place.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && place.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    place.classList.remove("dropping");
    if (!hasFile(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) open(file);
  });
}
