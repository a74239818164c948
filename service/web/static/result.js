/** Result: the response for one article. */

import { articleView } from "./article.js";
import { CodePoints } from "./codepoints.js";
import { isDemonstration } from "./draft.js";
import { element } from "./element.js";
import { factsView } from "./facts.js";
import { headlinesView } from "./headlines.js";
import { say } from "./language.js";
import { Marks } from "./marks.js";
import { notesOf } from "./notes.js";
import { panelView, revealNote } from "./panel.js";
import { provenanceView } from "./provenance.js";
import { rowsOf } from "./rows.js";
import { savingView } from "./saving.js";
import { summaryView } from "./summary.js";
import { tabsView } from "./tabs.js";

/**
 * Create the element that shows a response of /v1/articles. `actions` are the functions of the page: `announce(text)`
 * for screen readers, `edit(output, number, text)`, `alternatives(number)`, `approve()` and `changed()`; and `seen`, the
 * set of the ids of warnings and facts that the editor has ticked off. Return {element, view}.
 */
export function resultView(answer, actions) {
  const view = { ...actions, answer, marks: new Marks(), notes: notesOf(answer), points: new CodePoints(answer.article?.body ?? "") };
  view.rows = rowsOf(answer.article ?? {}, answer.translation);
  const article = articleView(view); // before the summaries: it sets `view.supports` and `view.showSource`
  const summaries = ["summary", "summary_translation"].filter((output) => answer[output]);
  const facts = factsView(view);
  const tabs = [summaries.length > 0 ? "summary" : null, "article", answer.translation ? "translation" : null, facts ? "facts" : null, "notes"].filter(Boolean);
  view.showsNotesAlone = () => made.dataset.view === "notes";
  view.reveal = (note) => revealNote(note, made, view);
  const made = element(
    "section",
    { class: isDemonstration(answer) ? "result demonstration" : "result", "data-view": tabs[0], "aria-labelledby": "result-title" },
    element("h2", { id: "result-title", tabindex: "-1" }, say("result.title")),
    qualityBanner(answer),
    savingView(view),
    tabsView(tabs, () => made),
    element(
      "div",
      { class: "desk" },
      element(
        "div",
        { class: "texts" },
        summaries.map((output) => summaryView(output, view)),
        Array.isArray(answer.headlines) ? headlinesView(view) : null,
        article,
        facts,
        provenanceView(answer),
      ),
      panelView(view),
    ),
  );
  return { element: made, view };
}

function qualityBanner(answer) {
  const qualities = Object.values(answer.models ?? {}).map((model) => model?.quality);
  const banners = [["starter", "result.starter"], ["draft", "result.draft"]];
  const worst = banners.find(([quality]) => qualities.includes(quality));
  return worst ? element("p", { class: "banner", role: "note" }, say(worst[1])) : null;
}
