/** Result: the response for one article. */

import { articleView } from "./article.js";
import { CodePoints } from "./codepoints.js";
import { element } from "./element.js";
import { headlinesView } from "./headlines.js";
import { say } from "./language.js";
import { Marks } from "./marks.js";
import { notesOf } from "./notes.js";
import { provenanceView } from "./provenance.js";
import { rowsOf } from "./rows.js";
import { summaryView } from "./summary.js";

/** Create the element that shows a response of /v1/articles. `announce` receives text for screen readers. */
export function resultView(answer, announce) {
  const view = { answer, announce, marks: new Marks(), notes: notesOf(answer), points: new CodePoints(answer.article?.body ?? "") };
  view.rows = rowsOf(answer.article ?? {}, answer.translation);
  const summaries = ["summary", "summary_translation"].filter((output) => answer[output]);
  return element(
    "section",
    { class: summaries.length > 0 ? "result beside" : "result", "aria-labelledby": "result-title" },
    element("h2", { id: "result-title", tabindex: "-1" }, say("result.title")),
    qualityBanner(answer),
    element("p", { class: "hint keys" }, say("result.keys")),
    summaries.length > 0 ? element("div", { class: "summaries" }, summaries.map((output) => summaryView(output, view))) : null,
    Array.isArray(answer.headlines) ? headlinesView(view) : null,
    articleView(view),
    provenanceView(answer),
  );
}

function qualityBanner(answer) {
  const qualities = Object.values(answer.models ?? {}).map((model) => model?.quality);
  const banners = [["starter", "result.starter"], ["draft", "result.draft"]];
  const worst = banners.find(([quality]) => qualities.includes(quality));
  return worst ? element("p", { class: "banner", role: "note" }, say(worst[1])) : null;
}
