/** Translation: the translation of a paragraph, sentence by sentence, and the general notes. */

import { CodePoints } from "./codepoints.js";
import { copyButton } from "./copy.js";
import { element } from "./element.js";
import { say, sayCount } from "./language.js";
import { noteList } from "./notes.js";
import { passage } from "./passage.js";
import { reviewLine } from "./review.js";

/** Return the name of the highlighting group for a sentence and its translation. */
export function pairName(pair) {
  return `pair:${pair.number}`;
}

/** Create the header of the column. `general` are the notes without a range. */
export function translationTitle(view, general) {
  const { translation } = view.answer;
  const notes = view.notes.filter((note) => note.output === "translation");
  return element(
    "div",
    { class: "target" },
    element("h3", {}, say("translation.title")),
    facts(translation),
    termsLine(translation.terms),
    reviewLine(translation, notes),
    noteList(general, view.marks),
    copyButton("copy.translation", () => wholeOf(translation), view.announce),
  );
}

function facts({ cached, truncated }) {
  const lines = [
    cached ? element("li", {}, say("translation.cached", cached)) : null,
    truncated === true ? element("li", {}, say("translation.truncated")) : null,
  ];
  return lines.some(Boolean) ? element("ul", { class: "facts" }, lines) : null;
}

function termsLine(terms) {
  if (!terms || terms.applied + terms.missing === 0) return null;
  const missing = terms.missing > 0 ? sayCount("translation.terms_missing", terms.missing) : null;
  const parts = [sayCount("translation.terms", terms.applied), missing].filter(Boolean);
  return element("p", { class: "facts terms" }, parts.join(", "));
}

function wholeOf(translation) {
  return [translation.headline, translation.lead, translation.text].filter(Boolean).join("\n\n");
}

/** Return {element, sentences}: the cell with the translation of a paragraph, and the elements of its sentences. */
export function targetCell(row, notes, view) {
  const own = notes.filter((note) => note.output === "translation");
  const found = row.pairs.length > 0 ? translated(row.pairs, own, view) : { nodes: [], sentences: [] };
  const text = found.nodes.length > 0 ? element("p", { lang: "en" }, found.nodes) : null;
  return {
    element: element("div", { class: "target" }, text, noteList(own, view.marks)),
    sentences: found.sentences.map((sentence) => sentence.element),
  };
}

function translated(pairs, notes, view) {
  return passage({
    points: (view.translated ??= new CodePoints(view.answer.translation.text ?? "")),
    start: pairs[0].target.start,
    end: pairs.at(-1).target.end,
    sentences: pairs.map((pair) => ({ ...pair.target, name: pairName(pair), describedBy: `source-${pair.number}` })),
    notes: notes.filter((note) => note.target !== null).map((note) => ({ note, range: note.target })),
    marks: view.marks,
  });
}
