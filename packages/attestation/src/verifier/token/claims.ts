/**
 * What an authentic token says, as claims: the issuer's findings, not the evidence. `details` (JSON-safe): family, claims (the whole
 * payload), keySource, debugClaims (which claims say that a TEE can be debugged), vmpl (of SEV-SNP guests).
 */

import { decodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { Check } from '../../model/check.ts';
import type { TokenClaims, TokenIdentity, TokenMeasurements, VerifiedClaims } from '../../model/claims.ts';
import { readFindings } from './findings.ts';
import { noncesOf } from './nonces.ts';
import type { AuthenticToken } from './signature.ts';
import { standingOf } from './standing.ts';

/** Hex-valued claims and the measurement each stands for; the first name found counts. */
const MEASUREMENTS: Readonly<Record<string, readonly string[]>> = {
  mrenclave: ['sgx_mrenclave', 'amber_sgx_mrenclave', 'x-ms-sgx-mrenclave', 'sgx-mrenclave'],
  mrsigner: ['sgx_mrsigner', 'amber_sgx_mrsigner', 'x-ms-sgx-mrsigner', 'sgx-mrsigner'],
  mrtd: ['tdx_mrtd', 'amber_tdx_mrtd', 'x-ms-tdx-mrtd', 'x-ms-tdxvm-mrtd'],
  rtmr0: ['tdx_rtmr0', 'x-ms-tdx-rtmr0'],
  rtmr1: ['tdx_rtmr1', 'x-ms-tdx-rtmr1'],
  rtmr2: ['tdx_rtmr2', 'x-ms-tdx-rtmr2'],
  rtmr3: ['tdx_rtmr3', 'x-ms-tdx-rtmr3'],
  mrseam: ['tdx_mrseam', 'amber_tdx_mrseam', 'x-ms-tdx-mrseam'],
  mrsignerseam: ['tdx_mrsignerseam', 'amber_tdx_mrsignerseam', 'x-ms-tdx-mrsignerseam'],
  measurement: ['sevsnp_launchmeasurement', 'sevsnp_measurement', 'x-ms-sevsnpvm-launchmeasurement'],
  'host-data': ['sevsnp_hostdata', 'x-ms-sevsnpvm-hostdata'],
  'id-key-digest': ['sevsnp_idkeydigest', 'x-ms-sevsnpvm-idkeydigest'],
  'author-key-digest': ['sevsnp_authorkeydigest', 'x-ms-sevsnpvm-authorkeydigest'],
};
const REPORT_DATA = [
  ...['sgx_report_data', 'tdx_report_data', 'amber_report_data', 'sevsnp_reportdata'],
  ...['x-ms-sgx-report-data', 'x-ms-tdx-report-data', 'x-ms-sevsnpvm-reportdata', 'sgx-report-data'],
];
const REPORT_DATA_BYTES = 64;

/** Claims of `authentic`; `submodules` are parts verified on their own. */
export function tokenClaims(
  authentic: AuthenticToken,
  submodules: Readonly<Record<string, VerifiedClaims>>,
  more: readonly Check[],
): TokenClaims {
  const { token, issuer, root, simulated, notBefore, notAfter, keySource } = authentic;
  // Intel nests the findings of each TEE under its name, Azure under x-ms-isolation-tee.
  const facts = flatten(token.payload);
  const findings = readFindings(token.payload, issuer.family);
  const { nonce, readings } = noncesOf(token.payload);
  return {
    type: 'token',
    simulated,
    debug: findings.debug,
    measurements: measurementsOf(facts, token.payload),
    bindings: { reportData: reportDataOf(facts), nonce, nonceReadings: readings, userData: null, publicKey: null },
    identity: identityOf(authentic, facts),
    tcb: standingOf(findings),
    issuedAt: typeof token.payload.iat === 'number' ? Math.trunc(token.payload.iat * 1000) : null,
    validity: { notBefore, notAfter },
    root,
    checks: [...authentic.checks, ...findings.checks, ...more],
    submodules,
    details: {
      family: issuer.family,
      keySource,
      claims: token.payload,
      debugClaims: findings.debugClaims,
      ...vmplOf(facts),
    },
  };
}

function identityOf({ token, issuer }: AuthenticToken, facts: Facts): TokenIdentity {
  const { payload } = token;
  const named: Readonly<Record<string, Json | undefined>> = {
    issuer: payload.iss ?? issuer.name,
    subject: payload.sub,
    audience: payload.aud,
    'hardware-model': payload.hwmodel,
    ueid: payload.ueid,
    'driver-version': payload['x-nvidia-gpu-driver-version'],
    'vbios-version': payload['x-nvidia-gpu-vbios-version'],
    'machine-id': payload.machine_id,
    'quote-hash': payload.quote_hash,
    product: facts['x-ms-sevsnpvm-chip-family'],
    software: payload.swname,
  };
  return Object.fromEntries(
    Object.entries(named).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== ''),
  );
}

type Facts = Readonly<Record<string, Json>>;

function flatten(payload: JsonObject): Facts {
  const nested = ['tdx', 'sgx', 'sevsnp', 'x-ms-isolation-tee'].flatMap((name) => {
    const part = payload[name];
    return isObject(part) ? [part] : [];
  });
  return Object.assign({}, ...nested, payload) as Facts;
}

function measurementsOf(facts: Facts, payload: JsonObject): TokenMeasurements {
  const found: Record<string, string> = {};
  for (const [name, sources] of Object.entries(MEASUREMENTS)) {
    const value = hexOf(textOf(facts, sources));
    if (value !== null) found[name] = value;
  }
  const container = isObject(payload.submods) ? payload.submods.container : undefined;
  for (const name of ['image_digest', 'image_id'] as const) {
    const value = isObject(container) ? container[name] : undefined;
    const match = typeof value === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(value) : null;
    if (match?.[1] !== undefined) found[`container-${name.replace('_', '-')}`] = match[1];
  }
  return found;
}

/** Hex, or base64 of all 64 bytes. */
function reportDataOf(facts: Facts): string | null {
  const text = textOf(facts, REPORT_DATA);
  const hex = hexOf(text);
  if (text === null || hex !== null) return hex;
  try {
    const bytes = decodeBase64(text);
    return bytes.length === REPORT_DATA_BYTES ? encodeHex(bytes) : null;
  } catch {
    return null;
  }
}

/** The privilege level that asked for the SNP report, where the issuer states it. */
function vmplOf(facts: Facts): { readonly vmpl?: number } {
  const vmpl = facts['x-ms-sevsnpvm-vmpl'] ?? facts.sevsnp_vmpl;
  return typeof vmpl === 'number' ? { vmpl } : {};
}

function hexOf(value: string | null): string | null {
  return value !== null && /^([0-9a-f]{2})+$/i.test(value) ? value.toLowerCase() : null;
}

function textOf(facts: Facts, names: readonly string[]): string | null {
  const value = names.map((name) => facts[name]).find((candidate) => typeof candidate === 'string');
  return typeof value === 'string' ? value : null;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
