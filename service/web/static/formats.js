/** Formats: the outputs as plain text and as an HTML page. */

import { say } from "./language.js";

/** Return the outputs as a list of {title, lang, paragraphs, label}. `label` states the origin of a text, or is "". */
export function partsOf(answer) {
  const { summary, summary_translation: english, translation, headlines, article } = answer;
  const label = (output, lang) => answer.reviewed?.[output]?.label?.[lang] ?? "";
  const parts = [
    Array.isArray(headlines) && headlines.length > 0 ? part("headlines.title", "de", headlines.map((one) => one.text)) : null,
    summary?.text ? part("summary.title", "de", paragraphs(summary.text)) : null,
    english?.text ? part("summary.title.en", "en", paragraphs(english.text)) : null,
    translation?.text
      ? part("translation.title", "en", [translation.headline, translation.lead, ...paragraphs(translation.text)].filter(Boolean), label("translation", "en"))
      : null,
    article?.body ? part("article.title", "de", [article.headline, article.lead, ...paragraphs(article.body)].filter(Boolean)) : null,
  ];
  return parts.filter((one) => one !== null);
}

function part(title, lang, paragraphs, label = "") {
  return { title: say(title), lang, paragraphs, label };
}

function paragraphs(text) {
  return text.split(/\n+/).filter((line) => line.trim() !== "");
}

/** Return the parts as plain text. */
export function textOf(parts) {
  return `${parts.map(({ title, paragraphs, label }) => [title, ...paragraphs, label].filter(Boolean).join("\n\n")).join("\n\n\n")}\n`;
}

/** Return the parts as an HTML page. */
export function pageOf(parts) {
  const page = document.implementation.createHTMLDocument("Depesche");
  const add = (name, text, lang) => {
    const made = page.createElement(name);
    made.textContent = text;
    if (lang) made.lang = lang;
    page.body.append(made);
  };
  const encoding = page.createElement("meta");
  encoding.setAttribute("charset", "utf-8");
  page.head.prepend(encoding);
  for (const { title, lang, paragraphs, label } of parts) {
    add("h2", title);
    for (const text of paragraphs) add("p", text, lang);
    if (label) add("p", label, lang);
  }
  return `<!doctype html>\n${new XMLSerializer().serializeToString(page.documentElement)}\n`;
}

/** Escape the characters of a text that have a meaning in XML, and remove control characters that XML forbids. */
export function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (sign) => names[sign]);
}
