/** The texts that an answer carries, by their hash: each is what a receipt names, or is not found. */

import { utf8 } from '@assay/encoding/bytes';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { PayloadOf } from '../story/index.ts';
import { bytesDigest } from './answer-digest.ts';

/**
 * Looks up code and output of an answer by the digest that its receipt names.
 * @example storyOf(receipt, { payload: await answerPayloads(answer) })
 */
export async function answerPayloads(answer: JsonObject): Promise<PayloadOf> {
  const run = memberOf(answer, 'execution_result');
  const texts = [answer.generated_code, answer.output, memberOf(run, 'stdout'), memberOf(run, 'stderr')];
  const known = new Map<string, Uint8Array>();
  for (const text of texts) {
    if (typeof text !== 'string' || text === '') continue;
    const bytes = utf8(text);
    known.set(await bytesDigest(bytes), bytes);
  }
  return (digest) => known.get(digest) ?? null;
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject)[name] : undefined;
}
