/** Countdown: shows the seconds that remain. */

import { element, unseen } from "./element.js";
import { say, sayCount } from "./language.js";

/** Count down `seconds` in `place`, then call `done`. The countdown stops when `place` is removed from the page. */
export function countDown(seconds, place, done) {
  const end = Date.now() + seconds * 1000;
  // Screen readers announce only the start and the end.
  place.replaceChildren(element("span", { "aria-hidden": "true" }, sayCount("failure.wait", seconds)), unseen(sayCount("failure.wait", seconds)));
  const timer = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (!place.isConnected) clearInterval(timer);
    else if (left > 0) place.firstChild.textContent = sayCount("failure.wait", left);
    else {
      clearInterval(timer);
      place.replaceChildren(say("failure.now"));
      done();
    }
  }, 250);
}
