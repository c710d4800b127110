/**
 * Certification data types 1 to 3: what a quote says of its PCK certificate instead of carrying it.
 *   1  PPID (16 bytes) ‖ CPUSVN (16) ‖ PCESVN (2) ‖ PCEID (2)
 *   2  the same with the PPID encrypted to Intel under RSA-2048 (256 bytes)
 *   3  the same under RSA-3072 (384 bytes)
 * Source: Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4, "QE Certification Data". Not checked here: anything but length.
 */

import { ByteReader } from '@assay/encoding/reader';
import type { CertificationData } from './quote.ts';

export interface CertificationId {
  /** 16 bytes; `null` where it is encrypted. */
  readonly ppid: Uint8Array | null;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  readonly pceSvn: number;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
}

/** Length of the PPID as it stands in each type, bytes. */
const PPID_LENGTHS: ReadonlyMap<number, number> = new Map([
  [1, 16],
  [2, 256],
  [3, 384],
]);
const REST_LENGTH = 16 + 2 + 2;

/** @returns `null` for other types, and for data of another length: then nothing narrows the search. */
export function certificationId({ type, data }: CertificationData): CertificationId | null {
  const ppidLength = PPID_LENGTHS.get(type);
  if (ppidLength === undefined || data.length !== ppidLength + REST_LENGTH) return null;
  const reader = new ByteReader(data, 'certification data');
  const ppid = reader.bytes(ppidLength);
  return { ppid: type === 1 ? ppid : null, cpuSvn: reader.bytes(16), pceSvn: reader.u16le(), pceId: reader.bytes(2) };
}
