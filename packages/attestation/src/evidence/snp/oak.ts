/**
 * Project Oak's `Evidence` and `Endorsements` messages, as far as SNP needs them: the root layer's report, and the certificate of
 * the TEE in the endorsements.
 * Source: project-oak/oak, proto/attestation/evidence.proto (Evidence.root_layer = 1, RootLayerEvidence.platform = 1,
 * .remote_attestation_report = 2) and endorsement.proto.
 *
 * Not checked: Oak's DICE layers above the report, its event log and its software endorsements.
 */

import { protobufFields } from '../carriers/protobuf.ts';
import { SNP_REPORT_LENGTH } from './report.ts';

/** `TeePlatform.AMD_SEV_SNP`. */
const PLATFORM_SEV_SNP = 1n;
const MAX_DEPTH = 6;

/** The report inside an Oak `Evidence` message, or `null` when `bytes` are something else. */
export function oakReport(bytes: Uint8Array): Uint8Array | null {
  const root = protobufFields(bytes)?.find(({ number }) => number === 1);
  if (root === undefined) return null;
  const layer = protobufFields(root.bytes);
  if (layer?.find(({ number }) => number === 1)?.integer !== PLATFORM_SEV_SNP) return null;
  const report = layer.find(({ number }) => number === 2)?.bytes;
  return report?.length === SNP_REPORT_LENGTH ? report : null;
}

/** DER certificates held anywhere inside an Oak `Endorsements` message; none when `bytes` are something else. */
export function oakCertificates(bytes: Uint8Array, depth = MAX_DEPTH): readonly Uint8Array[] {
  const fields = depth === 0 ? null : protobufFields(bytes);
  if (fields === null) return [];
  return fields.flatMap((field) => {
    const { bytes: content } = field;
    if (field.integer !== null || content.length < 4) return [];
    const isDer =
      content[0] === 0x30 && content[1] === 0x82 && content.length === 4 + (content[2] ?? 0) * 256 + (content[3] ?? 0);
    return isDer ? [content] : oakCertificates(content, depth - 1);
  });
}
