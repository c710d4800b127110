/**
 * Verification in this browser, by the same functions that the command line uses, on the raw bytes. The agent that served this page has
 * no say in it, and a simulator's root counts only when the visitor accepted or named it.
 */

import { type Policy, type PolicyPreset, parseInstant } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import type { Receipt } from '@assay/receipt';
import {
  type ClaimsDocument,
  claimsDocument,
  type FilesVerdict,
  type NamedFile,
  type Verdict,
  verify,
  verifyFiles as verifyAll,
} from 'assay';
import { type Story, storyOf } from './story.ts';

/** A verdict as the pages show it. */
export interface Verification {
  readonly verdict: Verdict;
  /** What is authentic, for people; `null` when nothing is. */
  readonly claims: ClaimsDocument | null;
  /** Of an authentic bundle's receipts; empty otherwise. */
  readonly stories: readonly Story[];
}

export interface FileVerification extends Verification {
  readonly name: string;
}

export interface FilesVerification extends Pick<FilesVerdict, 'outcome' | 'companions' | 'unrecognised'> {
  /** The worst first. */
  readonly files: readonly FileVerification[];
}

/** The verify page's question, as its fields hold it: text that may be wrong. */
export interface FilesQuestion {
  /** RFC 3339; empty for now. */
  readonly at: string;
  readonly policy: PolicyPreset | '' | NamedFile;
  /** Hex; empty for none. */
  readonly nonce: string;
  /** PEM. */
  readonly simulatedRoot: string | null;
}

/** A verdict, or which field is wrong and why. */
export type FilesAnswer =
  | { readonly verification: FilesVerification }
  | { readonly fault: 'at' | 'nonce' | 'policy' | 'root'; readonly reason: string };

/** The verdict on the bundle of one's own task. */
export async function verifyBundle(bytes: Uint8Array, simulatedRoot: string | null): Promise<Verification> {
  const verdict = await verify(bytes, { now: Date.now(), trust: { simulatedRoot: simulatedRoot ?? undefined } });
  return asVerification(verdict);
}

/** Verifies dropped files, in whatever order they came. */
export async function verifyFiles(files: readonly NamedFile[], question: FilesQuestion): Promise<FilesAnswer> {
  const { at, nonce, simulatedRoot } = question;
  const now = at === '' ? Date.now() : parseInstant(at);
  if (now === null) return { fault: 'at', reason: 'Expected an RFC 3339 instant, for example 2026-06-10T00:00:00Z.' };
  if (nonce !== '' && !/^(?:[0-9a-f]{2})+$/i.test(nonce))
    return { fault: 'nonce', reason: 'Expected pairs of hex digits, as you sent them.' };
  let policy: Policy | PolicyPreset | undefined;
  try {
    policy = await policyIn(question.policy);
  } catch (error) {
    return { fault: 'policy', reason: reasonOf(error) };
  }
  try {
    const { verdicts, ...found } = await verifyAll(files, {
      ...{ now, policy },
      expected: nonce === '' ? {} : { nonce: nonce.toLowerCase() },
      trust: { simulatedRoot: simulatedRoot ?? undefined },
    });
    return {
      verification: { ...found, files: verdicts.map(({ name, verdict }) => ({ name, ...asVerification(verdict) })) },
    };
  } catch (error) {
    return { fault: 'root', reason: reasonOf(error) };
  }
}

async function policyIn(policy: FilesQuestion['policy']): Promise<Policy | PolicyPreset | undefined> {
  if (typeof policy === 'string') return policy === '' ? undefined : policy;
  const { parsePolicy } = await import('@assay/attestation/appraisal/policy-file');
  return parsePolicy(new TextDecoder().decode(policy.bytes));
}

/** Faults of what was asked; anything else is a bug and goes on. */
function reasonOf(error: unknown): string {
  if (isCoded(error)) return error.message;
  throw error;
}

function asVerification(verdict: Verdict): Verification {
  return { verdict, claims: claimsDocument(verdict), stories: storiesOf(verdict) };
}

function storiesOf(verdict: Verdict): readonly Story[] {
  if (verdict.type === 'bundle' && verdict.claims !== undefined) {
    const { origin, size, witnesses } = verdict.log;
    return verdict.receipts.map(({ receipt, time, payloads, index }) =>
      storyOf({ receipt, time, payloads, log: { origin, size, index, witnesses: witnesses.length } }),
    );
  }
  if ((verdict.type === 'receipt' || verdict.type === 'result') && verdict.claims !== undefined)
    return [receiptStory(verdict.receipt)];
  return [];
}

/** The story of a receipt that came without its bundle. */
export function receiptStory(receipt: Receipt): Story {
  return storyOf({ receipt, time: receipt.served_at * 1000, payloads: [], log: null });
}
