/**
 * Puts the same questions to Assay and to a peer and sorts the answers. What both refuse, or accept with the same status, agrees. What only
 * Assay refuses is counted by its error code. What only the peer refuses, or gives another status, must have a named reason
 * (reasons.ts): without one it is a fault of ours until shown otherwise.
 */

import type { Question } from '@assay/testing';
import type { GenuineCase } from '../../bench/peers/genuine.ts';
import { type OurVerdict, ourVerdict } from '../../bench/peers/ours.ts';
import { type Peer, refuses, type Verdict } from '../../bench/peers/question.ts';
import { Random } from '../fuzz/mutate.ts';
import { mutateQuestion } from './mutations.ts';
import { reasonFor } from './reasons.ts';

export interface Pair {
  readonly id: string;
  /** What was changed, empty for a genuine case. */
  readonly how: string;
  readonly original: Question;
  readonly question: Question;
  readonly ours: OurVerdict;
  readonly theirs: Verdict;
}

export interface Comparison {
  readonly total: number;
  readonly agree: number;
  /** Of these, accepted by both. */
  readonly bothAccept: number;
  /** Refused by Assay alone, by error code. */
  readonly oursAlone: ReadonlyMap<string, number>;
  /** Refused by the peer alone, or accepted with another status, by reason. */
  readonly named: ReadonlyMap<string, number>;
  /** The same without a reason, in words. */
  readonly unexplained: readonly string[];
}

async function ask(peer: Peer, id: string, how: string, original: Question, question: Question): Promise<Pair> {
  return { id, how, original, question, ours: await ourVerdict(question), theirs: await peer.verdict(question) };
}

function sort(peer: Peer, pairs: readonly Pair[]): Comparison {
  const oursAlone = new Map<string, number>();
  const named = new Map<string, number>();
  const unexplained: string[] = [];
  let [agree, bothAccept] = [0, 0];
  for (const pair of pairs) {
    const { ours, theirs } = pair;
    const accept = !refuses(ours.verdict) && !refuses(theirs);
    const same = ours.verdict === theirs || (refuses(ours.verdict) && refuses(theirs));
    if (accept) bothAccept += 1;
    if (same) agree += 1;
    else if (ours.code !== null) count(oursAlone, ours.code);
    else {
      const reason = reasonFor(peer.name, pair);
      if (reason !== null) count(named, reason);
      else unexplained.push(`${pair.id} ${pair.how}: ours ${ours.verdict}, theirs ${theirs.slice(0, 200)}`);
    }
  }
  return { total: pairs.length, agree, bothAccept, oursAlone, named, unexplained };
}

function count(tally: Map<string, number>, name: string): void {
  tally.set(name, (tally.get(name) ?? 0) + 1);
}

const isFor = (peer: Peer) => (genuine: GenuineCase) => peer.kinds.includes(genuine.question.kind);

/** The genuine cases as they are. */
export async function compareGenuine(peer: Peer, cases: readonly GenuineCase[]): Promise<Comparison> {
  const pairs: Pair[] = [];
  for (const { id, question } of cases.filter(isFor(peer))) pairs.push(await ask(peer, id, '', question, question));
  return sort(peer, pairs);
}

export interface CompareMutationsOptions {
  readonly count: number;
  readonly seed: number;
}

/** Mutations of the genuine cases that both accept, so that a refusal is that of the change. */
export async function compareMutations(
  peer: Peer,
  cases: readonly GenuineCase[],
  { count: wanted, seed }: CompareMutationsOptions,
): Promise<Comparison> {
  const bases: GenuineCase[] = [];
  for (const genuine of cases.filter(isFor(peer))) {
    if (genuine.expected === 'accepted' && !refuses(await peer.verdict(genuine.question))) bases.push(genuine);
  }
  const random = new Random(seed);
  const pairs: Pair[] = [];
  for (let index = 0; index < wanted; index++) {
    const base = bases[random.next(bases.length)];
    const alike = bases.filter(({ question }) => question.kind === base?.question.kind);
    const other = alike[random.next(alike.length)];
    if (base === undefined || other === undefined) throw new Error(`${peer.name}: expected genuine cases it accepts, got none`);
    const { question, how } = mutateQuestion(base.question, other.question, random);
    pairs.push(await ask(peer, base.id, how, base.question, question));
  }
  return sort(peer, pairs);
}
