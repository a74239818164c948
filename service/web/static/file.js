/** File: reads a text file, a saved web page or a Word document from the user's machine. */

const MOST_MEGABYTES = 8;
const MOST_PAGE_CHARS = 3_000_000; // the service rejects larger bodies, so a larger page is sent as text
const WHOLE_PAGE = /<(?:!doctype\s+html|html|body)\b/i;
const BLOCKS = "p,div,h1,h2,h3,h4,h5,h6,li,ul,ol,dl,dt,dd,table,tr,blockquote,figure,figcaption,section,article,header,footer,nav,aside,main,form,address,pre,hr";
const NO_TEXT = "script,style,noscript,template,svg,iframe,object,head,select,button,textarea";

export { MOST_MEGABYTES };

export class TooLarge extends Error {}

/**
 * Return {text, document}. `text` is the visible text of the file, or "" for a Word document. `document` is what the
 * service reads instead of the text, because it finds the article there: the markup of a complete web page, or a Word
 * document as {format, content}. It is null for other files. Throws TooLarge.
 */
export async function read(file) {
  if (file.size > MOST_MEGABYTES * 1024 * 1024) throw new TooLarge(file.name);
  const bytes = await file.arrayBuffer();
  if (/\.docx$/i.test(file.name)) return { text: "", document: { format: "docx", content: base64(new Uint8Array(bytes)) } };
  const content = decoded(bytes);
  if (!/\.html?$/i.test(file.name) && file.type !== "text/html") return { text: content, document: null };
  const whole = WHOLE_PAGE.test(content) && content.length <= MOST_PAGE_CHARS;
  return { text: visibleText(content), document: whole ? content : null };
}

function base64(bytes) {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes); // the usual encoding of German files that are not UTF-8
  }
}

/** Return the text of a page, one block per line. Parsing the page does not run its scripts or load its files. */
export function visibleText(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const unread of page.querySelectorAll(NO_TEXT)) unread.remove();
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replace(/\s+/g, " ");
  for (const line of page.querySelectorAll("br")) line.replaceWith("\n");
  for (const block of page.querySelectorAll(BLOCKS)) {
    block.before("\n\n");
    block.after("\n\n");
  }
  return page.body.textContent.replace(/ *\n */g, "\n").replace(/\n{3,}/g, "\n\n").trim();
}
