/** Failure: shows an error, with a button to try again if that may help. */

import { countDown } from "./countdown.js";
import { button, element } from "./element.js";
import { has, say } from "./language.js";

/** Create the element that shows a Problem. The function `again` repeats the request. */
export function failureView(problem, again) {
  const offer = problem.passes ? againView(problem, again) : null;
  return element(
    "section",
    { class: "failure" },
    element("h2", {}, say("failure.title")),
    element("p", {}, say(messageKey(problem))),
    details(problem),
    offer,
  );
}

function messageKey({ code, kind }) {
  return [`failure.${code}`, `failure.${kind}`].find(has) ?? "failure.other";
}

function details(problem) {
  const lines = [
    ["failure.detail", problem.detail, "en"],
    ...problem.fields.map((field) => ["failure.field", fieldText(field), "en"]),
    ["failure.code", problem.code],
    ["failure.request_id", problem.requestId],
  ].filter(([, value]) => value);
  if (lines.length === 0) return null;
  return element("dl", {}, lines.map(([label, value, lang]) => [element("dt", {}, say(label)), element("dd", { lang }, value)]));
}

function fieldText({ pointer, detail, limit }) {
  const place = [pointer, detail].filter(Boolean).join(": ");
  return limit === null || limit === undefined ? place : `${place} (${say("failure.limit", { limit })})`;
}

function againView(problem, again) {
  const made = button(say("failure.again"), again, { class: "primary" });
  const wait = element("p", { class: "hint" });
  if (problem.retryAfterS) {
    made.disabled = true;
    countDown(problem.retryAfterS, wait, () => (made.disabled = false));
  }
  return element("div", { class: "again" }, made, wait);
}
