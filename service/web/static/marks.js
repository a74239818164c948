/** Marks: highlights related elements while one of them is hovered or focused. */

export class Marks {
  #members = new Map();
  #lit = new Set();
  #pointed = null;
  #focused = null;
  #pinned = null;
  #held = false;

  /** Add an element to the group `name`, whose members are highlighted together. */
  add(name, member) {
    if (!this.#members.has(name)) this.#members.set(name, new Set());
    this.#members.get(name).add(member);
  }

  /** Highlight the group `name` while `source`, which joins it, is hovered or focused. The latest event wins. */
  lightFrom(source, name) {
    this.add(name, source);
    source.addEventListener("pointerenter", () => {
      this.#pointed = name;
      if (!this.#held) this.#show(name);
    });
    source.addEventListener("focusin", () => this.#show((this.#focused = name)));
    source.addEventListener("pointerleave", () => {
      this.#pointed = null;
      if (!this.#held) this.#show(this.#focused ?? this.#pinned);
    });
    source.addEventListener("focusout", () => {
      this.#focused = null;
      this.#show(this.#pointed ?? this.#pinned);
    });
  }

  /**
   * Highlight the group `name` whenever no element is hovered or focused; null ends this. The text may scroll under the
   * pointer afterwards, so an element counts as hovered only when the pointer has moved.
   */
  pin(name) {
    this.#pinned = name;
    this.#show(name);
    this.#held = name !== null;
    const release = () => {
      this.#held = false;
      if (this.#pointed !== null) this.#show(this.#pointed);
    };
    if (this.#held) document.addEventListener("pointermove", release, { once: true });
  }

  /** Return the elements of the group `name`. */
  members(name) {
    return this.#members.get(name);
  }

  #show(name) {
    for (const member of this.#lit) member.classList.remove("lit");
    this.#lit = this.#members.get(name) ?? new Set();
    for (const member of this.#lit) member.classList.add("lit");
  }
}
