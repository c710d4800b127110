/** A reference that is a file: what it says to each query of its tier, and its twin, from which the tolerance comes. */

import type { MeasuredPrompt, MeasureOrder, ReferenceEngine } from '@assay/agent';
import {
  type ChatEndpoint,
  type ComparisonTier,
  challengeText,
  ModelError,
  parseAnswer,
  type ReferenceView,
  usablePositions,
} from '@assay/models';

/** The prompts of one comparison, by number. Negative numbers are for calibration: no query has them. */
export interface Prompts {
  readonly key: Uint8Array;
  readonly run: string;
  readonly endpoint: ChatEndpoint;
}

export interface Bounds {
  readonly replyTokens: number;
  /** Tokens of a list. */
  readonly listed: number;
  readonly signal: AbortSignal;
}

/** Prompts of calibration follow from another run, so that no query repeats one. */
export function promptOf({ key, run, endpoint }: Prompts, index: number, variant = 0): MeasuredPrompt {
  const text = challengeText({ key, run, index, variant });
  return endpoint === 'completions' ? { kind: 'text', text } : { kind: 'chat', messages: [{ role: 'user', content: text }] };
}

const GREEDY = { follow: null, wanted: null, temperature: 0, seed: 0 } as const;

/**
 * What the reference says of the candidate's tokens; `null` for an answer that has no usable ones.
 * @throws errors of the engine; an answer that breaks a rule is `null`.
 */
export async function knownView(
  engine: ReferenceEngine,
  prompt: MeasuredPrompt,
  body: string,
  { listed, signal }: Bounds,
): Promise<ReferenceView | null> {
  let positions: ReturnType<typeof usablePositions>;
  try {
    positions = usablePositions(parseAnswer(body), listed);
  } catch (error) {
    if (ModelError.is(error) && error.kind === 'malformed') return null;
    throw error;
  }
  if (positions.length === 0) return null;
  const order: MeasureOrder = {
    ...{ ...GREEDY, prompt, maxTokens: 0, top: 0 },
    follow: positions.map(({ token }) => token),
    wanted: positions.map((position) => position.top.map(([token]) => token)),
  };
  const measured = await engine.measure(order, signal);
  return { kind: 'known', logprobs: measured.positions.map(({ known }) => known) };
}

/** What the reference writes, with its logits. */
export async function logitsView(engine: ReferenceEngine, prompt: MeasuredPrompt, bounds: Bounds): Promise<ReferenceView> {
  const { positions } = await engine.measure({ ...GREEDY, prompt, maxTokens: bounds.replyTokens, top: 0 }, bounds.signal);
  return { kind: 'logits', positions: positions.map(({ token, logits }) => ({ token, logits })) };
}

/**
 * Of several prompts the one where the reference comes closest to another word, and is yet surer than `gap`, with what it writes there.
 * `null` when it is sure nowhere.
 */
export async function borderView(
  engine: ReferenceEngine,
  prompts: readonly MeasuredPrompt[],
  gap: number,
  { replyTokens, signal }: Bounds,
): Promise<{ readonly variant: number; readonly view: ReferenceView } | null> {
  let best: { readonly variant: number; readonly view: ReferenceView; readonly least: number } | null = null;
  for (const [variant, prompt] of prompts.entries()) {
    const { positions } = await engine.measure({ ...GREEDY, prompt, maxTokens: replyTokens, top: 0 }, signal);
    const end = positions.findIndex((position) => position.gap <= gap);
    const sure = end < 0 ? positions : positions.slice(0, end);
    if (
      sure
        .map(({ token }) => token)
        .join('')
        .trim() === ''
    )
      continue;
    const least = Math.min(...sure.map((position) => position.gap));
    if (best !== null && best.least <= least) continue;
    const tokens = positions.map((position) => ({ token: position.token, gap: position.gap }));
    best = { variant, least, view: { kind: 'greedy', tokens } };
  }
  return best === null ? null : { variant: best.variant, view: best.view };
}

/** Total variation over the whole vocabulary is bounded from below by the twin's listed tokens, as a candidate's is. */
export async function twinVariations(
  pair: { readonly reference: ReferenceEngine; readonly twin: ReferenceEngine },
  {
    prompts,
    from,
    count,
    tier,
  }: { readonly prompts: Prompts; readonly from: number; readonly count: number; readonly tier: ComparisonTier },
  bounds: Bounds,
): Promise<readonly number[]> {
  const { reference, twin } = pair;
  const worst: number[] = [];
  for (let index = from; index < from + count; index += 1) {
    bounds.signal.throwIfAborted();
    const prompt = promptOf(prompts, index);
    const own = await twin.measure(
      { ...GREEDY, prompt, maxTokens: bounds.replyTokens, top: bounds.listed || 2 },
      bounds.signal,
    );
    if (own.positions.length === 0) continue;
    const follow = own.positions.map(({ token }) => token);
    const wanted = own.positions.map(({ top }) => top.map(([token]) => token));
    const { positions } = await reference.measure({ ...GREEDY, prompt, follow, wanted, maxTokens: 0, top: 0 }, bounds.signal);
    const distances = positions.map(({ known, gap }, place) => {
      const theirs = own.positions[place];
      if (theirs === undefined) return 0;
      return tier === 'border' ? Math.min(1, Math.abs(gap - theirs.gap)) : variation(theirs.top, known);
    });
    worst.push(Math.max(...distances));
  }
  return worst;
}

function variation(top: readonly (readonly [string, number])[], known: readonly (number | null)[]): number {
  let [apart, theirs, ours] = [0, 0, 0];
  for (const [index, [, log]] of top.entries()) {
    const own = known[index] ?? null;
    if (own === null) continue;
    const [q, p] = [Math.exp(log), Math.exp(own)];
    apart += Math.abs(q - p);
    theirs += q;
    ours += p;
  }
  return Math.min(1, (apart + Math.abs(theirs - ours)) / 2);
}
