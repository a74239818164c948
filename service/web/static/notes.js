/** Notes: the warnings in a response, numbered in their order, with their ranges and their wording. */

import { element } from "./element.js";
import { has, say } from "./language.js";

const OUTPUTS = ["article", "summary", "summary_translation", "translation"];

/**
 * Return the warnings about the article, the summaries and the translation in a response, but not those about headlines
 * and variants. Each has the form {number, id, output, code, message, review, source, target}. `source` is a range of
 * the submitted body, or null. `target` is a range of the output's text, or null. `id` stays the same while other
 * sentences are changed. Warnings that require a review come first.
 */
export function notesOf(answer) {
  const found = OUTPUTS.flatMap((output) =>
    (answer[output]?.warnings ?? []).map((warning) => ({
      output,
      id: [output, warning.code, warning.span, warning.span ? "" : targetText(answer[output], warning), warning.message].join("|"),
      code: warning.code ?? "",
      message: warning.message ?? "",
      review: warning.review === true,
      source: rangeOf(warning.span),
      target: rangeOf(warning.target_span),
    })),
  );
  const ordered = [true, false].flatMap((review) => found.filter((note) => note.review === review));
  return ordered.map((note, index) => ({ ...note, number: index + 1 }));
}

function targetText({ text }, { target_span }) {
  return Array.isArray(target_span) ? [...text].slice(...target_span).join("") : "";
}

/** Return {start, end} for a span, or null if there is no span. */
export function rangeOf(span) {
  return Array.isArray(span) && span.length === 2 ? { start: span[0], end: span[1] } : null;
}

/** Return the elements that name and explain a warning. `quoted` are its passages as {label, text, lang}. */
export function wording(note, quoted = []) {
  const name = `code.${note.code}`;
  const explanation = `explain.${note.code}`;
  // If the catalogue has no explanation, show the message of the service.
  const told = has(explanation) ? say(explanation) : element("span", { lang: "en" }, note.message);
  return [
    element("strong", {}, has(name) ? say(name) : note.code),
    element("p", {}, told),
    quoted.length === 0
      ? null
      : element("dl", {}, quoted.map(({ label, text, lang }) => [element("dt", {}, say(label)), element("dd", { lang }, text)])),
  ];
}

/** Return the id of the element that explains the note. */
export function noteId(note) {
  return `note-${note.number}`;
}

/** Return the name of the highlighting group for a note and its ranges. */
export function noteName(note) {
  return `note:${note.number}`;
}
