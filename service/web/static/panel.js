/** Panel: the warnings, one at a time, which the editor marks as seen. */

import { articleText } from "./draft.js";
import { CodePoints } from "./codepoints.js";
import { button, element, shortened } from "./element.js";
import { say, sayCount } from "./language.js";
import { noteId, noteName, wording } from "./notes.js";
import { showTab } from "./tabs.js";

const SHORT_CHARS = 160;
const LANGUAGE_OF = { summary: "de" };

/**
 * Create the panel. `view.seen` is the set of the ids of seen warnings; `view.changed()` is called when it changes. The
 * panel sets `view.step(by)`, which moves to another warning.
 */
export function panelView(view) {
  const { notes } = view;
  const title = element("h3", { id: "panel-title" }, say("panel.title"));
  if (notes.length === 0) {
    const clear = element("p", { class: "verdict" }, say("review.clear"));
    return element("section", { class: "card panel", "aria-labelledby": "panel-title" }, title, clear, reviewedView(view));
  }
  let at = Math.max(0, notes.findIndex((note) => !view.seen.has(note.id)));
  const items = notes.map((note) => itemView(note, view));
  const count = element("p", { class: "panel-count", role: "status" });
  const verdict = element("p", {});
  const show = () => {
    items.forEach((item, index) => (item.hidden = index !== at));
    count.textContent = say("panel.count", { number: at + 1, of: notes.length });
    tell(verdict, view);
  };
  const go = (to) => {
    at = (to + notes.length) % notes.length;
    show();
    if (!view.showsNotesAlone()) view.reveal(notes[at]);
  };
  const seen = () => {
    view.seen.add(notes[at].id);
    view.changed();
    const next = notes.findIndex((note, index) => index > at && !view.seen.has(note.id));
    const any = next >= 0 ? next : notes.findIndex((note) => !view.seen.has(note.id));
    if (any >= 0) go(any);
    else show();
  };
  view.step = (by) => go(at + by);
  const buttons = element(
    "div",
    { class: "actions" },
    button(say("panel.previous"), () => go(at - 1), { title: say("panel.previous_key") }),
    button(say("panel.next"), () => go(at + 1), { title: say("panel.next_key") }),
    button(say("panel.seen"), seen, { class: "primary" }),
    button(say("panel.show"), () => view.reveal(notes[at])),
  );
  show();
  return element("section", { class: "card panel", "aria-labelledby": "panel-title" }, title, verdict, count, items, buttons, reviewedView(view));
}

function tell(verdict, { notes, seen }) {
  const open = notes.filter((note) => note.review && !seen.has(note.id)).length;
  const needed = notes.some((note) => note.review);
  verdict.className = open > 0 ? "verdict needed" : "verdict";
  if (open > 0) verdict.textContent = sayCount("review.needed", open);
  else verdict.textContent = needed ? say("review.seen") : sayCount("review.clear", notes.length);
}

function itemView(note, view) {
  const made = element("div", { class: note.review ? "note review" : "note", id: noteId(note) }, placeOf(note), wording(note, quotedOf(note, view)));
  if (note.source !== null || note.target !== null) view.marks.lightFrom(made, noteName(note));
  return made;
}

function placeOf(note) {
  return element("span", { class: "note-place" }, say(`output.${note.output}`), note.review ? "" : ` · ${say("note.optional")}`);
}

function quotedOf(note, view) {
  const quoted = [];
  if (note.source !== null && view.answer.article) quoted.push({ label: "note.source", text: shortened(articleText(note.source, view), SHORT_CHARS), lang: "de" });
  if (note.target !== null) {
    const text = new CodePoints(view.answer[note.output]?.text ?? "").slice(note.target.start, note.target.end);
    quoted.push({ label: "note.target", text: shortened(text, SHORT_CHARS), lang: LANGUAGE_OF[note.output] ?? "en" });
  }
  return quoted.filter(({ text }) => text.trim() !== "");
}

/** Highlight the passage of a note, and scroll to it. If the page shows no passage of the note, do not scroll. */
export function revealNote(note, result, view) {
  const places = [...(view.marks.members(noteName(note)) ?? [])].filter((one) => !one.closest(".panel"));
  const own = places.find((one) => one.closest(note.output === "translation" ? ".target" : ".summary")) ?? places[0];
  view.marks.pin(noteName(note));
  if (own === undefined) return;
  if (own.closest(".summary")) showTab(result, "summary");
  else showTab(result, own.closest(".target") ? "translation" : "article");
  own.scrollIntoView({ block: "center" });
}

function reviewedView(view) {
  const { translation, reviewed } = view.answer;
  if (!translation?.text) return null;
  const label = reviewed?.translation?.label;
  const stated = label ? element("p", { class: "hint" }, say("panel.reviewed_label", { label: label.en })) : null;
  const made = button(say("panel.reviewed"), () => view.approve());
  return element("div", { class: "reviewed" }, made, element("p", { class: "hint" }, say("panel.reviewed_hint")), stated);
}
