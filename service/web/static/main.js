/** Main: connects the form, the service and the result. */

import { askForKey, key } from "./access.js";
import { comparedWith, withSentence } from "./draft.js";
import { acceptDrops, clear, fill, forgetPage, isBlank, isComplete, memoryOf, openFile, pasteFormatted, submissionOf, valuesOf } from "./entry.js";
import { failureView } from "./failure.js";
import { load, say, sayCount, translatePage } from "./language.js";
import { showMemory } from "./memory.js";
import { Problem } from "./problem.js";
import { Progress } from "./progress.js";
import { resultView } from "./result.js";
import { ask, work } from "./service.js";
import { forget, keep, kept } from "./store.js";
import { showTab } from "./tabs.js";

const place = (id) => document.getElementById(id);
const form = place("form");
const ALTERNATIVES = 4;
/** The current content of the page, which is re-rendered when the language changes. */
const shown = { answer: null, problem: null, seen: new Set(), terms: {}, memory: "short" };
let running = null;
let view = null;
let stored = true;

function announce(text) {
  place("status").textContent = text;
}

function show() {
  const made = shown.answer === null ? null : resultView(shown.answer, { seen: shown.seen, announce, edit, alternatives, approve, changed: remember });
  view = made?.view ?? null;
  place("result").replaceChildren(...(made === null ? [] : [made.element]));
  place("failure").replaceChildren(...(shown.problem === null ? [] : [failureView(shown.problem, submit)]));
  showKept();
}

function showKept() {
  const state = { memory: shown.answer === null ? memoryOf(form) : shown.memory, result: Boolean(shown.answer?.result_key), stored };
  showMemory(place("memory"), state, { forget: forgetNow, clear: clearWindow, announce });
}

/** Keep the content of the window for a reload. */
function remember() {
  const { answer, seen, terms, memory } = shown;
  if (answer === null && isBlank(form)) forget();
  else stored = keep({ form: valuesOf(form), answer, seen: [...seen], terms, memory });
  showKept();
}

function restore() {
  const found = kept();
  if (found === null) return;
  fill(form, found.form);
  Object.assign(shown, { answer: found.answer, seen: new Set(found.seen), terms: found.terms, memory: found.memory });
  place("entry").open = found.answer === null;
}

/** Empty the form and the result. The API key stays, because it is never stored. */
function clearWindow() {
  clear(form);
  Object.assign(shown, { answer: null, problem: null, seen: new Set(), terms: {} });
  place("entry").open = true;
  show();
  remember();
  announce(say("memory.cleared"));
}

async function forgetNow() {
  const { forgotten } = await ask(`v1/results/${shown.answer.result_key}`, null, { key: key(), method: "DELETE" });
  return forgotten;
}

async function submit() {
  if (running !== null || !isComplete(form)) return;
  running = new AbortController();
  Object.assign(shown, { answer: null, problem: null, seen: new Set() });
  show();
  setBusy(true);
  try {
    shown.answer = await answered(running.signal);
    announce(say("status.done"));
  } catch (error) {
    failed(error);
  } finally {
    running = null;
    place("entry").open = shown.answer === null;
    setBusy(false);
  }
  finish();
  const known = shown.answer?.translation?.sentences?.filter((sentence) => sentence.from_memory === true).length ?? 0;
  if (known > 0) announce(sayCount("file.corrected", known));
  remember();
}

/** Request the result for the article in the form. Show the progress until the result arrives. */
async function answered(signal) {
  const submission = submissionOf(form);
  const { glossary, do_not_translate } = submission;
  Object.assign(shown, { terms: { glossary, do_not_translate }, memory: memoryOf(form) });
  place("entry").open = false;
  const progress = new Progress(place("progress"), form.elements.body.value);
  announce(say("status.sending"));
  try {
    for await (const event of work(submission, { key: key(), memory: shown.memory, signal })) {
      if (event.name === "result") return event.data;
      progress.follow(event);
    }
  } finally {
    progress.end();
  }
}

/** Give a sentence a new text and check it. Throws a Problem. */
async function change(output, number, text) {
  const { source, place: placed } = comparedWith(output, number, { ...view, answer: shown.answer });
  const task = output === "translation" ? { task: output, ...shown.terms } : { task: output };
  const checked = await ask("v1/check", { ...task, source, text }, { key: key(), memory: shown.memory });
  shown.answer = withSentence(shown.answer, output, number, text, checked, placed);
}

/** Return other translations of a sentence as {text, confidence, warnings}. Throws a Problem. */
async function alternatives(number) {
  const { source } = comparedWith("translation", number, { ...view, answer: shown.answer });
  const submission = { text: source, alternatives: ALTERNATIVES, ...shown.terms };
  const { translations } = await ask("v1/translate", submission, { key: key(), memory: shown.memory });
  const [sentence, ...further] = translations[0].sentences;
  return further.length === 0 ? (sentence?.alternatives ?? []) : []; // if the sentence was split, no part replaces the whole
}

/** Give a sentence a new text, check it, and show the result of the check. Throws a Problem. */
async function edit(output, number, text) {
  await change(output, number, text);
  const data = place("result").firstElementChild?.dataset.view;
  show();
  remember();
  if (data) showTab(place("result").firstElementChild, data);
  announce(say("edit.done"));
  const sentences = place("result").querySelectorAll(output === "translation" ? ".target .sentence" : ".summary .sentence");
  (place(`target-${number}`) && output === "translation" ? place(`target-${number}`) : sentences[number])?.focus();
}

/** State that a person has reviewed the translation. */
async function approve() {
  const { article, translation } = shown.answer;
  const stated = { task: "translation", source: article.body, text: translation.text, reviewed_by_person: true, ...shown.terms };
  try {
    const { provenance } = await ask("v1/check", stated, { key: key(), memory: shown.memory });
    shown.answer = { ...shown.answer, reviewed: { ...shown.answer.reviewed, translation: provenance } };
    show();
    remember();
    announce(say("panel.reviewed_done"));
  } catch (error) {
    announce(say("edit.failed", { reason: error.detail || error.message }));
  }
}

function failed(error) {
  const cancelled = error.name === "AbortError";
  announce(cancelled ? say("status.cancelled") : "");
  if (!cancelled) shown.problem = error instanceof Problem ? error : new Problem("page", { detail: String(error) });
}

function setBusy(busy) {
  const hadFocus = place("controls").contains(document.activeElement) || form.contains(document.activeElement);
  place("cancel").hidden = !busy;
  place("submit").disabled = busy;
  if (busy && hadFocus) place("cancel").focus();
  else if (hadFocus) place("submit").focus();
}

/** Show the result. If the focus is in the form, move it to the result. */
function finish() {
  const active = document.activeElement;
  const waited = form.contains(active) || place("controls").contains(active) || active === document.body;
  try {
    show();
  } catch (error) {
    shown.answer = null;
    failed(error);
    show();
  }
  place("failure").scrollIntoView({ block: "nearest" });
  if (["401", "403"].includes(shown.problem?.kind)) askForKey();
  if (shown.answer !== null && waited) place("result-title").focus();
}

function switchLanguage() {
  translatePage();
  show();
}

function onKey(event) {
  if (event.key === "F8" && view?.step) {
    event.preventDefault();
    view.step(event.shiftKey ? -1 : 1);
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.contains(event.target)) submit();
}

await load();
translatePage();
restore();
show();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
form.addEventListener("change", remember);
place("cancel").addEventListener("click", () => running?.abort());
place("body").addEventListener("input", () => forgetPage(form));
place("body").addEventListener("paste", pasteFormatted);
place("file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]));
acceptDrops(open);
addEventListener("keydown", onKey);
addEventListener("hashchange", switchLanguage);
addEventListener("pagehide", remember);
document.body.dataset.ready = "true";

async function open(file) {
  await openFile(form, file, announce);
  place("entry").open = true;
  remember();
}
