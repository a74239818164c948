/** Saving: copies and downloads of the outputs. */

import { copyButton } from "./copy.js";
import { correctionLines, correctionsOf, translationMemory } from "./corrections.js";
import { wordDocument } from "./docx.js";
import { isDemonstration } from "./draft.js";
import { button, element } from "./element.js";
import { pageOf, partsOf, textOf } from "./formats.js";
import { say } from "./language.js";

/** Create the buttons that copy the outputs, and a menu that downloads them. */
export function savingView(view) {
  const { answer, announce } = view;
  const parts = () => partsOf(answer);
  const files = [
    ["txt", "text/plain", () => textOf(parts())],
    ["html", "text/html", () => pageOf(parts())],
    ["docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", () => wordDocument(parts())],
    ["json", "application/json", () => JSON.stringify(answer, null, 2)],
  ];
  const corrections = [
    ["jsonl", "application/jsonl", () => correctionLines(view)],
    ["tmx", "application/x-tmx+xml", () => translationMemory(view)],
  ];
  const name = isDemonstration(answer) ? "depesche-demo" : "depesche";
  return element(
    "div",
    { class: "saving" },
    answer.summary?.text ? copyButton("copy.summary", () => answer.summary.text, announce) : null,
    answer.summary_translation?.text ? copyButton("copy.summary_translation", () => answer.summary_translation.text, announce) : null,
    answer.translation?.text ? copyButton("copy.translation", () => translationText(answer.translation), announce) : null,
    menu("saving.download", files.map((file) => fileButton(name, file))),
    correctionsOf(view).length > 0 ? menu("saving.corrections", corrections.map((file) => fileButton(`${name}-corrections`, file))) : null,
  );
}

function translationText(translation) {
  return [translation.headline, translation.lead, translation.text].filter(Boolean).join("\n\n");
}

function menu(key, buttons) {
  return element("details", { class: "menu" }, element("summary", {}, say(key)), element("div", { class: "actions" }, buttons));
}

function fileButton(name, [ending, type, content]) {
  return button(say(`saving.${ending}`), () => download(`${name}.${ending}`, new Blob([content()], { type })));
}

function download(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading it
}
