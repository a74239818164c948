/** Summary: a summary as a readable text, whose sentences show the passages of the article that support them. */

import { CodePoints } from "./codepoints.js";
import { articleText, sentencesOf } from "./draft.js";
import { openEditor } from "./editor.js";
import { button, element } from "./element.js";
import { has, say, sayCount } from "./language.js";
import { rangeOf } from "./notes.js";
import { passage } from "./passage.js";
import { rove } from "./roving.js";

const LANGUAGE_OF = { summary: "de", summary_translation: "en" };

/** Return the name of the highlighting group for a sentence of a summary and its support. */
export function supportName(output, number) {
  return `support:${output}:${number}`;
}

/** Create the card for a summary. */
export function summaryView(output, view) {
  const summary = view.answer[output];
  const title = `${output}-title`;
  const sentences = sentencesOf(summary);
  const box = supportBox();
  const found = passage({
    points: new CodePoints(summary.text ?? ""),
    start: 0,
    end: new CodePoints(summary.text ?? "").length,
    sentences: sentences.map((one, number) => ({ start: one.start, end: one.end, name: supportName(output, number), number })),
    notes: view.notes.filter((note) => note.output === output && note.target !== null).map((note) => ({ note, range: note.target })),
    marks: view.marks,
  });
  for (const made of found.sentences) connect(made, sentences[made.range.number], { output, box, view });
  rove(found.sentences.map((made) => made.element));
  return element(
    "section",
    { class: "card summary view-summary", "aria-labelledby": title },
    element("h3", { id: title }, say(output === "summary" ? "summary.title" : "summary.title.en")),
    facts(summary),
    summary.text ? element("div", { class: "text", lang: LANGUAGE_OF[output] }, found.nodes) : element("p", {}, say("summary.empty")),
    sentences.length > 0 ? box.element : null,
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
    summary.truncated === true ? element("li", {}, say("summary.truncated")) : null,
  );
}

/**
 * Create the box below the text. It shows the support of the sentence that was focused last or, if no sentence has been
 * focused, of the one that was hovered last.
 */
function supportBox() {
  const made = element("div", { class: "support" }, element("p", { class: "hint" }, say("summary.how")));
  return { element: made, pinned: null, show: (nodes) => made.replaceChildren(...nodes) };
}

function connect(made, sentence, { output, box, view }) {
  const number = made.range.number;
  if (sentence.edited) made.element.classList.add("edited");
  const show = () => box.show(supportOf(made.element, sentence, { output, number, view }));
  made.element.addEventListener("pointerenter", () => box.pinned === null && show());
  made.element.addEventListener("focus", () => {
    box.pinned = number;
    show();
  });
  made.element.addEventListener("keydown", (event) => event.key === "Enter" && edit(made.element, sentence, { output, number, view }));
}

function supportOf(place, sentence, { output, number, view }) {
  const ranges = (sentence.support ?? []).map(rangeOf).filter((range) => range !== null);
  const label = ranges.length === 0 ? "summary.unsupported" : sentence.verbatim === true ? "summary.verbatim" : "summary.support";
  const actions = view.edit && output === "summary" ? button(say("edit.open"), () => edit(place, sentence, { output, number, view })) : null;
  return [
    element("p", {}, say(label)),
    supportList(ranges, view),
    sentence.edited ? element("p", { class: "hint" }, say("edit.was", { text: sentence.edited })) : null,
    actions,
  ].filter((node) => node !== null);
}

/** Create the buttons that show ranges of the article. */
export function supportList(ranges, view) {
  const made = ranges.map((range) =>
    element("li", {}, button(articleText(range, view), () => view.showSource?.(range), { class: "excerpt", lang: "de" })),
  );
  return made.length === 0 ? null : element("ul", {}, made);
}

function edit(place, sentence, { output, number, view }) {
  if (!view.edit || output !== "summary") return;
  openEditor(place, {
    text: sentence.text,
    original: sentence.edited ?? null,
    lang: LANGUAGE_OF[output],
    save: (text) => view.edit(output, number, text),
  });
}
