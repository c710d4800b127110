/**
 * Project Oak's `Evidence` and `Endorsements` messages, as far as SNP needs them: the root layer's report, and the certificate of
 * the TEE in the endorsements.
 * Source: project-oak/oak, proto/attestation/evidence.proto (Evidence.root_layer = 1, RootLayerEvidence.platform = 1,
 * .remote_attestation_report = 2) and endorsement.proto; Protocol Buffers encoding (varint and length-delimited fields).
 *
 * Not checked: Oak's DICE layers above the report, its event log and its software endorsements.
 */

import { SNP_REPORT_LENGTH } from './report.ts';

/** `TeePlatform.AMD_SEV_SNP`. */
const PLATFORM_SEV_SNP = 1;
const MAX_DEPTH = 6;

interface Field {
  readonly number: number;
  /** `null` for length-delimited fields. */
  readonly integer: number | null;
  /** Empty for varint fields. */
  readonly bytes: Uint8Array;
}

/** The report inside an Oak `Evidence` message, or `null` when `bytes` are something else. */
export function oakReport(bytes: Uint8Array): Uint8Array | null {
  const root = fieldsOf(bytes)?.find(({ number }) => number === 1);
  if (root === undefined) return null;
  const layer = fieldsOf(root.bytes);
  if (layer?.find(({ number }) => number === 1)?.integer !== PLATFORM_SEV_SNP) return null;
  const report = layer.find(({ number }) => number === 2)?.bytes;
  return report?.length === SNP_REPORT_LENGTH ? report : null;
}

/** DER certificates held anywhere inside an Oak `Endorsements` message; none when `bytes` are something else. */
export function oakCertificates(bytes: Uint8Array, depth = MAX_DEPTH): readonly Uint8Array[] {
  const fields = depth === 0 ? null : fieldsOf(bytes);
  if (fields === null) return [];
  return fields.flatMap((field) => {
    const { bytes: content } = field;
    if (field.integer !== null || content.length < 4) return [];
    const isDer =
      content[0] === 0x30 && content[1] === 0x82 && content.length === 4 + (content[2] ?? 0) * 256 + (content[3] ?? 0);
    return isDer ? [content] : oakCertificates(content, depth - 1);
  });
}

/** Fields of a message of varints and length-delimited fields only; `null` when `bytes` are no such message. */
function fieldsOf(bytes: Uint8Array): readonly Field[] | null {
  const fields: Field[] = [];
  let offset = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[offset++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (offset < bytes.length) {
    const key = varint();
    if (key === null || key < 8) return null;
    const number = Math.floor(key / 8);
    const value = varint();
    if (value === null) return null;
    if (key % 8 === 0) fields.push({ number, integer: value, bytes: new Uint8Array(0) });
    else if (key % 8 === 2) {
      if (value > bytes.length - offset) return null;
      fields.push({ number, integer: null, bytes: bytes.subarray(offset, offset + value) });
      offset += value;
    } else return null;
  }
  return fields;
}
