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
