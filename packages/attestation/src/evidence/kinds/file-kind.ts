/**
 * The nearest guess at what a file is, for the error that says it is not what was asked for. A guess never decides anything: readers of
 * evidence and of companions have looked before.
 */

import { firstCharacter } from '@assay/encoding/bytes';
import { type Json, parseJson } from '@assay/encoding/json';
import { bytesOfText } from '../reading.ts';
import { BINARY_KINDS } from './binary-kinds.ts';
import type { FileKind, SeenFile } from './kind.ts';
import { TEXT_KINDS } from './text-kinds.ts';

/** For files of which nothing is known. */
const GIVE_WHAT_CAME = 'give the file as the TEE, or the service in it, handed it out';
const LOOKED_AT = 1 << 16; // bytes
const MAX_NAMES = 6;
/** How evidence begins: what such a file would be if it were whole. */
const BEGINNINGS: readonly (readonly [RegExp, string])[] = [
  [/^8444a1013822|^d28444a1013822/, 'an AWS Nitro document'],
  [/^0[345]000[23]00/, 'a DCAP quote'],
  [/^0[2-6]000000/, 'an SNP report'],
  [/^ff544347/, 'a TPM quote'],
  [/^11e[0-9a-f]/, 'NVIDIA evidence'],
  [/^48434c41/, "the report of Azure's paravisor"],
];

/**
 * @returns what the file looks like, with its size where nothing better is known, and what to do.
 * @example describeFile(signature).what // 'the signature of a TPM quote'
 */
export function describeFile(bytes: Uint8Array): FileKind {
  const file: SeenFile = { bytes, text: textOf(bytes) };
  const rules = file.text === null ? BINARY_KINDS : [...BINARY_KINDS.slice(0, 1), ...TEXT_KINDS];
  const known = rules.find((rule) => rule.is(file));
  if (known !== undefined) return { what: known.what, advice: known.advice };
  const json = file.text === null ? null : jsonNames(bytes);
  if (json !== null) return { what: json, advice: 'give the member that holds the evidence, as a file of its own' };
  const inner = file.text === null ? null : bytesOfText(bytes);
  if (inner !== null && inner.length > 16) {
    const { what, advice } = describeFile(inner);
    return { what: `${what}, in hex or base64`, advice };
  }
  if (file.text === null) return { what: beginning(bytes), advice: `capture it again, or ${GIVE_WHAT_CAME}` };
  return { what: `text that begins ${JSON.stringify(file.text.trim().slice(0, 40))}`, advice: GIVE_WHAT_CAME };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, LOOKED_AT), { stream: true });
    return isPrinted(text) ? text : null;
  } catch {
    return null;
  }
}

/** No control characters but those of lines and tabs. */
function isPrinted(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x7f || (code < 0x20 && (code < 0x09 || code > 0x0d))) return false;
  }
  return true;
}

function jsonNames(bytes: Uint8Array): string | null {
  const first = firstCharacter(bytes);
  if (first !== 0x7b && first !== 0x5b) return null;
  let json: Json;
  try {
    json = parseJson(bytes, { maxBytes: LOOKED_AT });
  } catch {
    return bytes.length > LOOKED_AT ? 'a long JSON document' : 'JSON that is broken or cut short';
  }
  if (Array.isArray(json)) return `a JSON list of ${json.length}`;
  const names = Object.keys(json as object);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return names.length === 0 ? 'an empty JSON object' : `JSON with the members ${names.slice(0, MAX_NAMES).join(', ')}${more}`;
}

function beginning(bytes: Uint8Array): string {
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const near = BEGINNINGS.find(([pattern]) => pattern.test(start))?.[1];
  const size = `${bytes.length} bytes that begin ${start}`;
  return near === undefined ? size : `${size}, like ${near} that is cut short or changed`;
}
