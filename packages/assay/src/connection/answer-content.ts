/** Bodies of a verified agent, read up to a bound: it is attested, not infallible. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Reservation } from '@assay/encoding/budget';
import { decodeUtf8 } from '@assay/encoding/bytes';
import { ClientError } from '../errors.ts';
import { oneLine, withAdvice } from './one-line.ts';

export const MAX_RECEIPT_BYTES: number = 16 * 1024 * 1024;
/** Answers of tasks and of models. */
export const MAX_ANSWER_BYTES: number = 64 * 1024 * 1024;
const MAX_PROBLEM_BYTES = 64 * 1024;

/**
 * All of a body.
 * @param most - Bytes.
 * @throws {ClientError} `client/answer-oversize`.
 */
export function contentOf(answer: Response, most: number, held?: Reservation): Promise<Uint8Array> {
  const refuse = (bound: number): ClientError =>
    new ClientError('client/answer-oversize', `expected an answer of at most ${bound} bytes, got more; ask for less`);
  return readAtMost(answer.body, { most, what: 'the agent', refuse, held });
}

/** The agent's own words about an error: `detail` of a problem document (RFC 9457), OpenAI's `error.message`, or its text. */
export async function refusalOf(answer: Response): Promise<ClientError> {
  const { status } = answer;
  const text = await contentOf(answer, MAX_PROBLEM_BYTES).then(decodeUtf8, () => '');
  const problem = problemOf(text);
  if (status === 401) return unauthorized(oneLine(problem.words), 'ASSAY_API_KEY');
  if (status === 404) return notFound(problem.words, problem.code);
  const { said, advice } = withAdvice(problem.words, 'change the request');
  return new ClientError('client/agent-refused', `the agent answered ${status}: ${said}; ${advice}`, {
    details: { status, code: problem.code },
  });
}

/**
 * A request without a key of this agent, or with another one's.
 * @param setting where a command reads the key.
 */
export function unauthorized(words: string, setting: 'ASSAY_API_KEY' | 'ASSAY_OPERATOR_KEY'): ClientError {
  const [said] = words.split('; ');
  return new ClientError('client/unauthorized', `the agent answered 401: ${said}; set ${setting} to a key of this agent`, {
    details: { status: 401 },
  });
}

/** What was asked for by name, an id or a model, is not at this agent. */
export function notFound(words: string, code: string | null = null): ClientError {
  const { said, advice } = withAdvice(words, 'check the name or id');
  const message = `the agent answered 404: ${said}; ${advice}`;
  return new ClientError('client/not-found', message, { details: { status: 404, code } });
}

function problemOf(text: string): { readonly words: string; readonly code: string | null } {
  try {
    const problem = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const { detail, error, title, code } = problem ?? {};
    const inner = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
    const words = [detail, inner, title].find((word) => typeof word === 'string' && word !== '');
    return { words: typeof words === 'string' ? words : text, code: typeof code === 'string' ? code : null };
  } catch {
    return { words: text, code: null };
  }
}
