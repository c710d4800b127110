/** The hash over an answer as receipts state it (spec/receipt.md §2, `response.returned`). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { sha256Hex } from './digest.ts';

/** Members that carry the answer's own receipt or proof, which no receipt can hash. */
const UNHASHED: ReadonlySet<string> = new Set(['receipt', 'proof', 'log_proof', 'bundle']);

/** `sha256:` and hex over the bytes of an answer. */
export async function bytesDigest(bytes: Uint8Array): Promise<string> {
  return `sha256:${await sha256Hex(bytes)}`;
}

/** The digest in the form `jcs-without-receipt`: canonical JSON without the members that hold receipt and proof. */
export function answerDigest(answer: JsonObject): Promise<string> {
  return bytesDigest(utf8(canonicalJson(Object.fromEntries(Object.entries(answer).filter(([name]) => !UNHASHED.has(name))))));
}
