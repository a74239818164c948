/** Notes: the warnings in a response, numbered in reading order, with their ranges. */

import { element } from "./element.js";
import { has, say } from "./language.js";

const OUTPUTS = ["article", "summary", "summary_translation", "translation"];

/**
 * Return all warnings in a response as {number, output, code, message, review, source, target}. `source` is a range of
 * the submitted body, or null. `target` is a range of the output's text, or null.
 */
export function notesOf(answer) {
  const found = OUTPUTS.flatMap((output) =>
    (answer[output]?.warnings ?? []).map((warning) => ({
      output,
      code: warning.code ?? "",
      message: warning.message ?? "",
      review: warning.review === true,
      source: rangeOf(warning.span),
      target: rangeOf(warning.target_span),
    })),
  );
  return found.map((note, index) => ({ ...note, number: index + 1 }));
}

/** Return {start, end} for a span, or null if there is no span. */
export function rangeOf(span) {
  return Array.isArray(span) && span.length === 2 ? { start: span[0], end: span[1] } : null;
}

/** Create a list of the notes. Hovering over a note highlights its range. Return null if there are no notes. */
export function noteList(notes, marks) {
  if (notes.length === 0) return null;
  return element("ul", { class: "notes" }, notes.map((note) => noteItem(note, marks)));
}

function noteItem(note, marks) {
  const key = `code.${note.code}`;
  const item = element(
    "li",
    { class: note.review ? "note review" : "note", id: noteId(note) },
    element("span", { class: "note-number" }, say("note.label", { number: note.number })),
    " ",
    element("strong", {}, has(key) ? say(key) : note.code),
    note.review ? ` (${say("note.review")})` : null,
    note.message === "" ? null : [": ", element("span", { lang: "en" }, note.message)],
  );
  if (note.source !== null || note.target !== null) marks.lightFrom(item, noteName(note));
  return item;
}

/** Return the id of the element that shows the note. */
export function noteId(note) {
  return `note-${note.number}`;
}

/** Return the name of the highlighting group for a note and its ranges. */
export function noteName(note) {
  return `note:${note.number}`;
}
