/** Code points: the API's offsets count code points, but JavaScript's strings count UTF-16 code units. */

const SURROGATE = /[\ud800-\udfff]/;

export class CodePoints {
  #text;
  /** The UTF-16 offset of each code point and of the end; null if both counts are equal. */
  #starts;

  constructor(text) {
    this.#text = text;
    this.#starts = SURROGATE.test(text) ? startsOf(text) : null;
  }

  /** The number of code points. */
  get length() {
    return this.#starts === null ? this.#text.length : this.#starts.length - 1;
  }

  /** Return the UTF-16 offset of a code point, clamped to the text. */
  utf16(offset) {
    const inside = Math.max(0, Math.min(offset, this.length));
    return this.#starts === null ? inside : this.#starts[inside];
  }

  /** Return the number of the code point at a UTF-16 offset, which must be the start of a code point. */
  of(utf16) {
    return this.#starts === null ? utf16 : this.#starts.findIndex((start) => start >= utf16);
  }

  /** Return the text from one code point up to, but not including, another. */
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
