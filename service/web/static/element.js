/** Element: creates elements. Text becomes text nodes, so that markup in it has no effect. */

/** An element with attributes (null and false omit one, true makes an empty one) and children (null is omitted). */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** A button that does not submit the form. */
export function button(text, onClick, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", onClick);
  return made;
}

/** Text only for screen readers. */
export function unseen(text) {
  return element("span", { class: "unseen" }, text);
}
