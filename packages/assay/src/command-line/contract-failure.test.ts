/** How a command on contracts ends without a result: 6 for sources that do not compile, else under the agent's own code and its kind. */

import { describe, expect, test } from 'vitest';
import type { RunResult } from '../index.ts';
import { contractFailure } from './contract-failure.ts';
import { exitCodeOfKind } from './exit-codes.ts';

const failed = (code: string): RunResult =>
  ({ outcome: 'failed', message: 'Build failed', error: { code, message: 'line 1\nline 2' } }) as unknown as RunResult;

interface Ended {
  readonly exit: number;
  /** Of the error that was thrown; empty without one. */
  readonly code: string;
  /** Printed, or the words of the error. */
  readonly words: string;
}

async function ended(code: string, quiet = false): Promise<Ended> {
  let printed = '';
  const stderr = (text: string): void => {
    printed += text;
  };
  const io = { stderr, env: {}, isTty: false };
  try {
    return { exit: await contractFailure(failed(code), quiet, io as never), code: '', words: printed };
  } catch (error) {
    const { code: own, kind, message } = error as { readonly code: string; readonly kind: string; readonly message: string };
    return { exit: exitCodeOfKind(kind), code: own, words: message };
  }
}

describe('a command on contracts ends with', () => {
  test.each([
    ['sources that do not compile', 'contract/compile-failed', 6],
    ['a compiler that is absent', 'project/pragma-unmet', 4],
    ['a compiler that went away', 'compiler/unknown', 4],
    ['an analyser that is absent', 'audit/analyzer-absent', 4],
    ['a sandbox that is absent', 'sandbox/unavailable', 4],
    ['a busy agent', 'server/busy', 4],
    ['sources that crash the compiler', 'compiler/crashed', 2],
    ['sources that take too long', 'compiler/timeout', 5],
    ['an import that is missing', 'project/import-missing', 2],
    ['an error of tomorrow', 'audit/of-tomorrow', 4],
  ])('%s', async (_, code, exit) => {
    expect((await ended(code)).exit).toBe(exit);
  });

  test.each(['project/pragma-unmet', 'audit/analyzer-absent', 'sandbox/unavailable'])(
    '%s, the only code shown',
    async (code) => {
      expect(await ended(code)).toMatchObject({ code, words: 'line 1\nline 2' });
    },
  );

  test('the words of the compiler, unless quiet', async () => {
    expect((await ended('contract/compile-failed')).words).toMatch(/Build failed\n {2}line 1\n {2}line 2\n$/);
    expect((await ended('contract/compile-failed', true)).words).toBe('');
    expect(await ended('audit/of-tomorrow')).toMatchObject({
      code: 'cli/agent-failed',
      words: expect.stringContaining('of-tomorrow'),
    });
  });
});
