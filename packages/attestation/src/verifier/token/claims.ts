/**
 * What an authentic token says, as claims: the issuer's findings, not the evidence. `details` (JSON-safe): family, claims (the whole
 * payload), keySource.
 */

import { utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { Claims, VerifiedClaims } from '../../model/claims.ts';
import type { AuthenticToken } from './signature.ts';

const SPEC = 'RFC 7519; RFC 9711';

/** Hex-valued claims and the measurement each stands for; the first name found counts. */
const MEASUREMENTS: Readonly<Record<string, readonly string[]>> = {
  mrenclave: ['sgx_mrenclave', 'amber_sgx_mrenclave', 'x-ms-sgx-mrenclave'],
  mrsigner: ['sgx_mrsigner', 'amber_sgx_mrsigner', 'x-ms-sgx-mrsigner'],
  mrtd: ['tdx_mrtd', 'amber_tdx_mrtd', 'x-ms-tdx-mrtd'],
  rtmr0: ['tdx_rtmr0', 'x-ms-tdx-rtmr0'],
  rtmr1: ['tdx_rtmr1', 'x-ms-tdx-rtmr1'],
  rtmr2: ['tdx_rtmr2', 'x-ms-tdx-rtmr2'],
  rtmr3: ['tdx_rtmr3', 'x-ms-tdx-rtmr3'],
  mrseam: ['tdx_mrseam', 'amber_tdx_mrseam', 'x-ms-tdx-mrseam'],
  measurement: ['sevsnp_measurement', 'x-ms-sevsnpvm-launchmeasurement'],
};
const REPORT_DATA = [
  ...['sgx_report_data', 'tdx_report_data', 'amber_report_data', 'sevsnp_reportdata'],
  ...['x-ms-sgx-report-data', 'x-ms-tdx-report-data', 'x-ms-sevsnpvm-reportdata'],
];
const DEBUG = [
  ...['sgx_is_debuggable', 'tdx_is_debuggable', 'amber_sgx_is_debuggable', 'amber_tdx_is_debuggable'],
  ...['x-ms-sgx-is-debuggable', 'x-ms-sevsnpvm-is-debuggable', 'tdx_td_attributes_debug', 'sevsnp_policy_debug_allowed'],
];
const TCB_STATUS = ['attester_tcb_status', 'sgx_tcb_status', 'tdx_tcb_status', 'amber_tcb_status'];

/** Claims of `authentic`; `submodules` are parts verified on their own. */
export function tokenClaims(
  authentic: AuthenticToken,
  submodules: Readonly<Record<string, VerifiedClaims>>,
  more: readonly Check[],
): Claims {
  const { token, issuer, root, simulated, notBefore, notAfter, keySource } = authentic;
  // Intel nests the findings of each TEE under its name, Azure under x-ms-isolation-tee.
  const facts = flatten(token.payload);
  const status = textOf(facts, TCB_STATUS);
  return {
    type: 'token',
    simulated,
    debug: debugOf(facts),
    measurements: measurementsOf(facts, token.payload),
    bindings: {
      reportData: hexOf(facts, REPORT_DATA),
      nonce: nonceOf(token.payload),
      userData: null,
      publicKey: null,
    },
    identity: identityOf(authentic),
    tcb: status === null ? null : { status, advisories: advisoriesOf(facts), date: null, evaluationNumber: null },
    issuedAt: typeof token.payload.iat === 'number' ? Math.trunc(token.payload.iat * 1000) : null,
    validity: { notBefore, notAfter },
    root,
    checks: [
      pass('token.algorithm', 'RFC 8725 §3.1', String(token.header.alg), issuer.algorithms.join(' or ')),
      pass('token.signature', 'RFC 7515 §5.2', keySource),
      token.payload.exp === undefined
        ? notChecked('token.expiry', SPEC, 'the token has no end')
        : pass('token.expiry', SPEC, `until ${new Date(notAfter).toISOString()}`),
      ...resultChecks(token.payload),
      ...more,
    ],
    submodules,
    details: { family: issuer.family, keySource, claims: token.payload },
  };
}

/** The nonce in lower-case hex; one that is other text, as hex of its UTF-8. */
export function nonceOf(payload: JsonObject): string | null {
  const value = payload.eat_nonce ?? payload.nonce;
  const nonce = Array.isArray(value) && value.length === 1 ? (value as readonly Json[])[0] : value;
  if (typeof nonce !== 'string' || nonce === '') return null;
  return /^([0-9a-f]{2})+$/i.test(nonce) ? nonce.toLowerCase() : encodeHex(utf8(nonce));
}

/** Verdicts of the issuer: a bad one is a failed check, because an authentic token may say no. */
function resultChecks(payload: JsonObject): readonly Check[] {
  const checks: Check[] = [];
  const overall = payload['x-nvidia-overall-att-result'];
  if (overall !== undefined) checks.push(verdict('token.overall-result', 'true', overall, overall === true));
  const { measres } = payload;
  if (measres !== undefined) checks.push(verdict('token.measurement-result', 'success', measres, measres === 'success'));
  for (const [name, part] of Object.entries(isObject(payload.submods) ? payload.submods : {})) {
    const status = isObject(part) ? part['ear.status'] : undefined;
    if (status === undefined) continue;
    const affirming = status === 'affirming' || status === 2;
    checks.push(verdict(`token.ear-status.${name}`, 'affirming', status, affirming));
  }
  const own = payload['ear.status'];
  if (own !== undefined) checks.push(verdict('token.ear-status', 'affirming', own, own === 'affirming' || own === 2));
  return checks;
}

function verdict(id: string, expected: string, actual: Json, good: boolean): Check {
  return good
    ? pass(id, SPEC, expected)
    : fail(id, SPEC, expected, typeof actual === 'string' ? actual : JSON.stringify(actual));
}

function identityOf({ token, issuer }: AuthenticToken): Claims['identity'] {
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

function measurementsOf(facts: Facts, payload: JsonObject): Claims['measurements'] {
  const found: Record<string, string> = {};
  for (const [name, sources] of Object.entries(MEASUREMENTS)) {
    const value = hexOf(facts, sources);
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

/** True when any claim says so, false when one says no, `null` when none speaks. */
function debugOf(facts: Facts): boolean | null {
  const { dbgstat } = facts;
  const spoken = DEBUG.map((name) => facts[name]).filter((value) => typeof value === 'boolean');
  if (typeof dbgstat === 'string') spoken.push(!dbgstat.startsWith('disabled'));
  return spoken.length === 0 ? null : spoken.includes(true);
}

function hexOf(facts: Facts, names: readonly string[]): string | null {
  const value = textOf(facts, names);
  return value !== null && /^([0-9a-f]{2})+$/i.test(value) ? value.toLowerCase() : null;
}

function textOf(facts: Facts, names: readonly string[]): string | null {
  const value = names.map((name) => facts[name]).find((candidate) => typeof candidate === 'string');
  return typeof value === 'string' ? value : null;
}

function advisoriesOf(facts: Facts): readonly string[] {
  const ids = facts.attester_advisory_ids;
  return Array.isArray(ids) ? (ids as readonly Json[]).filter((id) => typeof id === 'string') : [];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
