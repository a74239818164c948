/** Article: the cleaned article and its translation, paragraph by paragraph, in two columns. */

import { element } from "./element.js";
import { say } from "./language.js";
import { rangeOf } from "./notes.js";
import { removedView } from "./removed.js";
import { rove } from "./roving.js";
import { rowAt } from "./rows.js";
import { sourceCell } from "./source.js";
import { supportName } from "./summary.js";
import { showTab } from "./tabs.js";
import { targetCell, translationTitle } from "./translation.js";

const SUBHEADING_CHARS = 90;
const ENDS_SENTENCE = /[.!?:;…“”"»«]\s*$/;
const HEADS = ["kicker", "headline", "lead"];

/** Create the section with the article. Also set `view.showSource(range)`, which scrolls to a range of the source. */
export function articleView(view) {
  const { article, translation } = view.answer;
  if (!article) return element("p", {}, say("article.none"));
  const placed = Object.assign(view, { supports: supportsOf(view.answer) });
  const shown = view.rows.map((row, number) => rowView(row, number, placed));
  const sources = shown.flatMap((row) => row.sources);
  rove(sources.map((source) => source.element));
  rove(shown.flatMap((row) => row.targets));
  view.showSource = (range) => showSource(range, sources);
  return element(
    "section",
    { class: translation ? "card article two" : "card article", "aria-labelledby": "article-title" },
    titles(placed),
    HEADS.map((part) => headView(part, article, translation)),
    shown.map((row) => row.element),
  );
}

function supportsOf(answer) {
  return ["summary", "summary_translation"].flatMap((output) =>
    (answer[output]?.sentences ?? []).flatMap((sentence, number) =>
      (sentence.support ?? []).map(rangeOf).filter(Boolean).map((range) => ({ ...range, name: supportName(output, number) })),
    ),
  );
}

/** Return the number of the row that contains the source or target range of a note, or -1 if there is none. */
function rowOf(note, view) {
  if (note.source !== null) return rowAt(view.rows, note.source.start);
  if (note.target === null || note.output !== "translation") return -1;
  return view.rows.findIndex((row) => row.pairs.some((pair) => pair.target.end > note.target.start));
}

function titles(view) {
  const title = element("h3", { id: "article-title" }, say("article.title"));
  const source = element("div", { class: "source" }, title, removedView(view.answer.article.removed ?? []));
  return element("div", { class: "row titles" }, source, view.answer.translation ? translationTitle(view) : null);
}

function headView(part, article, translation) {
  if (!article[part]) return null;
  const source = element("div", { class: "source" }, element("p", { class: part, lang: "de" }, article[part]));
  const words = translation?.[part];
  const target = translation ? element("div", { class: "target" }, words ? element("p", { class: part, lang: "en" }, words) : null) : null;
  return element("div", { class: "row" }, source, target);
}

function rowView(row, number, view) {
  const notes = view.notes.filter((note) => rowOf(note, view) === number);
  const source = sourceCell(row, notes, view);
  const target = view.answer.translation ? targetCell(row, notes, view) : null;
  return {
    element: element("div", { class: isSubheading(row, view) ? "row subheading" : "row" }, source.element, target?.element),
    sources: source.sentences,
    targets: target?.sentences ?? [],
  };
}

function isSubheading(row, view) {
  return row.end - row.start <= SUBHEADING_CHARS && !ENDS_SENTENCE.test(view.points.slice(row.start, row.end));
}

function showSource(range, sources) {
  const found = sources.find((source) => source.start < range.end && source.end > range.start);
  if (found === undefined) return;
  showTab(found.element.closest(".result"), "article");
  found.element.focus({ preventScroll: true });
  found.element.scrollIntoView({ block: "center" });
}
