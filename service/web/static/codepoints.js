/** Code points: the API's offsets are in code points, but those of JavaScript's strings are in UTF-16 code units. */

const SURROGATE = /[\ud800-\udfff]/;

export class CodePoints {
  #text;
  /** The UTF-16 offset of each code point and of the end of the text; null if all equal the code point offsets. */
  #starts;

  constructor(text) {
    this.#text = text;
    this.#starts = SURROGATE.test(text) ? startsOf(text) : null;
  }

  /** The number of code points. */
  get length() {
    return this.#starts === null ? this.#text.length : this.#starts.length - 1;
  }

  /** Convert a code point offset to a UTF-16 offset, clamped to the text. */
  utf16(offset) {
    const inside = Math.max(0, Math.min(offset, this.length));
    return this.#starts === null ? inside : this.#starts[inside];
  }

  /** Convert a UTF-16 offset, which must be the start of a code point, to a code point offset. */
  of(utf16) {
    return this.#starts === null ? utf16 : this.#starts.findIndex((start) => start >= utf16);
  }

  /** Return the text between two code point offsets. */
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
