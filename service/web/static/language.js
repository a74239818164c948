/** Language: the language of the page, chosen by the URL's hash or the browser, and its messages. */

const LANGUAGES = ["de", "en"];
const catalogues = new Map();

/** Load both catalogues, so that a switch needs no request. */
export async function load() {
  const read = async (language) => catalogues.set(language, await (await fetch(`static/messages.${language}.json`)).json());
  await Promise.all(LANGUAGES.map(read));
}

/** "de" or "en". */
export function language() {
  const wished = [location.hash.slice(1), ...navigator.languages.map((one) => one.slice(0, 2).toLowerCase())];
  return wished.find((one) => LANGUAGES.includes(one)) ?? "en";
}

/** Whether the catalogue has the key. Codes of the service may be newer than the page. */
export function has(key) {
  return Object.hasOwn(catalogues.get(language()), key);
}

/** The message with its {places} filled. */
export function say(key, values = {}) {
  const message = catalogues.get(language())[key];
  return message.replace(/\{(\w+)\}/g, (_, name) => written(values[name]));
}

/** The message in the plural form for a number. */
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
