/** Element: creates HTML elements. Text becomes text nodes, so markup in it has no effect. */

/**
 * Create an element with attributes and children. An attribute that is null, undefined or false is omitted. An
 * attribute that is true is empty. Children that are null or undefined are omitted.
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Create a button that does not submit the form. */
export function button(text, onClick, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Return the text or, if it is longer than `most` UTF-16 code units, its first `most` code units and an ellipsis. */
export function shortened(text, most) {
  return text.length > most ? `${text.slice(0, most).trimEnd()} …` : text;
}

/** Create text that is invisible but is read by screen readers. */
export function unseen(text) {
  return element("span", { class: "unseen" }, text);
}
