/**
 * Signed notes (C2SP signed-note v1.0.0): text, an empty line, and signature lines `— <name> base64(key id || signature)`; and
 * verifier keys (`vkey`). Parsing proves nothing: checkpoint.ts verifies.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { concatBytes, equalBytes, utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { sha256 } from '@assay/encoding/sha256';
import { ReceiptError } from './errors.ts';

/** Signature types of the specification that Assay uses. */
export const ED25519_NOTE = 0x01;
export const ED25519_COSIGNATURE = 0x04;
export const ML_DSA_44_COSIGNATURE = 0x06;
export type NoteKeyType = typeof ED25519_NOTE | typeof ED25519_COSIGNATURE | typeof ML_DSA_44_COSIGNATURE;

const PUBLIC_KEY_BYTES: Readonly<Record<NoteKeyType, number>> = { 1: 32, 4: 32, 6: 1312 };
const MAX_NOTE_LENGTH = 256 * 1024;
const MAX_SIGNATURES = 64;
const KEY_NAME = /^[^\s+\p{Z}]+$/u;

export interface NoteSignature {
  readonly name: string;
  /** 4 bytes. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its final newline, without the empty line. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface VerifierKey {
  readonly name: string;
  readonly type: NoteKeyType;
  readonly keyId: Uint8Array;
  readonly publicKey: Uint8Array;
  /** The text it was read from. */
  readonly vkey: string;
}

/**
 * First four bytes of `SHA-256(name || 0x0A || type || public key)`.
 * @example noteKeyId('log.example', ED25519_NOTE, publicKey).length // 4
 */
export function noteKeyId(name: string, type: NoteKeyType, publicKey: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(type), publicKey)).slice(0, 4);
}

/**
 * The text of a verifier key: `name+hex(key id)+base64(type || public key)`.
 * @example parseVerifierKey(formatVerifierKey('log.example', ED25519_NOTE, publicKey)).name // 'log.example'
 */
export function formatVerifierKey(name: string, type: NoteKeyType, publicKey: Uint8Array): string {
  return `${name}+${encodeHex(noteKeyId(name, type, publicKey))}+${encodeBase64(concatBytes(Uint8Array.of(type), publicKey))}`;
}

/**
 * The key in a `vkey` text.
 * @throws {ReceiptError} `note/vkey-malformed`: wrong form, unknown type, a key of another length, a key id that is not the key's.
 * @example const { name, publicKey } = parseVerifierKey(vkey)
 */
export function parseVerifierKey(vkey: string): VerifierKey {
  const malformed = (why: string, cause?: unknown) =>
    new ReceiptError('note/vkey-malformed', `verifier key refused: ${why}`, { cause });
  const [name = '', id = '', encoded = ''] = vkey.split(/\+([0-9a-f]{8})\+(.*)$/s);
  if (!KEY_NAME.test(name) || id === '') throw malformed('expected name+8 hex+base64');
  let key: Uint8Array;
  try {
    key = decodeBase64(encoded);
  } catch (cause) {
    throw malformed('expected standard base64 after the key id', cause);
  }
  const type = key[0] as NoteKeyType;
  const publicKey = key.slice(1);
  if (PUBLIC_KEY_BYTES[type] === undefined) throw malformed('expected signature type 1, 4 or 6');
  if (publicKey.length !== PUBLIC_KEY_BYTES[type]) throw malformed(`expected ${PUBLIC_KEY_BYTES[type]} bytes of public key`);
  const keyId = decodeHex(id);
  if (!equalBytes(keyId, noteKeyId(name, type, publicKey))) throw malformed('the key id is not that of name and key');
  return { name, type, keyId, publicKey, vkey };
}

/**
 * A signature line, with its newline.
 * @example const note = `${checkpointText(origin, size, root)}\n${formatSignature(signature)}`
 */
export function formatSignature(signature: NoteSignature): string {
  return `— ${signature.name} ${encodeBase64(concatBytes(signature.keyId, signature.signature))}\n`;
}

/**
 * Text and signatures of a note.
 * @throws {ReceiptError} `note/malformed`: control characters, no signature, more than 64, a line of another form, bad base64.
 * @example const { text, signatures } = parseNote(note)
 */
export function parseNote(note: string): Note {
  const malformed = (why: string, cause?: unknown) =>
    new ReceiptError('note/malformed', `signed note refused: ${why}`, { cause });
  if (note.length > MAX_NOTE_LENGTH) throw malformed(`expected at most ${MAX_NOTE_LENGTH} characters`);
  if (hasControlCharacter(note)) throw malformed('expected no control characters besides newlines');
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw malformed('expected text, an empty line and signature lines');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`expected at most ${MAX_SIGNATURES} signatures`);
  const signatures = lines.map((line) => {
    const [, name, encoded] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
    if (name === undefined || encoded === undefined || !KEY_NAME.test(name)) throw malformed('expected lines "— name base64"');
    let bytes: Uint8Array;
    try {
      bytes = decodeBase64(encoded);
    } catch (cause) {
      throw malformed('expected standard base64 in a signature line', cause);
    }
    if (bytes.length < 5) throw malformed('expected a key id and a signature');
    return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
  });
  return { text: note.slice(0, split + 1), signatures };
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) return true;
  }
  return false;
}
