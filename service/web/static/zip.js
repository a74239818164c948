/** Zip: an archive of small files, without compression (APPNOTE.TXT 6.3, method 0). */

const UTF8_NAMES = 0x0800;
const MIDNIGHT_1980 = 0x00210000; // the earliest date of the format, so that the archive does not reveal when the editor worked

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Return the CRC-32 of bytes. */
export function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** Return the bytes of an archive. `files` maps names to texts. */
export function zipped(files) {
  const encoder = new TextEncoder();
  const [locals, centrals] = [[], []];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const [title, content] = [encoder.encode(name), encoder.encode(text)];
    const common = [[2, UTF8_NAMES], [2, 0], [4, MIDNIGHT_1980], [4, crc32(content)], [4, content.length], [4, content.length], [2, title.length], [2, 0]];
    locals.push(packed([[4, 0x04034b50], [2, 20], ...common]), title, content);
    centrals.push(packed([[4, 0x02014b50], [2, 20], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), title);
    offset += 30 + title.length + content.length;
  }
  const count = Object.keys(files).length;
  const size = centrals.reduce((sum, part) => sum + part.length, 0);
  const end = packed([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]]);
  return joined([...locals, ...centrals, end]);
}

function packed(fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
