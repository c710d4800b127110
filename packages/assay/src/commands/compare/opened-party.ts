/** What a party offers: which form of answers it has, found out by one question that is in no plan. */

import { challengeBody, type ModelAnswer, ModelError, type PlanDocument, parseAnswer } from '@assay/models';
import { CliError } from '../../command-line/errors.ts';
import type { OpenEngine } from './calibration.ts';
import { type Endpoint, localEndpoint } from './endpoint.ts';
import type { Party } from './parties.ts';
import { type ServedProfile, servedProfile } from './profiles.ts';

export const REPLY_TOKENS = 20;
export const TOP = 20;

export interface Opened {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly format: PlanDocument['endpoint'];
  readonly answer: ModelAnswer;
  readonly profile: ServedProfile | null;
}

export interface OpenOptions {
  readonly open: OpenEngine;
  /** `null`: found out. */
  readonly format: PlanDocument['endpoint'] | null;
  /** Name of the model in requests; `null`: the first that is listed. */
  readonly named: string | null;
  readonly signal: AbortSignal;
}

/** Asks one question that is in no plan, to learn which form of answers there is. @throws {CliError} `cli/agent-failed` when there is no answer. */
export async function opened(party: Party, { open, format: wanted, named, signal }: OpenOptions): Promise<Opened> {
  const endpoint = party.kind === 'endpoint' ? party.endpoint : localEndpoint(party.name, await open(party.path.path), signal);
  const model = named ?? (await endpoint.models())[0] ?? 'default';
  const found = endpoint.agent === null ? (['completions', 'chat'] as const) : (['chat'] as const);
  const formats = wanted === null ? found : [wanted];
  let failure = 'no answer';
  for (const format of formats)
    for (const top of [TOP, 0]) {
      const text = 'The first line of the letter said that';
      const asked = await endpoint.ask(
        format,
        challengeBody({ endpoint: format, model, text, maxTokens: REPLY_TOKENS, top, temperature: 0, seed: null }),
      );
      if ('failure' in asked) {
        failure = asked.failure;
        continue;
      }
      const answer = answerOr(asked.body);
      if (answer === null) continue;
      const { agent } = endpoint;
      const profile = agent !== null && asked.receiptId !== null ? await servedProfile(agent, asked.receiptId, signal) : null;
      return { endpoint, model, format, answer, profile };
    }
  throw new CliError(
    'cli/agent-failed',
    `expected an answer from ${party.name}, got ${failure}; look at the endpoint, its key and --model`,
  );
}

/** Length of the shortest list; 0 without lists. */
export function listedIn({ positions }: ModelAnswer): number {
  return positions === null || positions.length === 0 ? 0 : Math.min(TOP, ...positions.map(({ top }) => top.length));
}

/** Log probabilities that are no numbers are as good as none. */
function answerOr(body: string): ModelAnswer | null {
  try {
    return parseAnswer(body);
  } catch (error) {
    if (!ModelError.is(error)) throw error;
    if (error.code !== 'comparison/bad-logprobs') return null;
    return {
      text: '',
      positions: [],
      finish: null,
      promptTokens: null,
      completionTokens: null,
      provider: null,
      fingerprint: null,
    };
  }
}
