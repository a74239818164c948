/** Code points: the API's offsets count them, JavaScript's strings count UTF-16 units. */

const SURROGATE = /[\ud800-\udfff]/;

export class CodePoints {
  #text;
  /** Where each code point begins in UTF-16, and the end; null where both counts are equal. */
  #starts;

  constructor(text) {
    this.#text = text;
    this.#starts = SURROGATE.test(text) ? startsOf(text) : null;
  }

  /** How many code points the text has. */
  get length() {
    return this.#starts === null ? this.#text.length : this.#starts.length - 1;
  }

  /** The UTF-16 offset of a code point; what lies outside the text is moved to its nearest end. */
  utf16(offset) {
    const inside = Math.max(0, Math.min(offset, this.length));
    return this.#starts === null ? inside : this.#starts[inside];
  }

  /** The code point of a UTF-16 offset that begins one. */
  of(utf16) {
    return this.#starts === null ? utf16 : this.#starts.findIndex((start) => start >= utf16);
  }

  /** The text between two code points, the second excluded. */
  slice(start, end) {
    return this.#text.slice(this.utf16(start), this.utf16(end));
  }
}

function startsOf(text) {
  const starts = [];
  let at = 0;
  for (const point of text) {
    starts.push(at);
    at += point.length;
  }
  return Uint32Array.from([...starts, at]);
}
