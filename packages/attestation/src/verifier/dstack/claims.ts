/**
 * Claims of dstack evidence: those of the carrier (TDX quote, Nitro document, SNP report) and, on top, what the measured event log
 * says: measurements `compose-hash`, `os-image-hash`, `mr-kms`, `mr-aggregated`; identity `app-id`, `instance-id`, `key-provider`,
 * `key-provider-id`, `storage-fs`. `details.dstack` (JSON-safe): carrier, systemReady, applicationEvents, boundKey.
 */

import { bufferSource, concatBytes, equalBytes } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { AttestationError } from '../../errors.ts';
import { allZero } from '../../evidence/reading.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import type { DstackEventMeasurements, DstackIdentity as DstackNames, TdxMeasurements } from '../../model/claims.ts';
import type { Endorsements } from '../../model/endorsements.ts';
import { keyProviderOf } from './config-id.ts';
import type { DstackIdentity } from './identity.ts';

const SPEC = 'dstack attestation';
const AGGREGATED = ['mrtd', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const;
const AGGREGATED_CONFIG = ['mrconfigid', 'mrowner', 'mrownerconfig'] as const;

/** Measurements and identity that measured events tell. */
export function eventClaims({ payloads }: DstackIdentity): {
  readonly measurements: DstackEventMeasurements;
  readonly identity: DstackNames;
} {
  const provider = keyProviderOf(payloads.get('key-provider'));
  const hex = (name: Parameters<typeof payloads.get>[0]): string | null => {
    const payload = payloads.get(name);
    return payload === undefined || payload.length === 0 ? null : encodeHex(payload);
  };
  return {
    measurements: present({
      'compose-hash': hex('compose-hash'),
      'os-image-hash': hex('os-image-hash'),
      'mr-kms': hex('mr-kms'),
    }),
    identity: present({
      'app-id': hex('app-id'),
      'instance-id': hex('instance-id'),
      'key-provider': provider?.name ?? null,
      'key-provider-id': provider === null || provider.id.length === 0 ? null : encodeHex(provider.id),
      'storage-fs': storageOf(payloads.get('storage-fs')),
    }),
  };
}

function storageOf(payload: Uint8Array | undefined): string | null {
  if (payload === undefined || payload.length === 0) return null;
  const text = new TextDecoder().decode(payload);
  return /^[\x20-\x7e]{1,64}$/.test(text) ? text : encodeHex(payload);
}

function present<Name extends string>(values: Readonly<Record<Name, string | null>>): { readonly [Each in Name]?: string } {
  const known = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(known) as { readonly [Each in Name]?: string };
}

/** SHA-256 of MRTD and RTMRs, and of the configuration registers when any is in use. */
export async function aggregatedMeasurement(measurements: TdxMeasurements): Promise<string> {
  const read = (names: readonly (keyof TdxMeasurements)[]): Uint8Array[] =>
    names.map((name) => decodeHex(measurements[name] ?? ''));
  const config = concatBytes(...read(AGGREGATED_CONFIG));
  const message = concatBytes(...read(AGGREGATED), ...(allZero(config) ? [] : [config]));
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(message))));
}

/**
 * Compares app-compose.json with the measured compose hash. The copy inside the evidence must be the measured one; of copies the
 * caller gave, one has to be.
 * @throws {AttestationError} `dstack/compose-hash-mismatch`.
 */
export async function composeCheck(
  measured: string | undefined,
  inside: Uint8Array | null,
  endorsements: Endorsements,
): Promise<Check> {
  const id = 'dstack.compose-hash';
  if (measured === undefined) return notChecked(id, SPEC, 'no compose hash was measured');
  const given = endorsements.flatMap((each) => (each.kind === 'app-compose' ? [each.bytes] : []));
  const candidates = inside === null ? given : [inside];
  if (candidates.length === 0) return notChecked(id, SPEC, `no app-compose.json to compare with ${measured}`);
  const hashes = await Promise.all(
    candidates.map(async (bytes) => encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bufferSource(bytes))))),
  );
  if (hashes.includes(measured)) return pass(id, SPEC, measured);
  if (inside === null) return fail(id, SPEC, measured, hashes.join(', '));
  throw new AttestationError(
    'dstack/compose-hash-mismatch',
    'expected the app-compose.json whose hash was measured, got another; this text is not what runs',
    { details: { measured, actual: hashes[0] } },
  );
}

/**
 * Compares the report data that the file names with the signed one; shorter values are padded with zeros.
 * @throws {AttestationError} `dstack/report-data-mismatch`.
 */
export function reportDataCheck(declared: Uint8Array | null, signed: string): Check {
  const id = 'dstack.report-data';
  if (declared === null) return notChecked(id, SPEC, 'the file names no report data');
  const padded = new Uint8Array(Math.max(declared.length, signed.length / 2));
  padded.set(declared);
  if (equalBytes(padded, decodeHex(signed))) return pass(id, SPEC, signed);
  throw new AttestationError(
    'dstack/report-data-mismatch',
    'expected the report data that was signed, got another beside it; the two belong to different requests',
    { details: { declared: encodeHex(declared), signed } },
  );
}

/** What the file says about itself, compared with what is signed or measured. */
export function declaredChecks(declared: Readonly<Record<string, string>>, actual: Readonly<Record<string, string>>): Check[] {
  return Object.entries(declared).flatMap(([name, value]) => {
    const id = `dstack.declared.${name.replaceAll('_', '-')}`;
    const known = actual[name.replaceAll('_', '-')];
    if (known === undefined) return [notChecked(id, SPEC, `the evidence says nothing of ${value}`)];
    return [known === value ? pass(id, SPEC, value) : fail(id, SPEC, known, value)];
  });
}

/** The application key that the report data names: ASCII `dip1::<algorithm>-pk:<base64url>`; `null` when it names none. */
export function boundKeyOf(reportData: string): { readonly algorithm: string; readonly key: string } | null {
  const text = withoutTrailing(new TextDecoder('latin1').decode(decodeHex(reportData)), '\0');
  const match = /^dip1::(ed25519|secp256k1c)-pk:([A-Za-z0-9_-]+)$/.exec(text);
  return match === null ? null : { algorithm: match[1] as string, key: match[2] as string };
}
