/** Corrections: the changed sentences of a translation as a file, which later requests can use. */

import { articleText, sentencesOf } from "./draft.js";
import { escaped } from "./formats.js";
import { rangeOf } from "./notes.js";

/**
 * Return the changed sentences, and those that came from corrections, as {source, target, machine}: the German
 * sentence, the editor's sentence and the model's sentence. `machine` is undefined if it is not known.
 */
export function correctionsOf(view) {
  const { translation } = view.answer;
  if (!translation) return [];
  return sentencesOf(translation)
    .filter((sentence) => sentence.edited || sentence.from_memory === true)
    .map((sentence) => ({
      source: articleText(rangeOf(sentence.source), view),
      target: sentence.text,
      machine: sentence.was_from_memory ? undefined : sentence.edited,
    }));
}

/** Return the corrections as JSON Lines. */
export function correctionLines(view) {
  return correctionsOf(view).map((one) => `${JSON.stringify(one)}\n`).join("");
}

/** Return the corrections as TMX 1.4. */
export function translationMemory(view) {
  const header = '<header creationtool="depesche" creationtoolversion="1" segtype="sentence" o-tmf="depesche" adminlang="en" srclang="de" datatype="plaintext"/>';
  const unit = (lang, text) => `<tuv xml:lang="${lang}"><seg>${escaped(text)}</seg></tuv>`;
  const property = (machine) => (machine ? `<prop type="x-machine">${escaped(machine)}</prop>` : "");
  const units = correctionsOf(view).map(
    ({ source, target, machine }) => `    <tu>${property(machine)}${unit("de", source)}${unit("en", target)}</tu>`,
  );
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<tmx version="1.4">', `  ${header}`, "  <body>", ...units, "  </body>", "</tmx>", ""].join("\n");
}

/** An error in a file of corrections. */
export class WrongFile extends Error {}

/** Read a file of corrections, as JSON Lines or TMX. Return [{source, target}]. Throws WrongFile. */
export function readCorrections(text) {
  const found = text.trimStart().startsWith("<") ? fromMemory(text) : fromLines(text);
  const fits = ({ source, target }) => typeof source === "string" && typeof target === "string" && source.trim() && target.trim();
  if (found.length === 0 || !found.every(fits)) throw new WrongFile("no corrections");
  return found.map(({ source, target }) => ({ source, target }));
}

function fromLines(text) {
  try {
    return text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) ?? {});
  } catch (error) {
    throw new WrongFile(String(error));
  }
}

function fromMemory(text) {
  const memory = new DOMParser().parseFromString(text, "application/xml");
  if (memory.querySelector("parsererror")) throw new WrongFile("not XML");
  const words = (unit, lang) =>
    [...unit.querySelectorAll("tuv")].find((one) => (one.getAttribute("xml:lang") ?? one.getAttribute("lang") ?? "").toLowerCase().startsWith(lang))
      ?.querySelector("seg")?.textContent;
  return [...memory.querySelectorAll("tu")].map((unit) => ({ source: words(unit, "de"), target: words(unit, "en") }));
}
