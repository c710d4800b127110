/** Option values shared by commands, read strictly. */

import { createHash } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import {
  DEFAULT_POLICY,
  POLICY_PRESETS,
  type Policy,
  type PolicyPreset,
  parseInstant,
  parsePolicy,
  type TrustAnchor,
  trustAnchor,
} from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { MAX_SETTING_BYTES, readFileOf } from './subject.ts';

/** For repeatable options. */
export function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** The http or https address of an argument. @throws {CliError} `cli/bad-option`. */
export function addressOption(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new CliError(
    'cli/bad-option',
    `${name}: expected an http or https address, got ${JSON.stringify(value)}; write https://agent.example`,
  );
}

/** Lower-case hex of an option; `0x` in front is tolerated. */
export function hexOption(name: string, value: string): string {
  const digits = value.trim().replace(/^0x/i, '').toLowerCase();
  if (!/^(?:[0-9a-f]{2})+$/.test(digits)) {
    throw new CliError(
      'cli/bad-option',
      `--${name}: expected hex, got ${JSON.stringify(value.slice(0, 40))}; give whole bytes, two digits each`,
    );
  }
  return digits;
}

/** Epoch milliseconds of an RFC 3339 option. */
export function instantOption(name: string, value: string): number {
  const epoch = parseInstant(value.trim());
  if (epoch === null) {
    throw new CliError(
      'cli/bad-option',
      `--${name}: expected an RFC 3339 instant, got ${JSON.stringify(value)}; write 2026-06-10T01:48:55Z`,
    );
  }
  return epoch;
}

export function secondsOption(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value))
    throw new CliError('cli/bad-option', `--${name}: expected seconds, got ${JSON.stringify(value)}; write 600`);
  return Number(value);
}

/** A preset by name, a policy file by path, or the default policy. */
export async function policyOption(io: Io, value: string | undefined): Promise<Policy> {
  if (value === undefined) return DEFAULT_POLICY;
  if (Object.hasOwn(POLICY_PRESETS, value)) return POLICY_PRESETS[value as PolicyPreset];
  return parsePolicy(await readFileOf(io, value, MAX_SETTING_BYTES));
}

/**
 * A root the caller trusts: a certificate (PEM or DER), or a bare public key (PEM).
 * @throws {CliError} `cli/not-a-root`.
 */
export async function rootOption(io: Io, path: string, simulated: boolean): Promise<TrustAnchor> {
  const bytes = await readFileOf(io, path, MAX_SETTING_BYTES);
  try {
    const text = Buffer.from(bytes).toString('latin1');
    const blocks = text.includes('-----BEGIN') ? decodePem(text) : [{ label: 'CERTIFICATE', der: bytes }];
    const [block] = blocks;
    if (block === undefined || blocks.length !== 1) throw new Error(`${blocks.length} PEM blocks`);
    if (block.label === 'PUBLIC KEY') return { name: path, spki: block.der, certificate: null, simulated };
    return trustAnchor(path, block.der, { simulated });
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new CliError(
      'cli/not-a-root',
      `${path}: expected one certificate or public key, got ${reason}; give a PEM or DER file`,
      { cause },
    );
  }
}

/** How policies name a root. */
export function rootHash(anchor: TrustAnchor): string {
  return createHash('sha256').update(anchor.spki).digest('hex');
}

/** Certificate authorities beside the known ones, for connections to one service. */
export async function authoritiesOption(io: Io, path: string | undefined): Promise<{ readonly authorities?: string }> {
  if (path === undefined) return {};
  const pem = new TextDecoder().decode(await readFileOf(io, path, MAX_SETTING_BYTES));
  decodePem(pem); // a file without certificates would silently add nothing
  return { authorities: [...rootCertificates, pem].join('\n') };
}
