/** Removed: the parts that cleaning removed from the article, with the reasons. */

import { element } from "./element.js";
import { has, say, sayCount } from "./language.js";

/** Create a collapsed table of {text, reason}, or a line of text if nothing was removed. */
export function removedView(removed) {
  if (removed.length === 0) return element("p", { class: "hint removed" }, say("removed.none"));
  const head = element("tr", {}, ["removed.reason", "removed.text"].map((key) => element("th", { scope: "col" }, say(key))));
  const lines = removed.map(({ reason, text }) =>
    element("tr", {}, element("td", {}, reasonOf(reason)), element("td", { lang: "de" }, text ?? "")),
  );
  return element(
    "details",
    { class: "removed" },
    element("summary", {}, sayCount("removed.title", removed.length)),
    element("table", {}, element("thead", {}, head), element("tbody", {}, lines)),
  );
}

function reasonOf(reason) {
  const key = `reason.${reason}`;
  return has(key) ? say(key) : String(reason ?? "");
}
