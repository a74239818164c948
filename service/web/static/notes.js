/** Notes: the warnings of an answer, numbered in reading order, with their ranges. */

import { element } from "./element.js";
import { has, say } from "./language.js";

const OUTPUTS = ["article", "summary", "summary_translation", "translation"];

/**
 * All warnings of an answer: {number, output, code, message, review, source, target}. `source` is a range of the
 * submitted body, `target` one of the output's text; each is null where the warning names no place.
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

/** {start, end} of a span, or null. */
export function rangeOf(span) {
  return Array.isArray(span) && span.length === 2 ? { start: span[0], end: span[1] } : null;
}

/** The notes as a list; null for none. Hovering a note highlights its range. */
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

/** The id of the element of the note. */
export function noteId(note) {
  return `note-${note.number}`;
}

/** The name that highlights the note and its ranges. */
export function noteName(note) {
  return `note:${note.number}`;
}
