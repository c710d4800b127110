/** Option values shared by commands, read strictly. */

import { rootCertificates } from 'node:tls';
import {
  AttestationError,
  DEFAULT_POLICY,
  POLICY_PRESETS,
  type Policy,
  type PolicyPreset,
  parseInstant,
  parsePolicy,
  resolveTrust,
  type Trust,
  type TrustAnchor,
} from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { nearest } from './near-miss.ts';
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

/**
 * Lower-case hex of an option; `0x` in front is tolerated.
 * @throws {CliError} `cli/bad-option`.
 */
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

/**
 * Epoch milliseconds of an RFC 3339 option.
 * @throws {CliError} `cli/bad-option`.
 */
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

/** @throws {CliError} `cli/bad-option`. */
export function secondsOption(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value))
    throw new CliError('cli/bad-option', `--${name}: expected seconds, got ${JSON.stringify(value)}; write 600`);
  return Number(value);
}

/** One of several words. @throws {CliError} `cli/bad-option`, which names the near one. */
export function choiceOption<Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  const chosen = choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw new CliError(
    'cli/bad-option',
    `--${name}: expected ${listed(choices)}, got ${JSON.stringify(value.slice(0, 40))}; ${meant(value, choices) ?? 'choose one'}`,
  );
}

/** A preset by name, a policy file by path, or the default policy. @throws {CliError} `cli/bad-option`, `cli/file-unreadable`. */
export async function policyOption(io: Io, value: string | undefined): Promise<Policy> {
  if (value === undefined) return DEFAULT_POLICY;
  if (Object.hasOwn(POLICY_PRESETS, value)) return POLICY_PRESETS[value as PolicyPreset];
  const bytes = await readFileOf(io, value, MAX_SETTING_BYTES).catch((error: unknown) => {
    throw isPlainWord(value) && isAbsent(error) ? unknownPreset(value, error) : error;
  });
  try {
    return parsePolicy(bytes);
  } catch (error) {
    throw saysWalletPolicy(bytes) ? walletPolicy(value, error) : error;
  }
}

/** Its first member says so (spec/operator.md §10). */
function saysWalletPolicy(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes).includes('"assay-operator-policy/');
}

function walletPolicy(value: string, cause: unknown): CliError {
  return new CliError(
    'cli/bad-option',
    `expected a policy for evidence, got one for what a wallet may sign, ${JSON.stringify(value.slice(0, 80))}; owners set that one with assay owners set-policy`,
    { cause },
  );
}

/** No path and no file name, so it was meant for a preset. */
function isPlainWord(value: string): boolean {
  return /^\w{1,40}$/.test(value);
}

function isAbsent(error: unknown): error is CliError {
  return CliError.is(error) && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

function unknownPreset(value: string, cause: unknown): CliError {
  const presets = Object.keys(POLICY_PRESETS);
  return new CliError(
    'cli/bad-option',
    `expected a policy file, or ${listed(presets)}, got ${JSON.stringify(value)}; ${meant(value, presets) ?? 'name one of these, or a file'}`,
    { cause },
  );
}

function meant(value: string, choices: readonly string[]): string | null {
  const near = nearest(value, choices);
  return near === null ? null : `did you mean ${near}?`;
}

function listed(words: readonly string[]): string {
  return words.join(', ').replace(/, ([^,]+)$/, ' or $1');
}

/** Roots that a command names, by file. */
export interface TrustFlags {
  readonly simulatedRoot?: string | undefined;
  readonly root?: readonly string[] | undefined;
}

/** As {@link Trust}, resolved; each anchor has the name of its file. */
export interface NamedTrust extends Trust {
  readonly simulatedRoot?: TrustAnchor | undefined;
  readonly roots: readonly TrustAnchor[];
}

/**
 * The roots in the files named: certificates or public keys, PEM or DER; one alone for a simulator.
 * @throws {CliError} `cli/not-a-root`, `cli/file-unreadable`.
 */
export async function trustOption(io: Io, { simulatedRoot, root = [] }: TrustFlags): Promise<NamedTrust> {
  const read = (path: string): Promise<Uint8Array> => readFileOf(io, path, MAX_SETTING_BYTES);
  const roots: TrustAnchor[] = [];
  for (const path of root) roots.push(...rootsOf(path, { roots: [await read(path)] }));
  if (simulatedRoot === undefined) return { roots };
  const [simulator] = rootsOf(simulatedRoot, { simulatedRoot: await read(simulatedRoot) });
  return { roots, simulatedRoot: simulator };
}

function rootsOf(path: string, trust: Trust): readonly TrustAnchor[] {
  try {
    return resolveTrust(trust).anchors.map((anchor) => ({ ...anchor, name: path }));
  } catch (cause) {
    if (!AttestationError.is(cause)) throw cause;
    throw new CliError('cli/not-a-root', cause.message.replace(/^trust\.\w{1,20}(?:\[\d{1,4}\])?/, path), { cause });
  }
}

/** Certificate authorities beside the known ones, for connections to one service. */
export async function authoritiesOption(io: Io, path: string | undefined): Promise<{ readonly authorities?: string }> {
  if (path === undefined) return {};
  const pem = new TextDecoder().decode(await readFileOf(io, path, MAX_SETTING_BYTES));
  decodePem(pem); // a file without certificates would silently add nothing
  return { authorities: [...rootCertificates, pem].join('\n') };
}
