/** Review: says in plain words whether an editor has to look at an output before it is published. */

import { element } from "./element.js";
import { say, sayCount } from "./language.js";

/** One line: the flag of the output, and how many notes it has. */
export function reviewLine(output, notes) {
  const needed = output.needs_review === true;
  const key = needed ? "review.needed" : "review.clear";
  const text = notes.length === 0 ? say(key) : sayCount(key, notes.length);
  return element("p", { class: needed ? "review needed" : "review" }, text);
}
