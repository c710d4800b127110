/** How a command on contracts ends without a result: 6 for sources that do not compile, 4 where the agent could not do the work. */

import { describe, expect, test } from 'vitest';
import type { RunResult } from '../index.ts';
import { contractFailure } from './contract-failure.ts';
import { exitCodeOfKind } from './exit-codes.ts';

const failed = (code: string): RunResult =>
  ({ outcome: 'failed', message: 'Build failed', error: { code, message: 'line 1\nline 2' } }) as unknown as RunResult;

function ended(code: string, quiet = false): readonly [exit: number, printed: string] {
  let printed = '';
  const stderr = (text: string): void => {
    printed += text;
  };
  const io = { stderr, env: {}, isTty: false };
  try {
    return [contractFailure(failed(code), quiet, io as never), printed];
  } catch (error) {
    const { code: own, kind } = error as { readonly code: string; readonly kind: string };
    return [exitCodeOfKind(kind), own];
  }
}

describe('a command on contracts ends with', () => {
  test.each([
    ['sources that do not compile', 'contract/compile-failed', 6],
    ['an analyser that is absent', 'audit/analyzer-absent', 4],
    ['a compiler that crashed', 'compiler/crashed', 4],
    ['an error of tomorrow', 'audit/of-tomorrow', 4],
  ])('%s', (_, code, exit) => {
    expect(ended(code)[0]).toBe(exit);
  });

  test('the words of the compiler, unless quiet', () => {
    expect(ended('contract/compile-failed')[1]).toMatch(/Build failed\n {2}line 1\n {2}line 2\n$/);
    expect(ended('contract/compile-failed', true)[1]).toBe('');
    expect(ended('audit/analyzer-absent')[1]).toBe('cli/agent-failed');
  });
});
