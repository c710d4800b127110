/**
 * Tinfoil's version 3 as its enclaves write it since summer 2026 (tinfoilsh/cvmimage, tinfoil/internal/attestation): keys and device evidence travel as
 * two base64 sections, whose exact bytes the report data commits to: SHA256(algorithm name ‖ nonce ‖ SHA256(keys) ‖ SHA256(devices)). The
 * older form of the same version names keys and GPU evidence as members; `format` is the same.
 *
 * Not checked here: anything but shape. Of the collateral in the document the certificate of AMD's chip key is taken along; the rest is not read.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { decodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { AttestationError } from '../../errors.ts';
import { objectOf, quoteWithLog } from '../dstack/evidence-file.ts';
import { nvidiaEvidenceOfJson } from '../nvidia/evidence-file.ts';
import { reading } from '../reading.ts';
import type { CombinedNode, CombinedReport } from './combined-report.ts';

/** Also the label that goes into the hash. */
export const TINFOIL_REPORT_DATA = 'https://tinfoil.sh/report-data/v1';
const PLATFORMS: Readonly<Record<string, 'tdx' | 'sev-snp'>> = {
  'https://tinfoil.sh/format/tdx-quote/v1': 'tdx',
  'https://tinfoil.sh/format/sev-snp-report/v1': 'sev-snp',
};
const KEYS = 'https://tinfoil.sh/crypto-material/v1';
const DEVICES = 'https://tinfoil.sh/device-evidence/v1';
const TLS_KEY = 'https://tinfoil.sh/key/spki-fp-sha256/v1';
const HPKE_KEY = 'https://tinfoil.sh/key/x25519-hpke/v1';
const GPU = 'https://tinfoil.sh/format/nvidia-gpu-evidence/v1';
const VCEK = 'https://tinfoil.sh/collateral/amd-vcek/v1';

/**
 * The report in a document with sections, `null` for the older form.
 * @throws {AttestationError} `combined/malformed`, `nvidia/evidence-malformed`.
 */
export function tinfoilSections(json: JsonObject): CombinedReport | null {
  const challenge = objectOf(json.challenge);
  if (challenge === null) return null;
  if (challenge.report_data_algorithm !== TINFOIL_REPORT_DATA)
    throw malformed(`expected report data of ${TINFOIL_REPORT_DATA}, got ${String(challenge.report_data_algorithm)}`);
  const cpu = objectOf(json.cpu_evidence);
  const platform = PLATFORMS[String(cpu?.format)];
  if (cpu === null || platform === undefined)
    throw malformed(`expected a tdx quote or an snp report, got ${String(cpu?.format)}`);
  const [keyBytes, deviceBytes] = [section(json, 'crypto_material'), section(json, 'device_evidence')];
  const keys = itemsOf(keyBytes, KEYS);
  const devices = itemsOf(deviceBytes, DEVICES);
  const gpus = devices.filter(({ format }) => format === GPU);
  const others = devices.filter(({ format }) => format !== GPU).map(({ format }) => String(format));
  const node: CombinedNode = {
    name: 'cpu',
    platform,
    compressed: false,
    evidence: {
      ...quoteWithLog({ quote: text(cpu, 'report_base64'), log: undefined, beside: [] }),
      certificates: platform === 'sev-snp' ? chipKeys(json.collateral) : [],
    },
    binding: {
      rule: 'tinfoil-sections',
      keys: keyBytes,
      devices: deviceBytes,
      hasGpus: gpus.length > 0,
      nonce: hex(text(challenge, 'nonce')),
      tlsFingerprint: keyOf(keys, 'tls', TLS_KEY),
      hpkeKey: keyOf(keys, 'hpke', HPKE_KEY),
    },
    gpus: gpus.length === 0 ? null : nvidiaEvidenceOfJson(gpus.map(({ evidence = null }) => evidence)),
    labels: {},
  };
  if (gpus.length > 0 && node.gpus === null)
    throw malformed('expected nvidia evidence in the device section, got something else');
  return { format: 'tinfoil', nodes: [node], unread: ['collateral', ...new Set(others)] };
}

function section(json: JsonObject, name: string): Uint8Array {
  return reading('combined/malformed', `section ${name}`, () => decodeBase64(text(json, name)));
}

function itemsOf(bytes: Uint8Array, format: string): readonly JsonObject[] {
  const json = reading('combined/malformed', `section ${format}`, () => parseJson(bytes));
  const { items } = objectOf(json) ?? {};
  if (
    objectOf(json)?.format !== format ||
    !Array.isArray(items) ||
    !(items as readonly Json[]).every((item) => objectOf(item) !== null)
  )
    throw malformed(`expected a section ${format} with a list of items`);
  const ids = (items as readonly JsonObject[]).map(({ id }) => id);
  if (ids.some((id) => typeof id !== 'string' || id === '') || new Set(ids).size !== ids.length)
    throw malformed(`expected items of ${format} with names of their own, got one without or twice`);
  return items as readonly JsonObject[];
}

/** 32 bytes. */
function keyOf(items: readonly JsonObject[], id: string, format: string): Uint8Array {
  const found = items.find((item) => item.id === id);
  if (found?.format !== format) throw malformed(`expected a key "${id}" of ${format}, got ${String(found?.format)}`);
  return hex(text(found, 'data'));
}

/** Certificates that came along; who signed them is checked where they are used. */
function chipKeys(collateral: Json | undefined): readonly Uint8Array[] {
  if (!Array.isArray(collateral)) return [];
  return (collateral as readonly Json[]).flatMap((entry) => {
    const found = objectOf(entry);
    const der = objectOf(found?.data)?.vcek_der_base64;
    if (found?.format !== VCEK || typeof der !== 'string') return [];
    return [reading('combined/malformed', 'vcek_der_base64', () => decodeBase64(der))];
  });
}

function hex(value: string): Uint8Array {
  return reading('combined/malformed', 'hex in the tinfoil document', () => decodeHex(value, { bytes: 32 }));
}

function text(from: JsonObject, member: string): string {
  const value = from[member];
  if (typeof value !== 'string' || value === '') throw malformed(`expected text in "${member}" of the tinfoil document`);
  return value;
}

function malformed(message: string): AttestationError {
  return new AttestationError('combined/malformed', message);
}
