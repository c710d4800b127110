/**
 * What a provider's `finish_reason` says about a reply. Each provider and server has words of its own, and proxies pass them on
 * unchanged. A word in no list is `unknown`, which counts as not finished: half a program must never run as a whole one.
 */

import type { ModelFinish } from '../../ports/model.ts';

/** Words in lower case, blanks and hyphens as underscores. Sources: the API references of the providers in `providers.ts`. */
const WORDS: Readonly<Record<Exclude<ModelFinish, 'unknown'>, readonly string[]>> = {
  // OpenAI, Mistral, llama.cpp, vLLM; Anthropic and Bedrock; Gemini; Cohere; Hugging Face TGI.
  stop: ['stop', 'end_turn', 'stop_sequence', 'complete', 'completed', 'eos', 'eos_token', 'end', 'done', 'finished'],
  'tool-calls': ['tool_calls', 'tool_call', 'tool_use', 'function_call'],
  length: [
    'length',
    'max_tokens',
    'max_output_tokens',
    'max_completion_tokens',
    'max_new_tokens',
    'max_length',
    'model_length',
    'token_limit',
    'error_limit',
    'context_length',
    'context_length_exceeded',
    'model_context_window_exceeded',
    'incomplete',
  ],
  filtered: [
    'content_filter',
    'content_filtered',
    'guardrail_intervened',
    'safety',
    'recitation',
    'language',
    'blocklist',
    'prohibited_content',
    'spii',
    'image_safety',
    'sensitive',
    'error_toxic',
  ],
  refused: ['refusal', 'refused'],
  error: [
    'error',
    'network_error',
    'abort',
    'aborted',
    'cancelled',
    'canceled',
    'user_cancel',
    'timeout',
    'load',
    'unload',
    'other',
    'pause_turn',
    'malformed_function_call',
    'unexpected_tool_call',
    'insufficient_system_resource',
  ],
};

const MEANING: ReadonlyMap<string, ModelFinish> = new Map(
  Object.entries(WORDS).flatMap(([finish, words]) => words.map((word) => [word, finish as ModelFinish])),
);

/**
 * The meaning of `word`; `null` (no word, in a stream that ended by its own end mark) means that the model stopped.
 *
 * @example finishOf('MAX_TOKENS') // 'length'
 */
export function finishOf(word: string | null): ModelFinish {
  if (word === null) return 'stop';
  return MEANING.get(word.toLowerCase().replaceAll(/[ -]/g, '_').replace('finish_reason_', '')) ?? 'unknown';
}
