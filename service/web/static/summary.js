/** Summary: the sentences of a summary, each with the sentences of the article that support it. */

import { CodePoints } from "./codepoints.js";
import { copyButton } from "./copy.js";
import { button, element } from "./element.js";
import { has, say, sayCount } from "./language.js";
import { noteId, noteList, rangeOf } from "./notes.js";
import { passage } from "./passage.js";
import { reviewLine } from "./review.js";
import { rove } from "./roving.js";
import { rowAt } from "./rows.js";

const LANGUAGE_OF = { summary: "de", summary_translation: "en" };

/** Return the name of the highlighting group for a sentence of a summary and its support. */
export function supportName(output, number) {
  return `support:${output}:${number}`;
}

/** Create the card for a summary. */
export function summaryView(output, view) {
  const summary = view.answer[output];
  const notes = view.notes.filter((note) => note.output === output);
  const sentences = placed(summary).map((sentence) => ({ ...sentence, notes: notesAt(notes, sentence) }));
  const general = notes.filter((note) => !sentences.some((sentence) => sentence.notes.includes(note)));
  const title = `${output}-title`;
  const lines = sentences.map((sentence) => sentenceView(sentence, output, view));
  rove(lines.flatMap((line) => line.focusable));
  return element(
    "section",
    { class: "card summary", "aria-labelledby": title },
    element("h3", { id: title }, say(output === "summary" ? "summary.title" : "summary.title.en")),
    facts(summary),
    reviewLine(summary, notes),
    lines.length > 0 ? lines.map((line) => line.element) : element("p", {}, summary.text || say("summary.empty")),
    noteList(general, view.marks),
    summary.text ? copyButton(`copy.${output}`, () => summary.text, view.announce) : null,
  );
}

function facts(summary) {
  const method = `method.${summary.method}`;
  const words = (summary.text ?? "").split(/\s+/).filter(Boolean).length;
  return element(
    "ul",
    { class: "facts" },
    element("li", { class: "method" }, has(method) ? say(method) : String(summary.method ?? "")),
    element("li", {}, sayCount("summary.words", words)),
    summary.cached === true ? element("li", {}, say("summary.cached")) : null,
    summary.truncated === true ? element("li", {}, say("summary.truncated")) : null,
  );
}

/** Return the sentences with their code point offsets in the summary's text. */
function placed(summary) {
  const points = new CodePoints(summary.text ?? "");
  let from = 0;
  return (summary.sentences ?? []).map((sentence, number) => {
    const at = (summary.text ?? "").indexOf(sentence.text, from);
    from = at < 0 ? from : at + sentence.text.length;
    const start = points.of(Math.max(0, at));
    const support = (sentence.support ?? []).map(rangeOf).filter((range) => range !== null);
    return { ...sentence, number, start, end: start + new CodePoints(sentence.text).length, support };
  });
}

function notesAt(notes, sentence) {
  const overlaps = (range, other) => range.start < other.end && range.end > other.start;
  return notes.filter(({ source, target }) =>
    target !== null ? overlaps(target, sentence) : source !== null && sentence.support.some((range) => overlaps(range, source)),
  );
}

function sentenceView(sentence, output, view) {
  const points = new CodePoints(sentence.text);
  const name = supportName(output, sentence.number);
  const targets = sentence.notes.filter((note) => note.target !== null).map((note) => ({
    note,
    range: { start: note.target.start - sentence.start, end: note.target.end - sentence.start },
  }));
  const describedBy = sentence.notes.map(noteId).join(" ") || null;
  const whole = { start: 0, end: points.length, name, describedBy };
  const found = passage({ points, start: 0, end: points.length, sentences: [whole], notes: targets, marks: view.marks });
  const text = element("p", { class: "text", lang: LANGUAGE_OF[output] }, found.nodes);
  return {
    element: element("div", { class: "summary-sentence" }, text, supportView(sentence, view), noteList(sentence.notes, view.marks)),
    focusable: found.sentences.map((made) => made.element),
  };
}

/** Create the buttons that show the support of a sentence in the article. */
export function supportView(sentence, view) {
  if (sentence.support.length === 0) return element("p", { class: "support" }, say("summary.unsupported"));
  const verbatim = sentence.verbatim === true;
  const label = say(verbatim ? "summary.verbatim" : "summary.support");
  const text = (range) => (verbatim ? say("summary.show") : sourceText(range, view));
  const links = sentence.support.map((range) => element("li", {}, supportButton(range, text(range), verbatim, view)));
  return element("div", { class: "support" }, element("span", {}, label), element("ul", {}, links));
}

function supportButton(range, text, verbatim, view) {
  const attributes = verbatim ? { class: "excerpt" } : { class: "excerpt", lang: "de" };
  return button(text, () => view.showSource?.(range), attributes);
}

/** Return the text of the article at a range of the submitted body. */
function sourceText({ start, end }, view) {
  const shift = view.rows[rowAt(view.rows, start)]?.shift ?? 0;
  return view.points.slice(start - shift, end - shift);
}
