/** Main: connects the form, the service and the result. */

import { askForKey, key } from "./access.js";
import { forgetPage, isComplete, openFile, submissionOf } from "./entry.js";
import { failureView } from "./failure.js";
import { load, say, translatePage } from "./language.js";
import { Problem } from "./problem.js";
import { Progress } from "./progress.js";
import { resultView } from "./result.js";
import { work } from "./service.js";

const place = (id) => document.getElementById(id);
const form = place("form");
/** The current content of the page, which is re-rendered when the language changes. It is not stored elsewhere. */
const shown = { answer: null, problem: null };
let running = null;

function announce(text) {
  place("status").textContent = text;
}

function show() {
  place("result").replaceChildren(...(shown.answer === null ? [] : [resultView(shown.answer, announce)]));
  place("failure").replaceChildren(...(shown.problem === null ? [] : [failureView(shown.problem, submit)]));
}

async function submit() {
  if (running !== null || !isComplete(form)) return;
  running = new AbortController();
  Object.assign(shown, { answer: null, problem: null });
  show();
  setBusy(true);
  try {
    shown.answer = await answered(running.signal);
    announce(say("status.done"));
  } catch (error) {
    failed(error);
  } finally {
    running = null;
    setBusy(false);
  }
  finish();
}

/** Request the result for the article in the form. Show the progress until the result arrives. */
async function answered(signal) {
  const progress = new Progress(place("progress"));
  announce(say("status.sending"));
  try {
    for await (const event of work(submissionOf(form), key(), signal)) {
      if (event.name === "result") return event.data;
      progress.follow(event);
    }
  } finally {
    progress.end();
  }
}

function failed(error) {
  const cancelled = error.name === "AbortError";
  announce(cancelled ? say("status.cancelled") : "");
  if (!cancelled) shown.problem = error instanceof Problem ? error : new Problem("page", { detail: String(error) });
}

function setBusy(busy) {
  const hadFocus = form.contains(document.activeElement);
  place("cancel").hidden = !busy;
  place("submit").disabled = busy;
  if (busy && hadFocus) place("cancel").focus();
  else if (hadFocus) place("submit").focus();
}

/** Show the result. If the focus is in the form, move it to the result. */
function finish() {
  const waited = form.contains(document.activeElement) || document.activeElement === document.body;
  try {
    show();
  } catch (error) {
    shown.answer = null;
    failed(error);
    show();
  }
  place("failure").scrollIntoView({ block: "nearest" });
  if (["401", "403"].includes(shown.problem?.kind)) askForKey();
  if (shown.answer === null) return;
  place("entry").open = false;
  if (waited) place("result-title").focus();
}

function switchLanguage() {
  translatePage();
  show();
}

await load();
translatePage();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
place("cancel").addEventListener("click", () => running?.abort());
place("body").addEventListener("input", () => forgetPage(form));
place("file").addEventListener("change", ({ target }) => target.files[0] && openFile(form, target.files[0], announce));
addEventListener("hashchange", switchLanguage);
document.body.dataset.ready = "true";
