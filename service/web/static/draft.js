/** Draft: a response of the service with the sentences that the editor has changed. */

import { CodePoints } from "./codepoints.js";
import { rowAt } from "./rows.js";

/** Return whether a starter model produced an output, so that the result is only a demonstration. */
export function isDemonstration(answer) {
  return Object.values(answer.models ?? {}).some((model) => model?.quality === "starter");
}

/** Return the sentences of an output, each with `text`, `start` and `end`. Offsets are code points in its text. */
export function sentencesOf(output) {
  const text = output.text ?? "";
  const points = new CodePoints(text);
  let from = 0;
  return (output.sentences ?? []).map((sentence) => {
    if (Array.isArray(sentence.target)) {
      const [start, end] = sentence.target;
      return { ...sentence, text: points.slice(start, end), start, end };
    }
    const at = text.indexOf(sentence.text, from);
    from = at < 0 ? from : at + sentence.text.length;
    const start = points.of(Math.max(0, at));
    return { ...sentence, start, end: start + new CodePoints(sentence.text).length };
  });
}

/** Return the text of the article at a range of the submitted body. `view` has the cleaned body and its rows. */
export function articleText({ start, end }, view) {
  const shift = view.rows[rowAt(view.rows, start)]?.shift ?? 0;
  return view.points.slice(start - shift, end - shift);
}

/**
 * Return {source, place} for the check of a sentence. `source` is the text with which the sentence is compared. `place`
 * converts a range of `source` to a range of the submitted body.
 */
export function comparedWith(output, number, view) {
  if (output === "translation") {
    const [start, end] = view.answer.translation.sentences[number].source;
    return { source: articleText({ start, end }, view), place: (span) => span.map((offset) => offset + start) };
  }
  return { source: view.answer.article.body, place: (span) => inSubmitted(span, view.rows) };
}

function inSubmitted(span, rows) {
  const shift = rows.findLast((row) => row.start <= span[0])?.shift ?? 0;
  return span.map((offset) => offset + shift);
}

/**
 * Return a copy of `answer` in which a sentence of an output has a new text, with the warnings and facts of `checked`,
 * the response of /v1/check to this sentence. For `place`, see `comparedWith`.
 */
export function withSentence(answer, output, number, text, checked, place) {
  const before = answer[output];
  const sentence = sentencesOf(before)[number];
  const points = new CodePoints(before.text);
  const grown = new CodePoints(text).length - (sentence.end - sentence.start);
  const change = { sentence, grown, place };
  const found = [...(checked.warnings ?? []), ...(checked.sentences ?? []).flatMap((one) => one.warnings ?? [])];
  const warnings = changed(before.warnings ?? [], found, ["span", "target_span"], change);
  const after = {
    ...before,
    text: points.slice(0, sentence.start) + text + points.slice(sentence.end, points.length),
    sentences: before.sentences.map((one, index) => moved(one, index === number ? text : null, change)),
    warnings,
    needs_review: warnings.some((warning) => warning.review === true),
  };
  if (Array.isArray(before.facts)) after.facts = changed(before.facts, checked.facts ?? [], ["source", "target"], change);
  const { [output]: _outdated, ...reviewed } = answer.reviewed ?? {};
  return { ...answer, [output]: after, reviewed };
}

/** Return the items of an output without those of the changed sentence, and with the items of the check. */
function changed(items, found, [sourceKey, targetKey], { sentence, grown, place }) {
  const isOwn = (item) =>
    item[targetKey] ? overlap(item[targetKey], [sentence.start, sentence.end]) : overlap(item[sourceKey], sentence.source);
  const kept = items.filter((item) => !isOwn(item)).map((item) => ({ ...item, [targetKey]: later(item[targetKey], sentence, grown) }));
  const added = found.map((item) => ({
    ...item,
    [sourceKey]: item[sourceKey] ? place(item[sourceKey]) : item[sourceKey],
    [targetKey]: item[targetKey]?.map((offset) => offset + sentence.start) ?? [sentence.start, sentence.end + grown],
  }));
  return [...kept, ...added];
}

function overlap(span, other) {
  return Array.isArray(span) && Array.isArray(other) && span[0] < other[1] && span[1] > other[0];
}

function later(span, sentence, grown) {
  return span && span[0] >= sentence.end ? span.map((offset) => offset + grown) : span;
}

function moved(one, text, { sentence, grown }) {
  if (text === null) return one.target ? { ...one, target: later(one.target, sentence, grown) } : one;
  const edited = one.edited ?? sentence.text;
  const rest = { ...one, edited: edited === text ? undefined : edited };
  // Before the first change, the text is the model's text unless it was a correction from a file.
  if (one.from_memory === true) Object.assign(rest, { from_memory: false, was_from_memory: true });
  if ("confidence" in one) rest.confidence = null;
  return one.target ? { ...rest, target: [sentence.start, sentence.end + grown] } : { ...rest, text, verbatim: false };
}
