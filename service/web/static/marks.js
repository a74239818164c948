/** Marks: highlights matching elements while one of them is hovered or focused. */

export class Marks {
  #members = new Map();
  #lit = new Set();
  #pointed = null;
  #focused = null;

  /** Highlight `member` together with `name`. */
  add(name, member) {
    if (!this.#members.has(name)) this.#members.set(name, new Set());
    this.#members.get(name).add(member);
  }

  /** Highlight all members of `name` while `source` is hovered or focused. The later of the two events wins. */
  lightFrom(source, name) {
    this.add(name, source);
    source.addEventListener("pointerenter", () => this.#show((this.#pointed = name)));
    source.addEventListener("focusin", () => this.#show((this.#focused = name)));
    source.addEventListener("pointerleave", () => {
      this.#pointed = null;
      this.#show(this.#focused);
    });
    source.addEventListener("focusout", () => {
      this.#focused = null;
      this.#show(this.#pointed);
    });
  }

  #show(name) {
    for (const member of this.#lit) member.classList.remove("lit");
    this.#lit = this.#members.get(name) ?? new Set();
    for (const member of this.#lit) member.classList.add("lit");
  }
}
