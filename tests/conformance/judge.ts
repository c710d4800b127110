/** Puts the conformance suite to a peer. */

import type { ConformanceEntry } from '@assay/testing';
import { type Peer, refuses, type Verdict } from '../../bench/peers/question.ts';

export interface Judgement {
  /** Entries it was asked: those of variants whose sound evidence it accepts. */
  readonly asked: number;
  readonly right: number;
  /** Defects it accepts, and what it said. */
  readonly wronglyAccepted: readonly { readonly variant: string; readonly name: string; readonly verdict: Verdict }[];
  /** Variants whose sound evidence it refuses, and why; their defects are not asked. */
  readonly unknown: readonly { readonly variant: string; readonly verdict: Verdict }[];
}

export async function judge(peer: Peer, suite: readonly ConformanceEntry[]): Promise<Judgement> {
  const mine = suite.filter(({ question }) => peer.kinds.includes(question.kind));
  const unknown: { variant: string; verdict: Verdict }[] = [];
  const wronglyAccepted: { variant: string; name: string; verdict: Verdict }[] = [];
  let [asked, right] = [0, 0];
  for (const { variant, question } of mine.filter(({ code }) => code === null)) {
    const verdict = await peer.verdict(question);
    if (refuses(verdict)) unknown.push({ variant, verdict });
    else right += 1;
  }
  asked += right;
  const known = (variant: string): boolean => !unknown.some((each) => each.variant === variant);
  for (const { variant, name, question } of mine.filter((entry) => entry.code !== null && known(entry.variant))) {
    const verdict = await peer.verdict(question);
    asked += 1;
    if (refuses(verdict)) right += 1;
    else wronglyAccepted.push({ variant, name, verdict });
  }
  return { asked, right, wronglyAccepted, unknown };
}
