/**
 * Proofs that an entry is in the log: the C2SP `tlog-proof@v1` text, and {@link LogProof}, which adds what ties the entry to a
 * receipt. Format: spec/log.md §5.
 */

import { decodeBase64, encodeBase64 } from '@assay/encoding/base64';
import { ReceiptError } from './errors.ts';

/** What ties one receipt to the log. JSON-safe. */
export interface LogProof {
  /** Zero-based index of the entry. */
  readonly index: number;
  /** The entry itself: the canonical text of the leaf. */
  readonly leaf: string;
  /** Lower-case hex, 32 bytes: opens the leaf's commitment to the receipt. */
  readonly salt: string;
  /** `c2sp.org/tlog-proof@v1` text: index, inclusion path and signed checkpoint. */
  readonly proof: string;
}

export interface InclusionText {
  readonly index: number;
  readonly path: readonly Uint8Array[];
  /** The checkpoint's note, verbatim. */
  readonly checkpoint: string;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
const MAX_PATH = 63;

/**
 * The `tlog-proof@v1` text, without `extra`. The path may be given as its lines of base64.
 * @example const proof = formatInclusion({ index: 3, path, checkpoint: note })
 */
export function formatInclusion(
  inclusion: Omit<InclusionText, 'path'> & { readonly path: readonly Uint8Array[] | string },
): string {
  const path =
    typeof inclusion.path === 'string' ? inclusion.path : inclusion.path.map((hash) => `${encodeBase64(hash)}\n`).join('');
  return `${HEADER}\nindex ${inclusion.index}\n${path}\n${inclusion.checkpoint}`;
}

/**
 * Reads a `tlog-proof@v1` text. `extra`, which nothing authenticates, is refused.
 * @throws {ReceiptError} `proof/malformed`.
 * @example const { index, checkpoint } = parseInclusion(logProof.proof)
 */
export function parseInclusion(text: string): InclusionText {
  const malformed = (why: string, cause?: unknown) =>
    new ReceiptError('proof/malformed', `log proof refused: ${why}`, { cause });
  const split = text.indexOf('\n\n');
  const [header, indexLine = '', ...lines] = text.slice(0, Math.max(split, 0)).split('\n');
  if (header !== HEADER) throw malformed(`expected ${HEADER} on the first line`);
  const [, digits] = /^index (0|[1-9][0-9]{0,15})$/.exec(indexLine) ?? [];
  const index = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(index)) throw malformed('expected "index <decimal>" on the second line');
  if (lines.length > MAX_PATH) throw malformed(`expected at most ${MAX_PATH} hashes`);
  try {
    const path = lines.map(decodeBase64);
    if (path.some((hash) => hash.length !== 32)) throw malformed('expected hashes of 32 bytes');
    return { index, path, checkpoint: text.slice(split + 2) };
  } catch (cause) {
    throw ReceiptError.is(cause) ? cause : malformed('expected hashes in standard base64', cause);
  }
}
