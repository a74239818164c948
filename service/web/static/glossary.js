/** Glossary: the terms that the user enters, one per line. */

/** An error in a line of the glossary. `line` is the number of the line. */
export class WrongLine extends Error {
  constructor(line) {
    super(`line ${line}`);
    this.line = line;
  }
}

/**
 * Return {glossary, do_not_translate} for /v1. "Rathaus = city hall" is a term with its translation. A line without an
 * equals sign is a term that stays untranslated. Throws WrongLine if a side is missing or a term is a duplicate.
 */
export function termsOf(text) {
  const translated = new Map();
  const kept = new Set();
  for (const [index, line] of text.split("\n").entries()) {
    const [german, ...rest] = line.split("=");
    const [term, english] = [german.trim(), rest.join("=").trim()];
    if (term === "" && rest.length === 0) continue;
    if (term === "" || (rest.length > 0 && english === "") || translated.has(term) || kept.has(term)) throw new WrongLine(index + 1);
    if (rest.length > 0) translated.set(term, english);
    else kept.add(term);
  }
  return { glossary: Object.fromEntries(translated), do_not_translate: [...kept] };
}
