/** Memory: says what the service and this window keep, and lets the user delete it. */

import { button, element } from "./element.js";
import { say, sayCount } from "./language.js";

/**
 * Show in `place` what is kept. `state` is {memory, result, stored}: "nothing" or "short", whether the service may keep
 * entries of a result, and whether the window keeps its content for a reload. `forget()` deletes the entries of the
 * service and returns a promise of their number. `clear()` empties the window.
 */
export function showMemory(place, state, { forget, clear, announce }) {
  const short = state.memory === "short";
  place.replaceChildren(
    element("h2", {}, say("memory.title")),
    element("p", {}, say(short ? "memory.short" : "memory.nothing")),
    element("p", {}, say(state.stored ? "memory.window" : "memory.window_full")),
    element(
      "div",
      { class: "actions" },
      state.result && short ? button(say("memory.forget"), () => forgotten(forget, announce)) : null,
      button(say("memory.clear"), clear),
    ),
  );
}

async function forgotten(forget, announce) {
  try {
    announce(sayCount("memory.forgotten", await forget()));
  } catch (error) {
    announce(say("memory.failed", { reason: error.detail || error.message }));
  }
}
