/** Service: sends an article to the service and yields the events of the response. */

import { Problem } from "./problem.js";
import { eventsOf } from "./stream.js";

const PATH = "v1/articles";
const HEADERS = { "Content-Type": "application/json", Accept: "text/event-stream" };

/**
 * Yield `progress`, `sentence` and `result` events as {name, data}. Throws a Problem, or the abort reason of `signal`.
 * If `key` is empty, the request is sent without a key.
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
