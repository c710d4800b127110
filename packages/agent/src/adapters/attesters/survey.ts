/**
 * What this machine can attest, for a person who sets an agent up: the TEE that answers, whether its evidence is whole, which secrets it keeps
 * over restarts, and what each TEE that is not there would need. Opens no simulator, so it changes nothing.
 */

import { createHash, randomBytes } from 'node:crypto';
import { isCoded } from '@assay/encoding/coded-error';
import { type Digest, statementDigest } from '@assay/receipt';
import type { Attester } from '../../ports/attester.ts';
import { CANDIDATES, type Candidate, type DetectOptions, detectAttester } from './detect.ts';

/** Which TEE was found here, and what the others lack. */
export interface TeeSurvey {
  /** What attests: a TEE, a vendor's key, or nothing real. */
  readonly kind: 'hardware' | 'vendor' | 'simulated' | 'none' | 'failing';
  /** Name of the attester; the error's message for a failing one. */
  readonly detail: string;
  /** Whether the platform gives this code a secret that outlives a restart. */
  readonly keepsSecret: boolean;
  /** TEEs that are not here, with what each one needs. */
  readonly absent: readonly { readonly name: string; readonly needs: string }[];
}

/**
 * Looks at the TEEs of this machine in the order in which an agent would, and takes evidence once from the one that is there.
 * @throws errors without a code; a TEE that fails with a coded one is an outcome.
 * @example const { kind, detail } = await surveyTee({ choice: 'auto', directory: '.assay', clock: systemClock })
 */
export async function surveyTee(options: DetectOptions, candidates: readonly Candidate[] = CANDIDATES): Promise<TeeSurvey> {
  const real = candidates.filter(({ needs }) => needs !== null);
  const needsOf = (names: readonly string[]) =>
    real.filter(({ name }) => names.includes(name)).map(({ name, needs }) => ({ name, needs: needs ?? '' }));
  const nothing = { keepsSecret: false, absent: [] };
  if (options.choice !== 'auto' && !real.some(({ name }) => name === options.choice))
    return { kind: 'simulated', detail: options.choice, ...nothing };
  try {
    const wanted = real.filter(({ name }) => options.choice === 'auto' || options.choice === name);
    const { attester, absent } = await detectAttester({ ...options, choice: 'auto' }, [...wanted, NOTHING]);
    if (attester.name === NO_ATTESTER.name)
      return { kind: 'none', detail: 'no TEE', keepsSecret: false, absent: needsOf(absent) };
    await takeEvidence(attester);
    return {
      kind: attester.simulated ? 'simulated' : attester.name.startsWith('vendor') ? 'vendor' : 'hardware',
      detail: attester.name,
      keepsSecret: await keepsSecret(attester),
      absent: needsOf(absent),
    };
  } catch (error) {
    if (!isCoded(error)) throw error;
    return { kind: 'failing', detail: error.message, ...nothing };
  }
}

/** Stands at the end of the list in place of the simulators. */
const NO_ATTESTER: Attester = { name: 'none', simulated: true, attest: () => Promise.reject(new Error('no TEE')) };
const NOTHING: Candidate = { name: 'nothing', needs: null, open: () => NO_ATTESTER };

/** Evidence for the statement of a keyset that has no keys, so it is of no use to an attacker (spec/keyset.md §2). */
async function takeEvidence(attester: Attester): Promise<void> {
  const keyset = `sha256:${createHash('sha256').update(randomBytes(32)).digest('hex')}` as Digest;
  await attester.attest({ statementDigest: statementDigest(keyset, null), nonce: null, channelPublicKey: null });
}

async function keepsSecret(attester: Attester): Promise<boolean> {
  if (attester.keptSecret === undefined) return false;
  return attester.keptSecret().then(
    (secret) => {
      secret.fill(0);
      return true;
    },
    () => false,
  );
}
