/**
 * Reads measurements and signature out of the agent's own evidence, for the `attestation` member of answers. Parsed, not verified:
 * the party that receives an answer verifies the evidence itself, which travels with it.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { decodeCbor } from '@assay/encoding/cbor';
import { parseCoseSign1 } from '@assay/encoding/cose';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { AttesterEvidence } from '../ports/attester.ts';

export interface EvidenceFacts {
  /** `aws_nitro`, `intel_tdx`, …, or `simulated`. Never the name of a TEE that did not sign. */
  readonly type: string;
  /** Name → lower-case hex. */
  readonly measurements: Readonly<Record<string, string>>;
  /** The hardware's signature over the evidence; `null` members when the format has none that can be cut out. */
  readonly signature: { readonly algorithm: string | null; readonly value: string | null; readonly covers: string };
}

const COVERS = 'the evidence in report.attestation.evidence, which binds workload_keyset_digest and nonce';

/** The facts in a piece of evidence. Unknown formats give empty ones. */
export function factsOf(evidence: AttesterEvidence, simulated: boolean): EvidenceFacts {
  const facts = read(evidence);
  return simulated ? { ...facts, type: 'simulated' } : facts;
}

function read({ evidenceType, evidence }: AttesterEvidence): EvidenceFacts {
  switch (evidenceType) {
    case 'nitro':
      return nitro(bytesOf(evidence.document));
    case 'tdx':
    case 'dstack':
      return tdx(bytesOf(evidence.quote));
    case 'sgx':
      return sgx(bytesOf(evidence.quote));
    case 'sev-snp':
      return snp(bytesOf(evidence.report));
    case 'vendor-commitment':
      return commitment(evidence);
    default:
      return {
        type: evidenceType.replaceAll('-', '_'),
        measurements: {},
        signature: { algorithm: null, value: null, covers: COVERS },
      };
  }
}

/** AWS Nitro attestation document: COSE_Sign1 over a CBOR map with `pcrs`. */
function nitro(document: Uint8Array): EvidenceFacts {
  const { payload, signature } = parseCoseSign1(document);
  const content = decodeCbor(payload);
  const pcrs = content instanceof Map ? content.get('pcrs') : null;
  const measurements: Record<string, string> = {};
  if (pcrs instanceof Map) {
    for (const [index, value] of pcrs) {
      if (value instanceof Uint8Array && value.some((byte) => byte !== 0))
        measurements[`pcr${String(index)}`] = encodeHex(value);
    }
  }
  return { type: 'aws_nitro', measurements, signature: { algorithm: 'ES384', value: encodeHex(signature), covers: COVERS } };
}

/** Intel TDX quote v4: header 48 bytes, TD report body 584, signature after a 4-byte length. */
function tdx(quote: Uint8Array): EvidenceFacts {
  const at = (offset: number, length: number): string => encodeHex(quote.subarray(offset, offset + length));
  const measurements = { mrtd: at(184, 48), rtmr0: at(376, 48), rtmr1: at(424, 48), rtmr2: at(472, 48), rtmr3: at(520, 48) };
  return { type: 'intel_tdx', measurements, signature: { algorithm: 'ES256', value: at(636, 64), covers: COVERS } };
}

/** Intel SGX quote v3: header 48 bytes, report body 384, signature after a 4-byte length. */
function sgx(quote: Uint8Array): EvidenceFacts {
  const at = (offset: number, length: number): string => encodeHex(quote.subarray(offset, offset + length));
  return {
    type: 'intel_sgx',
    measurements: { mrenclave: at(112, 32), mrsigner: at(176, 32) },
    signature: { algorithm: 'ES256', value: at(436, 64), covers: COVERS },
  };
}

/** AMD SEV-SNP report: measurement at 0x90, signature (r and s, little-endian, 72 bytes each) at 0x2a0. */
function snp(report: Uint8Array): EvidenceFacts {
  const at = (offset: number, length: number): string => encodeHex(report.subarray(offset, offset + length));
  return {
    type: 'amd_sev_snp',
    measurements: { measurement: at(0x90, 48) },
    signature: { algorithm: 'ES384', value: at(0x2a0, 144), covers: COVERS },
  };
}

/** A vendor's signed promise (spec/vendor-commitment.md). */
function commitment({ algorithm, measurements, signature }: AttesterEvidence['evidence']): EvidenceFacts {
  return {
    type: 'vendor',
    measurements: typeof measurements === 'object' && measurements !== null ? (measurements as Record<string, string>) : {},
    signature: { algorithm: String(algorithm), value: String(signature), covers: COVERS },
  };
}

/** Evidence carries bytes as base64, quotes also as bare hex as dstack writes them. */
function bytesOf(value: unknown): Uint8Array {
  if (typeof value !== 'string') return new Uint8Array(0);
  return /^(?:[0-9a-f]{2})+$/.test(value) ? decodeHex(value) : decodeBase64(value);
}
