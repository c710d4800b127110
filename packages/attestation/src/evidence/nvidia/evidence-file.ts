/**
 * How NVIDIA evidence lies in files: request ‖ response as binary, hex or base64; or JSON: a list of
 * `{arch, certificate, evidence, nonce}` (attestation-sdk), one such object, `{nonce, evidence_list, arch}` (nvtrust, NRAS), or
 * `{device_evidence_list}` (CoCo), `{evidences, result_code, result_message}` (nvattest collect-evidence). `certificate` is base64 of a PEM chain (or the PEM itself), `evidence` base64 or hex of
 * request ‖ response.
 *
 * Not checked here: signatures, and whether `arch` and `nonce`, which anyone can write, say what the device says.
 */

import { decodeUtf8, firstCharacter, utf8 } from '@assay/encoding/bytes';
import type { Json, JsonObject } from '@assay/encoding/json';
import { decodePem } from '@assay/encoding/pem';
import { AttestationError } from '../../errors.ts';
import { bytesOfBase64, bytesOfText, jsonIn, reading } from '../reading.ts';
import { OPAQUE, type OpaqueFields, parseOpaque } from './opaque.ts';
import { looksLikeSpdm, parseSpdm, type SpdmEvidence } from './spdm.ts';

export type NvidiaKind = 'gpu' | 'switch';

export interface NvidiaDevice {
  readonly kind: NvidiaKind;
  readonly spdm: SpdmEvidence;
  readonly opaque: OpaqueFields;
  /** Certificates that came with it, DER, as ordered in the file; empty for bare measurements. */
  readonly certificates: readonly Uint8Array[];
  /** What the file says about it, upper case: `HOPPER`, `BLACKWELL`, `LS10`; `null` when it does not. */
  readonly declaredArchitecture: string | null;
  /** Lower-case hex; `null` when the file does not say. */
  readonly declaredNonce: string | null;
}

export interface NvidiaEvidence {
  /** At least one, in file order. */
  readonly devices: readonly NvidiaDevice[];
}

/** Evidence that holds a GPU is that of GPUs. */
export function nvidiaKindOf({ devices }: NvidiaEvidence): NvidiaKind {
  return devices.some(({ kind }) => kind === 'gpu') ? 'gpu' : 'switch';
}

/** Devices in one file; a rack has 72 GPUs. */
const MAX_DEVICES = 256;
/** Certificates of one device; the longest genuine chain has 6. */
const MAX_CERTIFICATES = 10;

/**
 * NVIDIA evidence in `file`, or `null` when the file holds something else.
 * @throws {AttestationError} `nvidia/spdm-malformed`, `nvidia/opaque-malformed`, `nvidia/evidence-malformed`.
 */
export function nvidiaEvidenceOf(file: Uint8Array): NvidiaEvidence | null {
  if (looksLikeSpdm(file)) return { devices: [deviceOf(file)] };
  const first = firstCharacter(file);
  if (first === 0x7b || first === 0x5b) {
    const value = jsonIn(file);
    return value === undefined ? null : nvidiaEvidenceOfJson(value);
  }
  const bytes = bytesOfText(file);
  return bytes !== null && looksLikeSpdm(bytes) ? { devices: [deviceOf(bytes)] } : null;
}

/**
 * The same for JSON that is parsed already, e.g. a part of a combined report.
 * @throws {AttestationError} `nvidia/evidence-malformed`.
 * @example const evidence = nvidiaEvidenceOfJson(parseJson(bytes))
 */
export function nvidiaEvidenceOfJson(value: Json): NvidiaEvidence | null {
  const named = isObject(value) ? listsIn(value) : [];
  const shared = isObject(value) && named.length > 0 ? value : null;
  const list = (shared !== null ? named.flat() : Array.isArray(value) ? value : [value]) as readonly Json[];
  if (shared !== null && list.length === 0) refuseFailedCollection(shared);
  if (list.length === 0 || !list.every((entry) => isObject(entry) && 'evidence' in entry && 'certificate' in entry))
    return null;
  if (list.length > MAX_DEVICES) throw malformed(`expected at most ${MAX_DEVICES} devices, got ${list.length}`);
  return { devices: (list as readonly JsonObject[]).map((entry) => listedDevice(entry, shared)) };
}

/** What tools call their list, in the spelling of each; `nvattest` has one for GPUs and one for switches. */
const LIST_NAMES = [
  ...['evidence_list', 'device_evidence_list', 'evidences', 'evidenceList', 'deviceEvidenceList'],
  ...['gpu_evidences', 'gpu_evidence', 'gpu_evidence_list', 'switch_evidences', 'switch_evidence', 'switch_evidence_list'],
];

/** `evidences` can hold one list, or one for each kind of device. */
function listsIn(value: JsonObject): readonly (readonly Json[])[] {
  return LIST_NAMES.flatMap((name) => {
    const member = value[name];
    if (Array.isArray(member)) return [member as readonly Json[]];
    return isObject(member)
      ? Object.values(member).flatMap((each) => (Array.isArray(each) ? [each as readonly Json[]] : []))
      : [];
  });
}

/** `nvattest` writes its result code into the file, also when it collected nothing. */
function refuseFailedCollection({ result_code: code, result_message: message }: JsonObject): void {
  if (typeof code !== 'number' || code === 0) return;
  throw malformed(
    `expected evidence of devices, got a collection that failed with code ${code} (${String(message)}); collect the evidence again`,
  );
}

function listedDevice(entry: JsonObject, shared: JsonObject | null): NvidiaDevice {
  const bytes = bytesOfText(utf8(textOf(entry, 'evidence')));
  if (bytes === null) throw malformed('expected base64 or hex in "evidence", got other text');
  const certificate = textOf(entry, 'certificate');
  const certificates = reading('nvidia/evidence-malformed', 'certificate chain', () => chainOf(certificate));
  if (certificates.length > MAX_CERTIFICATES)
    throw malformed(`expected at most ${MAX_CERTIFICATES} certificates in the chain of a device, got ${certificates.length}`);
  return deviceOf(bytes, {
    certificates,
    declaredArchitecture: optionalText(entry, 'arch') ?? optionalText(shared, 'arch'),
    declaredNonce: optionalText(entry, 'nonce') ?? optionalText(shared, 'nonce'),
  });
}

function chainOf(text: string): readonly Uint8Array[] {
  const pem = text.includes('-----BEGIN') ? text : decodeUtf8(bytesOfBase64(text.replace(/\s+/g, '')) ?? new Uint8Array(0));
  return decodePem(pem)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => der);
}

type Declared = Pick<NvidiaDevice, 'certificates' | 'declaredArchitecture' | 'declaredNonce'>;
const NOTHING_DECLARED: Declared = { certificates: [], declaredArchitecture: null, declaredNonce: null };

function deviceOf(bytes: Uint8Array, declared: Declared = NOTHING_DECLARED): NvidiaDevice {
  const spdm = parseSpdm(bytes);
  const opaque = parseOpaque(spdm.opaque);
  return {
    kind: kindOf(opaque),
    spdm,
    opaque,
    certificates: declared.certificates,
    declaredArchitecture: declared.declaredArchitecture?.toUpperCase() ?? null,
    declaredNonce: declared.declaredNonce?.toLowerCase() ?? null,
  };
}

/** GPUs report their driver; switches have none, but tell which GPUs they connect. The device certificate has the last word. */
function kindOf(opaque: OpaqueFields): NvidiaKind {
  return !opaque.has(OPAQUE.driverVersion) && (opaque.has(OPAQUE.switchGpuPdis) || opaque.has(OPAQUE.lockStatus))
    ? 'switch'
    : 'gpu';
}

function textOf(entry: JsonObject, name: string): string {
  const value = entry[name];
  if (typeof value !== 'string') throw malformed(`expected text in "${name}", got ${value === null ? 'null' : typeof value}`);
  return value;
}

function optionalText(entry: JsonObject | null, name: string): string | null {
  const value = entry?.[name];
  return typeof value === 'string' ? value : null;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('nvidia/evidence-malformed', message);
}
