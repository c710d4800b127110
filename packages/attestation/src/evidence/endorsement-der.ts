/** Tells DER companions apart by shape alone: certificates and CRLs (RFC 5280 §4.1, §5.1), OCSP responses (RFC 6960 §4.2.1). */

import { DER_TAG, type DerElement, readDer } from '@assay/encoding/der';
import type { Endorsement } from '../model/endorsements.ts';

/** One file can hold a chain of concatenated certificates; more than this is no chain. */
const MAX_ELEMENTS = 64;

/** The pieces in `bytes`, `null` when they are not (only) DER of a known shape. */
export function classifyDer(bytes: Uint8Array): readonly Endorsement[] | null {
  if (bytes[0] !== DER_TAG.sequence) return null;
  const found: Endorsement[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = elementLength(bytes.subarray(offset));
    if (length === null || found.length >= MAX_ELEMENTS) return null;
    const piece = classifyOne(bytes.subarray(offset, offset + length));
    if (piece === null) return null;
    found.push(piece);
    offset += length;
  }
  return found;
}

function classifyOne(der: Uint8Array): Endorsement | null {
  try {
    const [first, second, third] = readDer(der).children();
    if (first?.tag === DER_TAG.enumerated) return { kind: 'ocsp', der };
    if (first?.tag !== DER_TAG.sequence || second?.tag !== DER_TAG.sequence || third?.tag !== DER_TAG.bitString) return null;
    return isRevocationList(first) ? { kind: 'crl', der } : { kind: 'certificate', der };
  } catch {
    return null;
  }
}

/** A TBSCertList has a time where a TBSCertificate has the validity sequence. */
function isRevocationList(tbs: DerElement): boolean {
  return tbs.children().some(({ tag }) => tag === DER_TAG.utcTime || tag === DER_TAG.generalizedTime);
}

/** Length of the first element with its header, `null` when it does not fit. */
function elementLength(bytes: Uint8Array): number | null {
  const first = bytes[1];
  if (first === undefined) return null;
  if (first < 0x80) return first + 2 <= bytes.length ? first + 2 : null;
  const count = first & 0x7f;
  if (count === 0 || count > 4 || bytes.length < 2 + count) return null;
  const content = bytes.subarray(2, 2 + count).reduce((length, byte) => length * 256 + byte, 0);
  return 2 + count + content <= bytes.length ? 2 + count + content : null;
}
