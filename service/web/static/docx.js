/** Docx: the outputs as a Word document. */

import { escaped } from "./formats.js";
import { zipped } from "./zip.js";

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
// These XML namespaces look like addresses, but no program fetches them.
const SCHEME = "http";
const PACKAGE = `${SCHEME}://schemas.openxmlformats.org/package/2006`;
const OFFICE = `${SCHEME}://schemas.openxmlformats.org/officeDocument/2006/relationships`;
const WORD = `${SCHEME}://schemas.openxmlformats.org/wordprocessingml/2006/main`;
const MEDIA = "application/vnd.openxmlformats-officedocument.wordprocessingml";
const LANGUAGES = { de: "de-DE", en: "en-GB" };

/** Return the parts (see `partsOf`) as the bytes of a Word document. */
export function wordDocument(parts) {
  const lines = parts.flatMap(({ title, lang, paragraphs, label }) => [
    paragraph(title, lang, "Heading2"),
    ...paragraphs.map((text) => paragraph(text, lang)),
    ...(label ? [paragraph(label, lang)] : []),
  ]);
  return zipped({
    "[Content_Types].xml": `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${MEDIA}.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="${MEDIA}.styles+xml"/></Types>`,
    "_rels/.rels": relations([["officeDocument", "word/document.xml"]]),
    "word/_rels/document.xml.rels": relations([["styles", "styles.xml"]]),
    "word/styles.xml": `${HEAD}<w:styles xmlns:w="${WORD}"><w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/><w:pPr><w:spacing w:before="240" w:after="120"/><w:outlineLvl w:val="1"/></w:pPr><w:rPr><w:b/><w:sz w:val="28"/></w:rPr></w:style></w:styles>`,
    "word/document.xml": `${HEAD}<w:document xmlns:w="${WORD}"><w:body>${lines.join("")}</w:body></w:document>`,
  });
}

function relations(targets) {
  const lines = targets.map(([type, target], number) => `<Relationship Id="r${number + 1}" Type="${OFFICE}/${type}" Target="${target}"/>`);
  return `${HEAD}<Relationships xmlns="${PACKAGE}/relationships">${lines.join("")}</Relationships>`;
}

function paragraph(text, lang, style = "") {
  const properties = style ? `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>` : '<w:pPr><w:spacing w:after="160"/></w:pPr>';
  return `<w:p>${properties}<w:r><w:rPr><w:lang w:val="${LANGUAGES[lang]}"/></w:rPr><w:t xml:space="preserve">${escaped(text)}</w:t></w:r></w:p>`;
}
