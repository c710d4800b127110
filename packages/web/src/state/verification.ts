/**
 * Verification in this browser, by the same function that the command line uses, on the raw bytes. The agent that served this page
 * has no say in it, and a simulator's root counts only when the visitor names it.
 */

import {
  type CheckOutcome,
  collectEndorsements,
  DEFAULT_POLICY,
  POLICY_PRESETS,
  type PolicyPreset,
  type TrustAnchor,
  trustAnchor,
} from '@assay/attestation';
import { encodeHex } from '@assay/encoding/hex';
import { decodePem } from '@assay/encoding/pem';
import { parseBundle, type Receipt } from '@assay/receipt';
import { judge, type Verdict } from 'assay';

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface BrowserOptions {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly policy?: PolicyPreset;
  readonly nonce?: string;
  /** PEM of a simulator's root that the visitor named. */
  readonly simulatedRoot: string | null;
}

export interface Verification extends Verdict {
  readonly headline: string;
  /** The evidence is a simulator's; naming its root would show its structure. */
  readonly namesSimulator: boolean;
  /** Of an authentic bundle; empty otherwise. */
  readonly receipts: readonly Receipt[];
}

export type Tone = 'pass' | 'fail' | 'open';

export const CHECK_MARKS: Readonly<
  Record<CheckOutcome, { readonly mark: string; readonly tone: Tone; readonly word: string }>
> = {
  pass: { mark: '✓', tone: 'pass', word: 'pass' },
  fail: { mark: '✗', tone: 'fail', word: 'fail' },
  'not-checked': { mark: '○', tone: 'open', word: 'not checked' },
};

const HEADLINES: Readonly<Record<Verdict['outcome'], string>> = {
  accepted: 'Accepted',
  refused: 'Authentic, refused by policy',
  malformed: 'Malformed',
  'not-authentic': 'Not authentic',
  unavailable: 'Cannot tell: something is missing',
};

/** Green only for accepted, genuine evidence. A simulated TEE is never green. */
export function outcomeTone({ outcome, simulated }: Verification): Tone {
  if (outcome === 'unavailable') return 'open';
  if (outcome !== 'accepted') return 'fail';
  return simulated ? 'open' : 'pass';
}

/**
 * Judges the files, dropped in any order: the first one that is a bundle, receipt, report, result file or evidence, with all others as
 * its companions. Every fault of the files is a verdict.
 */
export async function verifyInBrowser(files: readonly NamedBytes[], options: BrowserOptions): Promise<Verification> {
  const anchor = options.simulatedRoot === null ? null : simulatorAnchor(options.simulatedRoot);
  const chosen = options.policy === undefined ? DEFAULT_POLICY : POLICY_PRESETS[options.policy];
  const policy =
    anchor === null ? chosen : { ...chosen, simulatedRoots: [...(chosen.simulatedRoots ?? []), await spkiHash(anchor)] };
  const namesSimulator = files.some(({ bytes }) => mentionsSimulator(bytes));
  let first: Verification | null = null;
  for (const file of [...files].sort((a, b) => Number(isCompanion(a)) - Number(isCompanion(b)))) {
    const verdict = await judge(file.bytes, {
      now: options.now,
      policy,
      expected: options.nonce === undefined ? {} : { nonce: options.nonce.toLowerCase() },
      endorsements: collectEndorsements(files.filter((other) => other !== file)),
      additionalAnchors: anchor === null ? [] : [anchor],
    });
    const found = {
      ...verdict,
      headline: HEADLINES[verdict.outcome],
      namesSimulator,
      receipts: receiptsOf(verdict, file.bytes),
    };
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

/** A verdict from elsewhere, as the view shows it. */
export function asVerification(verdict: Verdict): Verification {
  return { ...verdict, headline: HEADLINES[verdict.outcome], namesSimulator: false, receipts: [] };
}

/** The receipts of an authentic bundle, for the timeline. */
function receiptsOf({ type, claims }: Verdict, bytes: Uint8Array): readonly Receipt[] {
  return type === 'bundle' && claims !== null ? parseBundle(bytes).receipts.map(({ receipt }) => receipt) : [];
}

/** The root that a PEM file holds, marked as a simulator's. @throws {Error} for text without a certificate. */
export function simulatorAnchor(pem: string): TrustAnchor {
  const [block] = decodePem(pem);
  if (block === undefined) throw new Error('expected a PEM certificate');
  return trustAnchor("the simulator's root you named", block.der, { simulated: true });
}

async function spkiHash({ spki }: TrustAnchor): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', spki as BufferSource)));
}

/** Only decides whether to offer the button; nothing is believed because of it. */
function mentionsSimulator(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes).includes('"simulated":true');
}
