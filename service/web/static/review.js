/** Review: shows whether an editor must review an output before publication. */

import { element } from "./element.js";
import { say, sayCount } from "./language.js";

/** Create a line with the review flag of the output and the number of its notes. */
export function reviewLine(output, notes) {
  const needed = output.needs_review === true;
  const key = needed ? "review.needed" : "review.clear";
  const text = notes.length === 0 ? say(key) : sayCount(key, notes.length);
  return element("p", { class: needed ? "review needed" : "review" }, text);
}
