/** The exact bodies in which queries are asked; a reader of the record makes them again (spec/model-comparison.md §4). */

import { utf8 } from '@assay/encoding/bytes';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { challengeBody } from './answer.ts';
import { challengeText } from './challenge.ts';
import type { PlanDocument } from './plan.ts';
import { challengeSeed } from './score.ts';

/**
 * The request of a query: its prompt follows from the key. Texts of pairs repeat twenty prompts and are sampled, by each party with a seed of its
 * own.
 * @example const body = challengeRequest(plan, key, { index: 0, variant: 0 })
 */
export function challengeRequest(
  plan: PlanDocument,
  key: Uint8Array,
  {
    index,
    variant,
    party = 'candidate',
  }: {
    readonly index: number;
    readonly variant: number;
    readonly party?: 'candidate' | 'reference';
  },
): string {
  const sampled = plan.tier === 'pairs-text';
  const place = { key, run: plan.run, index: sampled ? index % REPEATED_PROMPTS : index, variant };
  return challengeBody({
    ...{
      endpoint: plan.endpoint,
      model: party === 'candidate' ? plan.model : plan.reference_model,
      maxTokens: plan.reply_tokens,
      top: plan.top,
    },
    ...{ text: challengeText(place), temperature: sampled ? 1 : 0 },
    seed: sampled ? samplingSeed({ key, run: plan.run, index }, party) : null,
  });
}

/** A number of 31 bits from the key: no party's texts follow a pattern, and none can be foreseen. */
function samplingSeed(
  { key, run, index }: { readonly key: Uint8Array; readonly run: string; readonly index: number },
  party: string,
): number {
  const bytes = hmac(sha256, challengeSeed(key, run, index), utf8(party));
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) >>> 1;
}

/** What can be told apart at a prompt is learned faster when prompts return. */
const REPEATED_PROMPTS = 20;
