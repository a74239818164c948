/** Code points: the API's offsets count them, JavaScript's strings count UTF-16 units. */

const SURROGATE = /[\ud800-\udfff]/;

export class CodePoints {
  #text;
  /** The UTF-16 offset of each code point, and the end; null if both counts are equal. */
  #starts;

  constructor(text) {
    this.#text = text;
    this.#starts = SURROGATE.test(text) ? startsOf(text) : null;
  }

  /** The number of code points. */
  get length() {
    return this.#starts === null ? this.#text.length : this.#starts.length - 1;
  }

  /** The UTF-16 offset of a code point, limited to the text. */
  utf16(offset) {
    const inside = Math.max(0, Math.min(offset, this.length));
    return this.#starts === null ? inside : this.#starts[inside];
  }

  /** The code point at a UTF-16 offset. The offset must be at the start of a code point. */
  of(utf16) {
    return this.#starts === null ? utf16 : this.#starts.findIndex((start) => start >= utf16);
  }

  /** The text from one code point to another, which is excluded. */
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
