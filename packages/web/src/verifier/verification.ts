/**
 * Verification in this browser, by the same function that the command line uses, on the raw bytes. The agent that served this page
 * has no say in it, and a simulator's root counts only when the visitor names it.
 */

import { collectEndorsements, type PolicyPreset } from '@assay/attestation';
import type { Receipt } from '@assay/receipt';
import { type ClaimsDocument, claimsDocument, type Verdict, verify } from 'assay';

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface BrowserOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly policy?: PolicyPreset | undefined;
  readonly nonce?: string | undefined;
  /** PEM of a simulator's root that the visitor named. */
  readonly simulatedRoot: string | null;
}

/** A verdict as the pages show it. */
export interface Verification {
  readonly verdict: Verdict;
  /** What is authentic, for people; `null` when nothing is. */
  readonly claims: ClaimsDocument | null;
  /** The evidence is a simulator's; naming its root would show its structure. */
  readonly namesSimulator: boolean;
  /** Of an authentic bundle; empty otherwise. */
  readonly receipts: readonly Receipt[];
}

/**
 * Verifies the files, dropped in any order: the first one that is a bundle, receipt, report, result file or evidence, with all others as
 * its companions. Every fault of the files is a verdict.
 */
export async function verifyInBrowser(files: readonly NamedBytes[], options: BrowserOptions): Promise<Verification> {
  const { now, policy, nonce, simulatedRoot } = options;
  const namesSimulator = files.some(({ bytes }) => mentionsSimulator(bytes));
  let first: Verification | null = null;
  for (const file of [...files].sort((a, b) => Number(isCompanion(a)) - Number(isCompanion(b)))) {
    const verdict = await verify(file.bytes, {
      ...{ now, policy },
      expected: nonce === undefined ? {} : { nonce: nonce.toLowerCase() },
      collateral: collectEndorsements(files.filter((other) => other !== file)),
      trust: { simulatedRoot: simulatedRoot ?? undefined },
    });
    const found = { ...asVerification(verdict), namesSimulator };
    if (verdict.type !== null) return found;
    first ??= found;
  }
  if (first === null) throw new Error('expected at least one file');
  return first;
}

/** True for files that only ever stand beside evidence: certificates, revocation lists, collateral, manifests, key sets. */
function isCompanion(file: NamedBytes): boolean {
  const pieces = collectEndorsements([file]);
  return pieces.length > 0 && pieces.every(({ kind }) => kind !== 'bytes' && kind !== 'json');
}

/** A verdict as the view shows it. */
export function asVerification(verdict: Verdict): Verification {
  const authentic = verdict.type === 'bundle' && verdict.claims !== undefined;
  return {
    verdict,
    claims: claimsDocument(verdict),
    namesSimulator: false,
    receipts: authentic ? verdict.receipts.map(({ receipt }) => receipt) : [],
  };
}

/** Only decides whether to offer the button; nothing is believed because of it. */
function mentionsSimulator(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes).includes('"simulated":true');
}
