/** Translation: the translation of a paragraph, sentence by sentence. A click on a sentence opens an editor. */

import { CodePoints } from "./codepoints.js";
import { openEditor } from "./editor.js";
import { element } from "./element.js";
import { say, sayCount } from "./language.js";
import { passage } from "./passage.js";

/** Return the name of the highlighting group for a sentence and its translation. */
export function pairName(pair) {
  return `pair:${pair.number}`;
}

/** Create the header of the column. */
export function translationTitle(view) {
  const { translation } = view.answer;
  return element(
    "div",
    { class: "target" },
    element("h3", {}, say("translation.title")),
    facts(translation),
    element("p", { class: "hint" }, say("translation.how")),
  );
}

function facts({ sentences = [], truncated, terms }) {
  const known = sentences.filter((sentence) => sentence.from_memory === true).length;
  const edited = sentences.filter((sentence) => sentence.edited && sentence.from_memory !== true).length;
  const lines = [
    edited > 0 ? sayCount("translation.edited", edited) : null,
    known > 0 ? sayCount("translation.from_memory", known) : null,
    truncated === true ? say("translation.truncated") : null,
    terms && terms.applied + terms.missing > 0 ? termsText(terms) : null,
  ].filter(Boolean);
  return lines.length > 0 ? element("ul", { class: "facts" }, lines.map((line) => element("li", {}, line))) : null;
}

function termsText({ applied, missing }) {
  const parts = [sayCount("translation.terms", applied), missing > 0 ? sayCount("translation.terms_missing", missing) : null];
  return parts.filter(Boolean).join(", ");
}

/** Return {element, sentences}: the cell with the translation of a paragraph, and the elements of its sentences. */
export function targetCell(row, notes, view) {
  const own = notes.filter((note) => note.output === "translation" && note.target !== null);
  const found = row.pairs.length > 0 ? translated(row.pairs, own, view) : { nodes: [], sentences: [] };
  for (const made of found.sentences) connect(made.element, row.pairs.find((pair) => pair.number === made.range.number), view);
  const text = found.nodes.length > 0 ? element("div", { class: "text", lang: "en" }, found.nodes) : null;
  return { element: element("div", { class: "target" }, text), sentences: found.sentences.map((made) => made.element) };
}

function translated(pairs, notes, view) {
  return passage({
    points: (view.translated ??= new CodePoints(view.answer.translation.text ?? "")),
    start: pairs[0].target.start,
    end: pairs.at(-1).target.end,
    sentences: pairs.map((pair) => ({ ...pair.target, name: pairName(pair), number: pair.number, describedBy: `source-${pair.number}` })),
    notes: notes.map((note) => ({ note, range: note.target })),
    marks: view.marks,
  });
}

function connect(place, pair, view) {
  const sentence = view.answer.translation.sentences[pair.number];
  place.id = `target-${pair.number}`;
  if (sentence.edited) place.classList.add("edited");
  if (sentence.from_memory === true) place.classList.add("from-memory");
  for (const support of view.supports) {
    if (support.start < pair.source.end && support.end > pair.source.start) view.marks.add(support.name, place);
  }
  if (!view.edit) return;
  const open = () =>
    openEditor(place, {
      text: view.translated.slice(pair.target.start, pair.target.end),
      original: sentence.edited ?? null,
      lang: "en",
      confidence: sentence.confidence,
      alternatives: () => view.alternatives(pair.number),
      save: (text) => view.edit("translation", pair.number, text),
    });
  place.title = say("edit.open");
  place.addEventListener("click", open);
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    open();
  });
}
