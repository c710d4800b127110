/**
 * Sorts companion files into endorsements by what is inside them, never by their names, in any order: certificates and CRLs (PEM,
 * DER, hex, base64), Intel collateral in the field names of every known tool, PCS responses, RIMs, OCSP responses, key sets, dstack
 * files. What nothing here knows is kept as JSON or bytes for the verifier that does.
 *
 * Not checked here: anything about trust. Every verifier authenticates what it takes out.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import type { Endorsement, Endorsements } from '../model/endorsements.ts';
import { unpackCollateral } from './collateral-pack.ts';
import { classifyDer } from './endorsement-der.ts';
import { classifyJson } from './endorsement-json.ts';
import { binaryOfText, pemBlocks, plainText } from './endorsement-text.ts';

export interface EndorsementFile {
  /** For people and for verifiers that match companions by name; `null` when it has none. */
  readonly name: string | null;
  readonly bytes: Uint8Array;
}

/** More than any genuine companion set; the rest is left out, so that work stays bounded. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_FILES = 1024;
/** Issuer chains in headers take about 4 KiB each, bytes. */
const MAX_HEADERS = 1 << 16;
/** `HTTP/`. */
const HTTP = Uint8Array.of(0x48, 0x54, 0x54, 0x50, 0x2f);

/**
 * @param files in any order; a file can hold several pieces (a PEM chain, a collateral document).
 * @returns the pieces, exact bytes where signatures cover them. Certificates without an issuer chain of their own in PCS responses
 * are offered to every response that lacks one.
 * @example
 * const endorsements = collectEndorsements([{ name: 'tcb.json', bytes }, { name: 'chain.pem', bytes: pem }]);
 */
export function collectEndorsements(files: readonly EndorsementFile[]): Endorsements {
  const found = files
    .slice(0, MAX_FILES)
    .flatMap(({ name, bytes }) => (bytes.length > MAX_FILE_BYTES ? [] : classify(name, bytes)));
  const certificates = found.flatMap((item) => (item.kind === 'certificate' ? [item.der] : []));
  return found.map((item) =>
    (item.kind === 'tcb-info' || item.kind === 'enclave-identity') && item.issuerChain.length === 0
      ? { ...item, issuerChain: certificates }
      : item,
  );
}

function classify(name: string | null, bytes: Uint8Array, nested = false): readonly Endorsement[] {
  const der = classifyDer(bytes);
  if (der !== null) return der;
  const answer = nested ? null : splitHttp(bytes);
  if (answer !== null) return answer.flatMap((part) => classify(name, part, true));
  const text = textOf(bytes);
  if (text === null) return [{ kind: 'bytes', name, bytes }];
  const trimmed = text.trim();
  const packed = nested ? null : unpackCollateral(trimmed);
  if (packed !== null) return packed.flatMap((file) => classify(file.name, file.bytes, true));
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) {
    const json = classifyJson(name, text, bytes);
    if (json !== null) return json;
  }
  if (trimmed.startsWith('<'))
    return trimmed.includes('SoftwareIdentity') ? [{ kind: 'rim', xml: bytes }] : [{ kind: 'bytes', name, bytes }];
  const blocks = pemBlocks(plainText(trimmed));
  if (blocks !== null) return blocks.flatMap((block) => classifyDer(block) ?? [{ kind: 'bytes', name, bytes: block }]);
  const binary = binaryOfText(trimmed);
  if (binary === null || binary.length >= bytes.length) return [{ kind: 'bytes', name, bytes }];
  const inner = classify(name, binary, true);
  // A text that decodes to nothing known is more likely text than an encoding: keep it as it came.
  return inner.every(({ kind }) => kind === 'bytes') ? [{ kind: 'bytes', name, bytes }] : inner;
}

/** Headers and body of an HTTP answer saved whole, as `curl -i` writes it; `null` for anything else. */
function splitHttp(bytes: Uint8Array): readonly Uint8Array[] | null {
  if (!HTTP.every((byte, index) => bytes[index] === byte)) return null;
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, MAX_HEADERS));
  const end = /\r?\n\r?\n/.exec(head);
  return end === null ? null : [bytes.subarray(0, end.index), bytes.subarray(end.index + end[0].length)];
}

function textOf(bytes: Uint8Array): string | null {
  try {
    const text = decodeUtf8(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
