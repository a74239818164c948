/** Service: sends articles and changed sentences to the service. */

import { Problem } from "./problem.js";
import { eventsOf } from "./stream.js";

const EVENTS = "text/event-stream";
/** The header that limits what the service keeps: nothing, or entries in the memory of its process for 30 minutes. */
const MEMORY = { nothing: { "Cache-Control": "no-store" }, short: { "DEPESCHE-Cache": "memory" } };

/**
 * Yield `progress`, `sentence` and `result` events as {name, data}. Throws a Problem, or the abort reason of `signal`.
 * If `key` is empty, the request is sent without a key. `memory` is "nothing" or "short".
 */
export async function* work(submission, { key, memory, signal }) {
  const answer = await sent("v1/articles", submission, { key, signal, headers: { Accept: EVENTS, ...MEMORY[memory] } });
  if (!answer.ok) throw await Problem.answered(answer);
  try {
    for await (const event of eventsOf(answer.body)) {
      if (event.name === "error") throw Problem.said(event.data, answer.status);
      yield event;
      if (event.name === "result") return;
    }
  } catch (error) {
    throw error instanceof TypeError ? new Problem("broken") : error;
  }
  throw new Problem("broken");
}

/** Return the response to a JSON request. For `memory`, see `work`. Throws a Problem. */
export async function ask(path, submission, { key, memory = "short", method = "POST" }) {
  const answer = await sent(path, submission, { key, method, headers: MEMORY[memory] });
  if (!answer.ok) throw await Problem.answered(answer);
  return answer.json();
}

async function sent(path, submission, { key, signal, method = "POST", headers = {} }) {
  const all = { "Content-Type": "application/json", ...headers };
  if (key !== "") all.Authorization = `Bearer ${key}`;
  const body = submission === null ? undefined : JSON.stringify(submission);
  try {
    return await fetch(path, { method, headers: all, body, signal });
  } catch (error) {
    throw error instanceof TypeError ? new Problem("unreachable") : error;
  }
}
