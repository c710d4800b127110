/** One matcher for coded errors, so that a test names the defect by its code and nothing else. */

import { expect } from 'vitest';

/**
 * Expects a promise to reject, or a function to throw or reject, with an error that carries `code`. Returns the error.
 * @example await expectCode(() => parseCertificate(bytes), 'certificate/malformed');
 */
export async function expectCode(subject: Promise<unknown> | (() => unknown), code: string): Promise<Error> {
  let caught: unknown;
  let outcome: unknown;
  try {
    outcome = await (typeof subject === 'function' ? subject() : subject);
  } catch (error) {
    caught = error;
  }
  if (caught === undefined) expect.unreachable(`expected an error with code ${code}, got a result: ${describe(outcome)}`);
  const actual = typeof caught === 'object' && caught !== null && 'code' in caught ? caught.code : undefined;
  if (actual === undefined) throw caught;
  expect(actual, String(caught)).toBe(code);
  return caught as Error;
}

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'object') : String(value);
}

/** One line that begins in lower case, with a name, a number or a quotation. */
const ONE_LINE = /^(?![A-Z][a-z])[^\n\r]{12,600}[^.\s]$/;
/** What to do next stands behind a semicolon, or is put as a question. */
const ADVICE = /; \S+ \S+|\?$/;

/**
 * As {@link expectCode}, and its message keeps the house form: one lower-case line that says what is wrong and, behind a semicolon,
 * what to do next. Returns the message.
 * @param words what the message has to name: the value expected, the one that came, the option, the address.
 * @example await expectRefusal(() => openExchange(config), 'channel/key-invalid', ['32 bytes', 'got 31']);
 */
export async function expectRefusal(
  subject: Promise<unknown> | (() => unknown),
  code: string,
  words: readonly string[],
): Promise<string> {
  const { message } = await expectCode(subject, code);
  expectAdvice(message, words);
  return message;
}

/** The form of {@link expectRefusal} for a message that came by another road: HTTP, a terminal, a result. */
export function expectAdvice(message: string, words: readonly string[]): void {
  expect(message, 'one lower-case line').toMatch(ONE_LINE);
  expect(message, 'says what to do').toMatch(ADVICE);
  for (const word of words) expect(message).toContain(word);
}
