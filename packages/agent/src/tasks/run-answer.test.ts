import type { SandboxResult } from '@assay/sandbox';
import { describe, expect, it } from 'vitest';
import { runWarnings } from './run-answer.ts';

const left = (...reasons: readonly string[]): SandboxResult =>
  ({
    skipped: reasons.map((reason) => ({ pathBase64: '', reason })),
    claim: { limits: { artifacts: 64 } },
  }) as unknown as SandboxResult;

describe('runWarnings', () => {
  it('is empty when every file was kept', () => {
    expect(runWarnings(left())).toEqual([]);
  });

  it('claims no count where the list of them is full', () => {
    const [warning] = runWarnings(left(...Array.from({ length: 256 }, () => 'more than 64 files')));
    expect(warning).toContain('got at least 256 more that were not kept');
  });

  it('counts the files that were not kept, by reason, and says what to do', () => {
    const reasons = [...Array.from({ length: 16 }, () => 'more than 64 files'), 'symbolic link'];
    const [warning, ...more] = runWarnings(left(...reasons));
    expect(more).toEqual([]);
    expect(warning).toContain(
      'at most 64 regular files, got 17 more that were not kept (16 × more than 64 files, 1 × symbolic link)',
    );
  });
});
