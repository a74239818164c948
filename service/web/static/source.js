/** Source: a paragraph of the cleaned article. */

import { element } from "./element.js";
import { passage } from "./passage.js";
import { pairName } from "./translation.js";

/** Return {element, sentences} for a paragraph. The sentences are {element, start, end}, in the submitted body. */
export function sourceCell(row, notes, view) {
  const here = (range) => ({ ...range, start: range.start - row.shift, end: range.end - row.shift });
  const isHere = (range) => range.start < row.end && range.end > row.start;
  const found = passage({
    points: view.points,
    start: row.start,
    end: row.end,
    sentences: sentencesIn(row, view).map(here).filter(isHere),
    supports: view.supports.map(here),
    notes: notes.filter((note) => note.source !== null).map((note) => ({ note, range: here(note.source) })),
    marks: view.marks,
  });
  return {
    element: element("div", { class: "source" }, element("div", { class: "text", lang: "de" }, found.nodes)),
    sentences: found.sentences.map((sentence) => ({
      element: sentence.element,
      start: sentence.range.start + row.shift,
      end: sentence.range.end + row.shift,
    })),
  };
}

/** Return the sentences that have a translation. If there is no translation, return those that support a summary. */
function sentencesIn(row, view) {
  if (view.answer.translation) {
    return row.pairs.map((pair) => ({ ...pair.source, name: pairName(pair), id: `source-${pair.number}` }));
  }
  return [...new Map(view.supports.map((range) => [`${range.start}-${range.end}`, range])).values()];
}
