/** An audit's error names each tool that is absent: the analyser, and the compiler where that is absent too. */

import { describe, expect, test } from 'vitest';
import { ServerError } from '../../errors.ts';
import { openAnalyzer } from './open-analyzer.ts';

const ABSENT = new ServerError('audit/analyzer-absent', 'audits need Slither, got none (no image); the operator runs: install');
const project = (pragma: string) => ({
  input: { sources: { 'A.sol': `pragma solidity ${pragma};` } },
  wanted: null,
});
const ports = (releases: readonly string[], error: Error | null) => ({
  compilers: { releases: releases.map((version) => ({ version })) },
  analyzer: { open: () => (error === null ? Promise.resolve('open') : Promise.reject(error)) },
});

async function wordsOf(releases: readonly string[], pragma: string, error: Error | null): Promise<string> {
  const opened = openAnalyzer(project(pragma) as never, ports(releases, error) as never);
  return opened.then(String, (thrown: Error) => thrown.message);
}

describe('an audit', () => {
  test.each([
    ['with both tools', ['0.8.24'], '0.8.24', null, 'open'],
    ['without Slither', ['0.8.24'], '0.8.24', ABSENT, ABSENT.message],
    [
      'without either',
      [],
      '0.8.24',
      ABSENT,
      'audits need Slither, got none (no image), and A.sol asks for solidity "0.8.24", which none of the compilers (none installed) meets; ' +
        'the operator runs: install, and adds the compiler with: assay solc add 0.8.24',
    ],
    ['whose pragma is hostile', [], `0.8.24 ${'0'.repeat(600)}`, ABSENT, ABSENT.message],
    ['that fails otherwise', [], '0.8.24', new Error('disk'), 'disk'],
  ] as const)('%s', async (_, releases, pragma, error, words) => {
    expect(await wordsOf(releases, pragma, error)).toBe(words);
  });
});
