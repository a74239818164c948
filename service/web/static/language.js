/** Language: the language of the page, which the URL's hash or the browser determines, and the messages. */

const LANGUAGES = ["de", "en"];
const catalogues = new Map();

/** Load both message catalogues, so that switching the language needs no request. */
export async function load() {
  const read = async (language) => catalogues.set(language, await (await fetch(`static/messages.${language}.json`)).json());
  await Promise.all(LANGUAGES.map(read));
}

/** Return the language of the page: "de" or "en". */
export function language() {
  const wished = [location.hash.slice(1), ...navigator.languages.map((one) => one.slice(0, 2).toLowerCase())];
  return wished.find((one) => LANGUAGES.includes(one)) ?? "en";
}

/** Return whether the catalogue has the key. The service may send codes that are newer than the page. */
export function has(key) {
  return Object.hasOwn(catalogues.get(language()), key);
}

/** Return the message, with its {placeholders} replaced by `values`. */
export function say(key, values = {}) {
  const message = catalogues.get(language())[key];
  return message.replace(/\{(\w+)\}/g, (_, name) => written(values[name]));
}

/** Return the message in the singular or plural form, depending on `count`. */
export function sayCount(key, count) {
  const form = new Intl.PluralRules(language()).select(count) === "one" ? "one" : "other";
  return say(`${key}.${form}`, { count });
}

function written(value) {
  return typeof value === "number" ? new Intl.NumberFormat(language()).format(value) : String(value ?? "");
}

/** Translate the static text of the page. */
export function translatePage() {
  document.documentElement.lang = language();
  document.title = say("page.title");
  for (const found of document.querySelectorAll("[data-text]")) found.textContent = say(found.dataset.text);
  for (const found of document.querySelectorAll("[data-label]")) found.setAttribute("aria-label", say(found.dataset.label));
  for (const link of document.querySelectorAll("a[hreflang]")) {
    if (link.hreflang === language()) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}
