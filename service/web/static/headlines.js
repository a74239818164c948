/** Headlines: suggested headlines, each with the sentences of the article that support it. */

import { copyButton } from "./copy.js";
import { element } from "./element.js";
import { has, say } from "./language.js";
import { rangeOf } from "./notes.js";
import { reviewLine } from "./review.js";
import { supportView } from "./summary.js";

/** Create the card of the headlines. */
export function headlinesView(view) {
  const items = view.answer.headlines.map((headline) => headlineView(headline, view));
  return element(
    "section",
    { class: "card headlines", "aria-labelledby": "headlines-title" },
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
    headline.needs_review === true ? reviewLine(headline, warnings) : null,
    supportView({ support, verbatim: false }, view),
    warnings.length > 0 ? element("ul", { class: "notes" }, warnings.map(warningView)) : null,
    copyButton("copy.headline", () => headline.text, view.announce),
  );
}

function warningView(warning) {
  const key = `code.${warning.code}`;
  const message = warning.message ? [": ", element("span", { lang: "en" }, warning.message)] : null;
  return element("li", { class: "note" }, element("strong", {}, has(key) ? say(key) : String(warning.code)), message);
}
