/** Passage: text as focusable sentences, with the ranges of warnings marked. */

import { element, unseen } from "./element.js";
import { say } from "./language.js";
import { noteId, noteName } from "./notes.js";
import { piecesOf } from "./pieces.js";

/**
 * Return {nodes, sentences}: the DOM nodes for the text from `start` to `end`, and each sentence as {element, range}.
 *
 * `points` is the text as CodePoints. `sentences` are ranges {start, end, name, describedBy?, id?}. Each becomes an
 * element, which highlights the group `name` when it is hovered or focused. `supports` are ranges {start, end, name},
 * which belong to the group `name`. `notes` are {range, note}.
 */
export function passage({ points, start, end, sentences = [], supports = [], notes = [], marks }) {
  const ranges = [
    ...sentences.map((range) => ({ ...range, sentence: range })),
    ...supports,
    ...notes.map(({ range, note }) => ({ ...range, note, name: noteName(note) })),
  ];
  const nodes = [];
  const made = new Map();
  for (const piece of piecesOf(points, start, end, ranges)) {
    const sentence = piece.ranges.find((range) => range.sentence)?.sentence;
    const inner = pieceNodes(piece, marks);
    if (sentence === undefined) nodes.push(...inner);
    else if (made.has(sentence)) made.get(sentence).append(...inner);
    else {
      made.set(sentence, sentenceElement(sentence, inner, marks));
      nodes.push(made.get(sentence));
    }
  }
  return { nodes, sentences: [...made].map(([range, made]) => ({ element: made, range })) };
}

function sentenceElement(sentence, inner, marks) {
  const made = element("span", { class: "sentence", "aria-describedby": sentence.describedBy, id: sentence.id }, inner);
  marks.lightFrom(made, sentence.name);
  return made;
}

function pieceNodes(piece, marks) {
  const noted = piece.ranges.filter((range) => range.note !== undefined);
  const supporting = piece.ranges.filter((range) => range.note === undefined && range.sentence === undefined);
  if (noted.length === 0 && supporting.length === 0) return [piece.text];
  const kind = noted.length > 0 ? notedAttributes(noted.map((range) => range.note)) : { class: "supporting" };
  const made = element(noted.length > 0 ? "mark" : "span", kind, piece.text);
  for (const range of [...noted, ...supporting]) marks.add(range.name, made);
  const ending = noted.filter((range) => range.end === piece.end);
  return [made, ...ending.map((range) => reference(range.note))];
}

function notedAttributes(notes) {
  const review = notes.some((note) => note.review);
  return { class: review ? "noted review" : "noted", "aria-describedby": notes.map(noteId).join(" ") };
}

function reference(note) {
  const label = unseen(`(${say("note.reference", { number: note.number })})`);
  return element("sup", { class: "reference" }, label, element("span", { "aria-hidden": "true" }, String(note.number)));
}
