/**
 * Combined reports: several TEEs behind one service, in one JSON document. Shapes:
 * - vLLM-proxy, RedPill, NEAR, nanoGPT, Venice: nodes under `gateway_attestation`, `model_attestations`, `all_attestations` and at the
 *   top level, each with `intel_quote`, `event_log`, `info`, `signing_address`, `request_nonce`, `nvidia_payload`,
 *   `tls_cert_fingerprint`, `compose_manager_attestation`; the private AI gateway gives the same names beside its `aci/1` report, with
 *   event log and compose file under `attestation.evidence`;
 * - Chutes: `evidence` (or RedPill's `all_attestations` of type `chutes`) with `quote`, `gpu_evidence`, `e2e_pubkey`, `certificate`;
 * - Tinfoil version 3: `report_data`, `cpu`, `gpu`, `nvswitch`, or sections (tinfoil-sections.ts); versions 1 and 2: `format` and `body`, the CPU report in base64, in
 *   version 2 compressed with gzip; either alone or as `enclaveAttestationReport` of a bundle, beside `vcek` and `enclaveCert`.
 * Members that are JSON are taken as objects or as text. Not checked here: anything but shape.
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import { type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { decodePem } from '@assay/encoding/pem';
import { AttestationError } from '../../errors.ts';
import { objectOf, quoteWithLog } from '../dstack/evidence-file.ts';
import { type NvidiaEvidence, nvidiaEvidenceOfJson } from '../nvidia/evidence-file.ts';
import { jsonObjectIn, reading } from '../reading.ts';
import type { CombinedNode, CombinedReport } from './combined-report.ts';
import { tinfoilSections } from './tinfoil-sections.ts';

const TINFOIL = 'https://tinfoil.sh/predicate/';
const TINFOIL_V3 = `${TINFOIL}attestation/v3`;
const TINFOIL_GUEST = /^https:\/\/tinfoil\.sh\/predicate\/(sev-snp|tdx)-guest\/v([12])$/;
const MAX_NODES = 64;

/**
 * A combined report in `file`, or `null` when it holds something else.
 * @throws {AttestationError} `combined/malformed`, and those of the parts' parsers.
 */
export function combinedReportOf(file: Uint8Array): CombinedReport | null {
  const json = jsonObjectIn(file);
  return json === null ? null : combinedReportOfJson(json);
}

/** The same for JSON that is parsed already. */
export function combinedReportOfJson(json: JsonObject): CombinedReport | null {
  if (typeof json.format === 'string' && json.format.startsWith(TINFOIL)) return tinfoil(json);
  const bundled = objectOf(json.enclaveAttestationReport);
  if (typeof bundled?.format === 'string' && bundled.format.startsWith(TINFOIL)) return tinfoilBundle(json, bundled);
  if (json.attestation_type === 'chutes') return chutes(listOf(json.all_attestations), 'intel_quote');
  const { evidence } = json;
  if (Array.isArray(evidence) && evidence.length > 0 && isObject(evidence[0]) && typeof evidence[0].quote === 'string') {
    return chutes(listOf(evidence), 'quote');
  }
  const known = ['gateway_attestation', 'model_attestations', 'all_attestations', 'intel_quote'].some((name) => name in json);
  return known ? vllmProxy(json) : null;
}

function vllmProxy(json: JsonObject): CombinedReport {
  const gateway = objectOf(json.gateway_attestation);
  const listed = [...optionalList(json.model_attestations), ...optionalList(json.all_attestations)];
  const top = typeof json.intel_quote === 'string' ? [json] : [];
  const seen = new Set<string>();
  const models = [...top, ...listed].filter((node) => {
    const key = typeof node.intel_quote === 'string' ? node.intel_quote : '';
    return !seen.has(key) && seen.add(key) !== undefined;
  });
  if (models.length + (gateway === null ? 0 : 1) > MAX_NODES) throw malformed(`expected at most ${MAX_NODES} nodes`);
  const suffix = (index: number): string => (models.length === 1 ? '' : `-${index}`);
  const nodes = [
    ...(gateway === null ? [] : [addressNode('gateway', gateway), ...managers('gateway-compose-manager', gateway)]),
    ...models.flatMap((node, index) => [
      addressNode(`model${suffix(index)}`, node),
      ...managers(`compose-manager${suffix(index)}`, node),
    ]),
  ];
  if (nodes.length === 0) throw malformed('expected at least one node with evidence, got none');
  const unread = ['tls_certificate', 'server_verification', 'ohttp_attestation', 'workload_keyset_digest'].filter(
    (name) => name in json || models.some((node) => name in node),
  );
  return { format: 'vllm-proxy', nodes, unread };
}

function addressNode(name: string, node: JsonObject): CombinedNode {
  const info = objectOf(node.info);
  const tcbInfo = objectOf(info?.tcb_info) ?? objectOf(node.tcb_info);
  const report = objectOf(node.attestation);
  const own = objectOf(report?.evidence);
  const quote = text(node, 'intel_quote', name);
  const algorithm = node.signing_algo === 'ed25519' ? 'ed25519' : 'ecdsa';
  const fingerprint = node.tls_cert_fingerprint;
  const payload = node.nvidia_payload;
  return {
    name,
    platform: 'tdx',
    compressed: false,
    evidence: quoteWithLog({
      quote,
      log: node.event_log ?? tcbInfo?.event_log ?? own?.event_log ?? undefined,
      beside: [node, info, tcbInfo, own],
    }),
    binding: {
      rule: 'signing-address',
      algorithm,
      address: hex(text(node, 'signing_address', name), algorithm === 'ecdsa' ? 20 : 32, name),
      publicKey: typeof node.signing_public_key === 'string' ? hex(node.signing_public_key, null, name) : null,
      tlsFingerprint: typeof fingerprint === 'string' ? hex(fingerprint, 32, name) : null,
      tlsCandidates: tlsKeysOf(objectOf(report?.workload_keyset)),
      nonce: node.request_nonce === undefined ? null : hex(text(node, 'request_nonce', name), 32, name),
    },
    gpus: payload === undefined || payload === null || payload === '' ? null : gpusOf(payload, name),
    labels: labelsOf({ model: node.model_name, application: info?.app_name }),
  };
}

/** TLS keys of an `aci/1` keyset, at most 16. */
function tlsKeysOf(keyset: JsonObject | null): readonly Uint8Array[] {
  const keys = Array.isArray(keyset?.tls_public_keys) ? (keyset.tls_public_keys as readonly Json[]).slice(0, 16) : [];
  return keys.flatMap((key) => {
    const digits = objectOf(key)?.spki_sha256;
    return typeof digits === 'string' && /^[0-9a-f]{64}$/.test(digits) ? [decodeHex(digits)] : [];
  });
}

function managers(name: string, node: JsonObject): readonly CombinedNode[] {
  const manager = objectOf(node.compose_manager_attestation);
  if (manager === null) return [];
  const evidence = quoteWithLog({ quote: text(manager, 'quote', name), log: manager.event_log, beside: [manager] });
  const [hash, nonce] = [hex(text(manager, 'actions_hash', name), 32, name), hex(text(manager, 'nonce', name), 32, name)];
  return [
    { name, platform: 'tdx', compressed: false, evidence, binding: { rule: 'actions', hash, nonce }, gpus: null, labels: {} },
  ];
}

function chutes(list: readonly JsonObject[], quoteName: 'quote' | 'intel_quote'): CombinedReport {
  if (list.length === 0 || list.length > MAX_NODES) throw malformed(`expected 1 to ${MAX_NODES} instances, got ${list.length}`);
  const nodes = list.map((instance, index): CombinedNode => {
    const name = `instance-${index}`;
    const { nonce, e2e_pubkey: key, certificate } = instance;
    return {
      name,
      platform: 'tdx',
      compressed: false,
      evidence: quoteWithLog({ quote: text(instance, quoteName, name), log: instance.event_log, beside: [instance] }),
      binding: {
        rule: 'chutes',
        nonce: typeof nonce === 'string' ? nonce : null,
        encryptionKey: typeof key === 'string' ? key : null,
        certificate: typeof certificate === 'string' ? certificateOf(certificate, name) : null,
      },
      gpus: instance.gpu_evidence === undefined ? null : gpusOf(instance.gpu_evidence, name),
      labels: labelsOf({ instance: instance.instance_id }),
    };
  });
  return { format: 'chutes', nodes, unread: [] };
}

/** What Tinfoil's bundle service gives browsers: the document with the certificates that it needs. */
function tinfoilBundle(json: JsonObject, document: JsonObject): CombinedReport {
  const certificate = typeof json.enclaveCert === 'string' ? json.enclaveCert : undefined;
  const report = tinfoil(certificate === undefined ? document : { ...document, certificate });
  const vcek = typeof json.vcek === 'string' ? [certificateOf(json.vcek, 'cpu')] : [];
  const nodes = report.nodes.map((node) => ({ ...node, evidence: { ...node.evidence, certificates: vcek } }));
  const unread = ['sigstoreBundle', 'digest'].filter((name) => name in json);
  return { ...report, nodes, unread: [...report.unread, ...unread] };
}

function tinfoilGuest(json: JsonObject, platform: 'tdx' | 'sev-snp', version: 1 | 2): CombinedReport {
  const evidence = quoteWithLog({ quote: text(json, 'body', 'cpu'), log: undefined, beside: [] });
  const node: CombinedNode = {
    name: 'cpu',
    platform,
    evidence,
    compressed: GZIP.every((byte, index) => evidence.evidence[index] === byte),
    binding: {
      rule: 'tinfoil-keys',
      version,
      certificate: typeof json.certificate === 'string' ? certificateOf(json.certificate, 'cpu') : null,
    },
    gpus: null,
    labels: {},
  };
  return { format: 'tinfoil', nodes: [node], unread: [] };
}

/** RFC 1952 §2.3.1. */
const GZIP = Uint8Array.of(0x1f, 0x8b);

function tinfoil(json: JsonObject): CombinedReport {
  const guest = TINFOIL_GUEST.exec(String(json.format));
  if (guest !== null) return tinfoilGuest(json, guest[1] === 'tdx' ? 'tdx' : 'sev-snp', guest[2] === '1' ? 1 : 2);
  if (json.format !== TINFOIL_V3) throw malformed(`expected tinfoil's version 1 to 3, got ${String(json.format)}`);
  const sections = tinfoilSections(json);
  if (sections !== null) return sections;
  const [cpu, data] = [objectOf(json.cpu), objectOf(json.report_data)];
  if (cpu === null || data === null) throw malformed('expected "cpu" and "report_data" in the tinfoil document');
  const { platform } = cpu;
  if (platform !== 'tdx' && platform !== 'sev-snp') throw malformed(`expected tdx or sev-snp, got ${String(platform)}`);
  const gpu = objectOf(json.gpu) ?? (Array.isArray(json.gpu) ? json.gpu : null);
  const node: CombinedNode = {
    name: 'cpu',
    platform,
    compressed: false,
    evidence: quoteWithLog({ quote: text(cpu, 'report', 'cpu'), log: undefined, beside: [] }),
    binding: {
      rule: 'tinfoil',
      tlsFingerprint: hex(text(data, 'tls_key_fp', 'cpu'), 32, 'cpu'),
      hpkeKey: hex(text(data, 'hpke_key', 'cpu'), 32, 'cpu'),
      nonce: hex(text(data, 'nonce', 'cpu'), null, 'cpu'),
      gpu: gpu === null ? null : JSON.stringify(json.gpu),
      switches: json.nvswitch === undefined || json.nvswitch === null ? null : JSON.stringify(json.nvswitch),
      certificate: typeof json.certificate === 'string' ? certificateOf(json.certificate, 'cpu') : null,
    },
    gpus: gpu === null ? null : gpusOf(isObject(gpu) ? (gpu.evidences ?? gpu) : gpu, 'cpu'),
    labels: {},
  };
  return { format: 'tinfoil', nodes: [node], unread: 'signature' in json ? ['signature'] : [] };
}

/** GPU evidence as an object, a list, or either as text; `null` where the list says that there is none. */
function gpusOf(value: Json, name: string): NvidiaEvidence | null {
  const json =
    typeof value === 'string' ? reading('combined/malformed', `gpu evidence of ${name}`, () => parseJson(value)) : value;
  const listed = isObject(json) ? json.evidence_list : null;
  if (Array.isArray(listed) && listed.length === 0) return null;
  const gpus = nvidiaEvidenceOfJson(json);
  if (gpus === null) throw malformed(`expected nvidia evidence in ${name}, got something else`);
  return gpus;
}

/** A certificate as PEM or as base64 of DER; of a PEM chain, the first. */
function certificateOf(value: string, name: string): Uint8Array {
  return reading('combined/malformed', `certificate of ${name}`, () => {
    if (!value.includes('-----BEGIN')) return decodeBase64(value.replace(/\s+/g, ''));
    const der = decodePem(value)[0]?.der;
    if (der === undefined) throw malformed(`expected a certificate in ${name}, got none`);
    return der;
  });
}

function hex(value: string, length: number | null, name: string): Uint8Array {
  const digits = value.replace(/^0x/i, '');
  return reading('combined/malformed', `hex in ${name}`, () => decodeHex(digits, length === null ? {} : { bytes: length }));
}

function text(from: JsonObject, member: string, name: string): string {
  const value = from[member];
  if (typeof value !== 'string' || value === '') throw malformed(`expected text in "${member}" of ${name}, got none`);
  return value;
}

function labelsOf(values: Readonly<Record<string, Json | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].length <= 256),
  );
}

function optionalList(value: Json | undefined): readonly JsonObject[] {
  return value === undefined || value === null ? [] : listOf(value);
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  const list = typeof value === 'string' ? reading('combined/malformed', 'list of nodes', () => parseJson(utf8(value))) : value;
  if (!Array.isArray(list) || !(list as readonly Json[]).every(isObject)) throw malformed('expected a list of nodes');
  return list as readonly JsonObject[];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(message: string): AttestationError {
  return new AttestationError('combined/malformed', message);
}
