/**
 * Verification in this browser, by the same functions that the command line uses, on the raw bytes. The agent that served this page has
 * no say in it, and a simulator's root counts only when the visitor accepted or named it.
 */

import { type Policy, type PolicyPreset, parseInstant } from '@assay/attestation';
import { isCoded } from '@assay/encoding/coded-error';
import {
  type ClaimsDocument,
  claimsDocument,
  type FilesVerdict,
  type NamedFile,
  type Verdict,
  verify,
  verifyFiles as verifyAll,
} from 'assay';
import type { PayloadOf, Story } from 'assay/story';

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
  | { readonly fault: 'at' | 'files' | 'nonce' | 'policy' | 'root'; readonly reason: string };

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
      verification: {
        ...found,
        files: await Promise.all(verdicts.map(async ({ name, verdict }) => ({ name, ...(await asVerification(verdict)) }))),
      },
    };
  } catch (error) {
    const tooMany = isCoded(error) && error.code === 'client/too-many-files';
    return { fault: tooMany ? 'files' : 'root', reason: reasonOf(error) };
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

async function asVerification(verdict: Verdict): Promise<Verification> {
  return { verdict, claims: claimsDocument(verdict), stories: await storiesOf(verdict) };
}

/** Loads the words only for what has a story. */
async function storiesOf(verdict: Verdict): Promise<readonly Story[]> {
  if (verdict.claims === undefined) return [];
  const { storyOf } = await import('assay/story');
  if (verdict.type === 'bundle') {
    const { origin, size, witnesses } = verdict.log;
    const head = { origin, size, witnesses: witnesses.length };
    return verdict.receipts.map(({ receipt, payloads, index }) =>
      storyOf(receipt, { payload: payloadIn(payloads), log: { index, head } }),
    );
  }
  if (verdict.type === 'receipt' || verdict.type === 'result') return [storyOf(verdict.receipt)];
  return [];
}

function payloadIn(payloads: readonly { readonly hash: string; readonly content: Uint8Array | null }[]): PayloadOf {
  const kept = new Map<string, Uint8Array | null>(payloads.map(({ hash, content }) => [hash, content]));
  return (digest) => kept.get(digest) ?? null;
}
