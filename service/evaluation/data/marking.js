"use strict";
const texts = {
  de: {
    title: "Blindvergleich",
    translation: "Welche Übersetzung würden Sie eher veröffentlichen?",
    summary: "Welche Zusammenfassung würden Sie eher veröffentlichen?",
    left: "Links", right: "Rechts", choose: "Urteil",
    chooseLeft: "Links ist besser", chooseRight: "Rechts ist besser", equal: "Gleich gut",
    back: "Zurück", next: "Weiter", export: "Urteile als Datei speichern",
    count: (done, all, at) => `${done} von ${all} Paaren beurteilt. Paar ${at}.`,
    none: "Es gibt kein Paar, das sich unterscheidet.",
    lost: "Dieser Browser behält die Urteile nicht. Speichern Sie die Datei, bevor Sie die Seite schließen.",
  },
  en: {
    title: "Blind comparison",
    translation: "Which translation would you rather publish?",
    summary: "Which summary would you rather publish?",
    left: "Left", right: "Right", choose: "Mark",
    chooseLeft: "Left is better", chooseRight: "Right is better", equal: "Equally good",
    back: "Back", next: "Next", export: "Save the marks as a file",
    count: (done, all, at) => `${done} of ${all} pairs marked. Pair ${at}.`,
    none: "No pair has different outputs.",
    lost: "This browser does not keep the marks. Save the file before you close the page.",
  },
};
const data = JSON.parse(document.getElementById("data").textContent);
const language = navigator.language.startsWith("de") ? "de" : "en";
const say = texts[language];
const byId = (id) => document.getElementById(id);
const key = `depesche-marks-${data.evaluation}`;
const pairs = data.pairs;
let marks = {};
let at = 0;

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "{}");
    for (const pair of pairs) if (["left", "right", "equal"].includes(kept[pair.id])) marks[pair.id] = kept[pair.id];
  } catch {
    byId("message").textContent = say.lost;
  }
  const open = pairs.findIndex((pair) => !(pair.id in marks));
  at = Math.max(0, open);
}

function keep() {
  try {
    localStorage.setItem(key, JSON.stringify(marks));
  } catch {
    byId("message").textContent = say.lost;
  }
}

function show() {
  const pair = pairs[at];
  byId("progress").max = Math.max(1, pairs.length);
  byId("progress").value = Object.keys(marks).length;
  byId("main").hidden = !pair;
  byId("count").textContent = pair ? say.count(Object.keys(marks).length, pairs.length, at + 1) : say.none;
  byId("back").disabled = at === 0;
  byId("next").disabled = at >= pairs.length - 1;
  if (!pair) return;
  byId("article").textContent = pair.article;
  for (const part of ["before", "source", "left", "right"]) byId(part).textContent = pair[part];
  byId("before").hidden = !pair.before;
  for (const button of document.querySelectorAll("[data-mark]"))
    button.setAttribute("aria-pressed", String(marks[pair.id] === button.dataset.mark));
}

function mark(value) {
  if (!pairs[at]) return;
  marks[pairs[at].id] = value;
  keep();
  go(1);
}

function go(step) {
  at = Math.min(Math.max(0, at + step), Math.max(0, pairs.length - 1));
  show();
}

function save() {
  const content = JSON.stringify({ evaluation: data.evaluation, marks }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = `marks-${data.evaluation}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-text]")) {
  const name = element.dataset.text;
  element.textContent = name === "task" ? say[data.task] : say[name];
}
for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say[element.dataset.label]);
for (const id of ["left", "right"]) byId(id).lang = data.languages.target;
for (const id of ["before", "source"]) byId(id).lang = data.languages.source;
for (const button of document.querySelectorAll("[data-mark]")) button.addEventListener("click", () => mark(button.dataset.mark));
byId("back").addEventListener("click", () => go(-1));
byId("next").addEventListener("click", () => go(1));
byId("export").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const actions = { 1: () => mark("left"), 2: () => mark("equal"), 3: () => mark("right"), ArrowLeft: () => go(-1), ArrowRight: () => go(1) };
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});
load();
show();
document.body.dataset.ready = "";
