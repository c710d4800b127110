/**
 * Evidence written as text in ways that every tool has: a byte order mark, quotation marks (a JSON string), a JSON list of numbers,
 * PEM-like armour of any label, a hex dump (`84:44:a1`, `0x84, 0x44`), a `data:` URI, or text encoded once more. One layer comes off
 * at a time. Plain hex and base64 are known to the readers themselves.
 * Not checked here: anything; the bytes that come out are judged like any file.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import { bytesOfJson, bytesOfText } from './reading.ts';

/** Longer text is not looked at, bytes. */
const MAX_FILE = 4 * 1024 * 1024;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const ARMOUR = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;
/** Labels of blocks that accompany evidence and are none. */
const COMPANION = /CERTIFICATE|X509|KEY/;
const DATA_URI = /^data:[a-z0-9.+/;=-]{0,80};base64,/i;

/** Layers of text that are taken off one file. */
const MAX_LAYERS = 4;

/**
 * `file` and what it holds under each of its layers of text, outermost first.
 * @example textLayers(file).find((layer) => looksLikeSnpReport(layer))
 */
export function textLayers(file: Uint8Array): readonly Uint8Array[] {
  const layers = [file];
  for (let inner = withoutArmour(file); inner !== null && layers.length < MAX_LAYERS; inner = withoutArmour(inner))
    layers.push(inner);
  return layers;
}

/**
 * What `file` holds under its outermost layer of text, or `null` when it has none of these.
 * @example withoutArmour(utf8('"hEShATgi…"')) // the bytes of the document
 */
export function withoutArmour(file: Uint8Array): Uint8Array | null {
  if (file.length === 0 || file.length > MAX_FILE) return null;
  if (BYTE_ORDER_MARK.every((byte, index) => file[index] === byte)) return file.subarray(BYTE_ORDER_MARK.length);
  if (file.some((byte) => byte > 0x7e)) return null;
  const text = new TextDecoder().decode(file).trim();
  switch (text[0]) {
    case '"':
    case '[':
      return ofJson(text);
    case "'":
      return text.length > 2 && text.endsWith("'") ? utf8(text.slice(1, -1)) : null;
    default:
      return ofArmour(text) ?? ofDump(text) ?? ofDataUri(text) ?? encodedTwice(file);
  }
}

function ofJson(text: string): Uint8Array | null {
  let json: Json;
  try {
    json = parseJson(text);
  } catch {
    return null;
  }
  return typeof json === 'string' ? utf8(json) : bytesOfJson(json);
}

/** The one block that is no certificate, list or key; text around it is explanation (RFC 7468 §2). */
function ofArmour(text: string): Uint8Array | null {
  if (!text.includes('-----BEGIN ')) return null;
  const blocks = [...text.matchAll(ARMOUR)].filter(([, label = '']) => !COMPANION.test(label));
  const [, , body] = blocks[0] ?? [];
  return body === undefined || blocks.length > 1 ? null : bytesOfText(utf8(body));
}

function ofDump(text: string): Uint8Array | null {
  if (!/[:,]/.test(text.slice(0, 8))) return null;
  const digits = text
    .replace(/^\{|\}$/g, '')
    .replace(/0x/gi, '')
    .replace(/[:,\s]+/g, ' ')
    .trim();
  return /^[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2})*$/.test(digits) ? bytesOfText(utf8(digits)) : null;
}

function ofDataUri(text: string): Uint8Array | null {
  const head = DATA_URI.exec(text)?.[0];
  return head === undefined ? null : bytesOfText(utf8(text.slice(head.length)));
}

/** Base64 or hex of text: another encoding, JSON, armour. */
function encodedTwice(file: Uint8Array): Uint8Array | null {
  const inner = bytesOfText(file);
  const isText = inner?.every((byte) => byte <= 0x7e && (byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d));
  return inner !== null && isText === true && inner.length > 0 ? inner : null;
}
