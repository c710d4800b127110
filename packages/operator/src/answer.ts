/**
 * What the agent key signs: the text of an answer to a prompt, by EIP-191 (spec/operator.md §8). The text begins with `assay-answer/1` and
 * goes on with one line of JSON, so that it can be neither a transaction nor typed data nor a login text, whatever a model wrote.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject } from '@assay/encoding/json';
import { type Hex, keccakOf } from './hex.ts';
import { pythonStr } from './python-str.ts';
import { recoverSigner } from './signers.ts';

/** The members of an answer that the seed's signature covers, in its order. */
export interface SeedAnswer {
  readonly model: string;
  readonly response: Json;
  readonly messages: Json;
  readonly tools: Json;
  readonly system_prompt: string | null;
}

/** What the signature covers beside them. */
export interface AnswerContext {
  readonly agent_id: string;
  readonly keyset_digest: string;
  readonly receipt_id: string;
  readonly tool_choice: Json;
  readonly max_tokens: number;
}

/**
 * The text that is signed: `assay-answer/1`, a line feed, JCS.
 * @example personalDigest(answerText(answer, context)) // what the agent's key signs
 */
export function answerText(answer: SeedAnswer, context: AnswerContext): string {
  return `assay-answer/1\n${canonicalJson({ ...answer, ...context } as JsonObject)}`;
}

/**
 * The seed's text, `str(result)`; it begins with `{`.
 * @example seedAnswerText(answer).startsWith('{') // true
 */
export function seedAnswerText({ model, response, messages, tools, system_prompt }: SeedAnswer): string {
  return pythonStr({ model, response, messages, tools, system_prompt });
}

/**
 * The EIP-191 digest of a text (`personal_sign`).
 * @example recoverSigner(personalDigest('hello'), signature)
 */
export function personalDigest(text: string): Hex {
  const bytes = utf8(text);
  return keccakOf(utf8(`\x19Ethereum Signed Message:\n${bytes.length}`), bytes);
}

/**
 * The address that signed a text.
 * @throws {OperatorError} `operator/signature-invalid`.
 * @example recoverAnswerSigner(answer.signed_response, answer.signature) === config.tee_public_key
 */
export function recoverAnswerSigner(text: string, signature: Hex): Hex {
  return recoverSigner(personalDigest(text), signature);
}
