/** Service: posts an article and yields the events of the answer. */

import { Problem } from "./problem.js";
import { eventsOf } from "./stream.js";

const PATH = "v1/articles";
const HEADERS = { "Content-Type": "application/json", Accept: "text/event-stream" };

/**
 * Yields `progress`, `sentence` and `result` events as {name, data}; throws a Problem, or what `signal` aborts with.
 * With an empty `key`, the request has no key.
 */
export async function* work(submission, key, signal) {
  const answer = await posted(submission, key, signal);
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

async function posted(submission, key, signal) {
  const headers = key === "" ? HEADERS : { ...HEADERS, Authorization: `Bearer ${key}` };
  try {
    return await fetch(PATH, { method: "POST", headers, body: JSON.stringify(submission), signal });
  } catch (error) {
    throw error instanceof TypeError ? new Problem("unreachable") : error;
  }
}
