/** Pieces: splits a text at the start and the end of each range, so that ranges can overlap. */

/**
 * Return the pieces of `points` (CodePoints) from `start` to `end`, in order, as {start, end, text, ranges}. `ranges`
 * are the given ranges ({start, end, …}) that cover the piece. All offsets are in code points.
 */
export function piecesOf(points, start, end, ranges) {
  const inside = ranges.filter((range) => range.start < end && range.end > start && range.start < range.end);
  const cuts = new Set([start, end]);
  for (const range of inside) {
    cuts.add(Math.max(start, range.start));
    cuts.add(Math.min(end, range.end));
  }
  const sorted = [...cuts].sort((one, other) => one - other);
  return sorted.slice(1).map((to, number) => {
    const from = sorted[number];
    const covering = inside.filter((range) => range.start <= from && range.end >= to);
    return { start: from, end: to, text: points.slice(from, to), ranges: covering };
  });
}
