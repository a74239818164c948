/** Headlines: suggested headlines, each with the sentences of the article that support it. */

import { copyButton } from "./copy.js";
import { element } from "./element.js";
import { say } from "./language.js";
import { rangeOf, wording } from "./notes.js";
import { supportList } from "./summary.js";

/** Create the card of the headlines. */
export function headlinesView(view) {
  const items = view.answer.headlines.map((headline) => headlineView(headline, view));
  return element(
    "section",
    { class: "card headlines view-summary", "aria-labelledby": "headlines-title" },
    element("h3", { id: "headlines-title" }, say("headlines.title")),
    items.length > 0 ? element("ol", {}, items) : element("p", {}, say("headlines.empty")),
  );
}

function headlineView(headline, view) {
  const warnings = headline.warnings ?? [];
  const support = (headline.support ?? []).map(rangeOf).filter((range) => range !== null);
  return element(
    "li",
    {},
    element("p", { class: "text", lang: "de" }, headline.text),
    element("div", { class: "support" }, element("p", {}, say(support.length > 0 ? "summary.support" : "summary.unsupported")), supportList(support, view)),
    warnings.map((warning) => element("div", { class: warning.review === true ? "note review" : "note" }, wording(warning))),
    copyButton("copy.headline", () => headline.text, view.announce),
  );
}
