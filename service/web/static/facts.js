/** Facts: the numbers, dates, names and quotations of the article and of an output, which the editor ticks off. */

import { CodePoints } from "./codepoints.js";
import { articleText } from "./draft.js";
import { element, shortened } from "./element.js";
import { say, sayCount } from "./language.js";
import { rangeOf } from "./notes.js";

const OUTPUTS = ["translation", "summary"];
const SHORT_CHARS = 90;

/** Create a collapsed table for each output that has facts. Return null if there are none. */
export function factsView(view) {
  const tables = OUTPUTS.filter((output) => view.answer[output]?.facts?.length > 0).map((output) => tableOf(output, view));
  return tables.length === 0 ? null : element("div", { class: "fact-tables view-facts" }, tables);
}

function tableOf(output, view) {
  const { facts, text } = view.answer[output];
  const points = new CodePoints(text ?? "");
  const differing = facts.filter((fact) => fact.state !== "same").length;
  const columns = ["facts.kind", "facts.source", "facts.target", "facts.state", "facts.ticked"];
  const head = element("tr", {}, columns.map((key) => element("th", { scope: "col" }, say(key))));
  const ordered = [...facts.filter((fact) => fact.state !== "same"), ...facts.filter((fact) => fact.state === "same")];
  return element(
    "details",
    { class: "card fact-table", open: differing > 0 },
    element("summary", {}, element("h3", {}, say(`facts.title.${output}`)), " ", sayCount("facts.differing", differing)),
    element("div", { class: "scrolling", tabindex: "0", role: "region", "aria-label": say(`facts.title.${output}`) },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ordered.map((fact) => lineOf(fact, output, points, view)))),
    ),
  );
}

function lineOf(fact, output, points, view) {
  const [source, target] = [rangeOf(fact.source), rangeOf(fact.target)];
  const texts = [source === null ? "–" : articleText(source, view), target === null ? "–" : points.slice(target.start, target.end)];
  const id = ["fact", output, fact.kind, fact.source, texts[1]].join("|"); // an edit moves the ranges of later targets
  const box = element("input", { type: "checkbox", checked: view.seen.has(id), "aria-label": say("facts.tick", { text: texts[0] === "–" ? texts[1] : texts[0] }) });
  box.addEventListener("change", () => {
    if (box.checked) view.seen.add(id);
    else view.seen.delete(id);
    view.changed();
  });
  return element(
    "tr",
    { class: `state-${fact.state}` },
    element("td", {}, say(`facts.kind.${fact.kind}`)),
    element("td", { lang: "de" }, shortened(texts[0], SHORT_CHARS)),
    element("td", { lang: output === "summary" ? "de" : "en" }, shortened(texts[1], SHORT_CHARS)),
    element("td", {}, say(`facts.state.${fact.state}`)),
    element("td", {}, box),
  );
}
