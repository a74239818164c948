/** Rows: the paragraphs of the cleaned body, with their ranges in the submitted body and their translated sentences. */

import { CodePoints } from "./codepoints.js";
import { rangeOf } from "./notes.js";

const GAP = /\n\s*\n/g;

/**
 * Return {start, end, shift, pairs} for each paragraph. `start` and `end` are code point offsets in the cleaned body.
 * Adding `shift` gives the offsets in the submitted body. `pairs` are the sentences that begin in the paragraph, as
 * {number, source, target}.
 */
export function rowsOf(article, translation) {
  const points = new CodePoints(article.body ?? "");
  const rows = mappingsOf(article, points).flatMap((mapping) => paragraphsOf(mapping, points));
  const pairs = (translation?.sentences ?? []).map((pair, number) => ({
    number,
    source: rangeOf(pair.source),
    target: rangeOf(pair.target),
  }));
  const found = rows.map((row) => ({ ...row, pairs: [] }));
  for (const pair of pairs) found[Math.max(0, rowAt(rows, pair.source.start))]?.pairs.push(pair);
  return found;
}

/** Return the number of the last row that starts at or before an offset in the submitted body, or -1. */
export function rowAt(rows, offset) {
  return rows.findLastIndex((row) => row.start + row.shift <= offset);
}

function mappingsOf(article, points) {
  const spans = article.spans ?? [];
  if (spans.length === 0) return [{ start: 0, end: points.length, shift: 0 }];
  return spans.map(({ cleaned, source }) => ({ start: cleaned[0], end: cleaned[1], shift: source[0] - cleaned[0] }));
}

function paragraphsOf({ start, end, shift }, points) {
  const text = points.slice(start, end);
  const within = new CodePoints(text);
  const gaps = [...text.matchAll(GAP)].map((gap) => [within.of(gap.index), within.of(gap.index + gap[0].length)]);
  const edges = [0, ...gaps.flat(), within.length];
  const found = [];
  for (let n = 0; n < edges.length; n += 2) {
    if (edges[n] < edges[n + 1]) found.push({ start: start + edges[n], end: start + edges[n + 1], shift });
  }
  return found;
}
