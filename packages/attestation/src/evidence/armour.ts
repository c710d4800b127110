/**
 * Evidence written in ways that every tool has: a byte order mark or UTF-16, quotation marks (a JSON string), a JSON list of numbers,
 * PEM-like armour of any label, hex dumps, literals of programming languages, Markdown fences, a `data:` URI, an HTTP answer with its
 * heads, a module's response, Protocol Buffers, or text encoded once more. One layer comes off at a time. Plain hex and base64 are known
 * to the readers themselves.
 * Not checked here: anything; the bytes that come out are verified like any file.
 */

import { utf8 } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import { pemTexts } from '@assay/encoding/pem';
import { fencedBlocks, httpAnswer, utf16Text } from './carriers/document-text.ts';
import { googleMessage } from './carriers/google-messages.ts';
import { bytesOfHexDump } from './carriers/hex-dump.ts';
import { kubernetesMembers } from './carriers/kubernetes.ts';
import { nsmDocument } from './carriers/nsm-response.ts';
import { bytesOfLiteral } from './carriers/source-literal.ts';
import { bytesOfJson, bytesOfText } from './reading.ts';

/** Longer text is not looked at, bytes. */
const MAX_FILE = 4 * 1024 * 1024;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** Labels of blocks that accompany evidence and are none. */
const COMPANION = /CERTIFICATE|X509|KEY/;
const DATA_URI = /^data:[a-z0-9.+/;=-]{0,80};base64,/i;

/** How deep layers are taken off, and how many pieces one file can have in all. */
const MAX_LAYERS = 4;
const MAX_PIECES = 12;

/**
 * `file` and what it holds under each of its layers of text, outermost first.
 * @throws {AttestationError} of a message that spells evidence out and lacks a part of it.
 * @example textLayers(file).find((layer) => looksLikeSnpReport(layer))
 */
export function textLayers(file: Uint8Array): readonly Uint8Array[] {
  const pieces = [file];
  let level: readonly Uint8Array[] = [file];
  for (let depth = 1; depth < MAX_LAYERS && level.length > 0; depth++) {
    level = level.flatMap(innerPieces).slice(0, MAX_PIECES - pieces.length);
    pieces.push(...level);
  }
  return pieces;
}

/**
 * What `file` holds under its outermost layer, the first piece of several; `null` when it has none of these.
 * @example withoutArmour(utf8('"hEShATgi…"')) // the bytes of the document
 */
export function withoutArmour(file: Uint8Array): Uint8Array | null {
  return innerPieces(file)[0] ?? null;
}

/** Markdown and Kubernetes' objects can hold several pieces; every other layer has one content. */
function innerPieces(file: Uint8Array): readonly Uint8Array[] {
  if (file.length === 0 || file.length > MAX_FILE) return [];
  if (isAscii(file) || file[0] === 0x60) {
    const text = new TextDecoder().decode(file);
    const fences = fencedBlocks(text);
    if (fences.length > 0) return fences.map(utf8);
    const members = kubernetesMembers(text);
    if (members.length > 0) return members;
  }
  const inner = contentOf(file);
  return inner === null ? [] : [inner];
}

function isAscii(file: Uint8Array): boolean {
  return file.every((byte) => byte <= 0x7e);
}

function contentOf(file: Uint8Array): Uint8Array | null {
  if (BYTE_ORDER_MARK.every((byte, index) => file[index] === byte)) return file.subarray(BYTE_ORDER_MARK.length);
  const answer = httpAnswer(file);
  if (answer !== null) return answer.body.length === 0 ? null : answer.body;
  const wide = utf16Text(file);
  if (wide !== null) return wide;
  if (!isAscii(file)) return nsmDocument(file) ?? googleMessage(file) ?? ofDumpWithText(file);
  const text = new TextDecoder().decode(file).trim();
  switch (text[0]) {
    case '"':
    case '[':
      return isJson(text) ? ofJson(text) : bytesOfLiteral(text);
    case "'":
      return text.length > 2 && text.endsWith("'") && !text.includes('\\') ? utf8(text.slice(1, -1)) : bytesOfLiteral(text);
    default:
      return ofArmour(text) ?? ofDump(text) ?? ofDataUri(text) ?? ofProgram(file, text) ?? encodedTwice(file);
  }
}

function jsonIn(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Members of JSON are found by name, never by trying every list of numbers. */
function isJson(text: string): boolean {
  return jsonIn(text) !== undefined;
}

function ofJson(text: string): Uint8Array | null {
  const json = jsonIn(text) ?? null;
  return typeof json === 'string' ? utf8(json) : bytesOfJson(json);
}

/** What programs print: dumps, messages spelled out, literals. */
function ofProgram(file: Uint8Array, text: string): Uint8Array | null {
  return bytesOfHexDump(text) ?? googleMessage(file) ?? (text.startsWith('{') && isJson(text) ? null : bytesOfLiteral(text));
}

/** PowerShell's `Format-Hex` prints the characters of the upper half beside the digits. */
function ofDumpWithText(file: Uint8Array): Uint8Array | null {
  const head = new TextDecoder().decode(file.subarray(0, 512));
  return head.includes('\n') && /^0{6,16}\b/m.test(head) ? bytesOfHexDump(new TextDecoder().decode(file)) : null;
}

/** The one block that is no certificate, list or key; text around it is explanation (RFC 7468 §2). */
function ofArmour(text: string): Uint8Array | null {
  if (!text.includes('-----BEGIN ')) return null;
  const [block, ...others] = pemTexts(text).filter(({ label }) => !COMPANION.test(label));
  return block === undefined || others.length > 0 ? null : bytesOfText(utf8(block.body));
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
