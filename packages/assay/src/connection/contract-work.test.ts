/** Documents about contracts whose hashes hold and whose members are something else: each is a coded error, before anything is printed. */

import { digestOfJson } from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { auditIn, buildIn } from './contract-work.ts';
import type { RunResult } from './task-result.ts';

const FINDING = {
  ...{ check: 'tx-origin', impact: 'High', confidence: 'High', description: 'words', fingerprint: 'f', cwe: null },
  ...{ dependency: false, suppressed_by_line: null, locations: [{ source: 'A.sol', first_line: 1 }] },
};
const AUDIT = {
  ...{ v: 'assay-audit/1', build_hash: 'b', policy: 'default', uncounted: 0, dependencies: [], findings: [FINDING] },
  ...{ analyzer: { version: '0.11.6' }, compiler: { version: '0.8.24' } },
};
const REMARK = { rule: 'x', severity: 'error', message: 'm', source: 'A.sol', line: 1, suppressed: false };
const LINT = {
  v: 'assay-lint/1',
  linter: { name: 'solhint', version: '6' },
  sources: ['A.sol'],
  unread: {},
  findings: [REMARK],
};
const CLAIM = { status: 'claimed', title: 't', what: 'w', source: null, line: null };
const CLAIMS = { model: 'm', error: null, omitted: [], findings: [CLAIM] };
const MANIFEST = { v: 'assay-build/1', compiler: { version: '0.8.24' }, contracts: [] };

const hexOf = (document: unknown): string => digestOfJson(document).slice('sha256:'.length);
const linted = (document: unknown) => ({ outcome: 'linted', lintHash: hexOf(document), document });

function audited({
  audit = AUDIT,
  lint = linted(LINT),
  claims = CLAIMS,
}: Partial<Record<'audit' | 'lint' | 'claims', unknown>>) {
  const answer = { result: { auditHash: hexOf(audit) }, audit, lint, claims };
  return auditIn({ answer, files: { '/audit/report.sarif': utf8('{}') } } as unknown as RunResult);
}

describe('an audit', () => {
  it('is given out with lint and claims, and without them', () => {
    expect(audited({})).toMatchObject({ lint: { outcome: 'linted' }, claims: CLAIMS });
    expect(audited({ lint: null, claims: null })).toMatchObject({ lint: null, claims: null });
    expect(audited({ lint: { outcome: 'not-checked', reason: 'none' } })?.lint).toMatchObject({ reason: 'none' });
  });

  it.each<readonly [string, Parameters<typeof audited>[0], readonly string[]]>([
    ['no list of findings', { audit: { ...AUDIT, findings: { length: 1 } } }, ['a list at /findings', 'audit document']],
    ['a finding that is none', { audit: { ...AUDIT, findings: [null] } }, ['an object at /findings/0']],
    ['a number as impact', { audit: { ...AUDIT, findings: [{ ...FINDING, impact: 7 }] } }, ['a string at /findings/0/impact']],
    [
      'a text as number',
      { audit: { ...AUDIT, findings: [{ ...FINDING, cwe: '\u001b[2J' }] } },
      ['a number at /findings/0/cwe'],
    ],
    ['no places', { audit: { ...AUDIT, findings: [{ ...FINDING, locations: null }] } }, ['a list at /findings/0/locations']],
    ['no analyser', { audit: { ...AUDIT, analyzer: null } }, ['an object at /analyzer']],
    ['remarks that are no list', { lint: linted({ ...LINT, findings: 'many' }) }, ['a list at /findings', 'lint document']],
    ['a line of text', { lint: linted({ ...LINT, findings: [{ ...REMARK, line: '\u001b[2J' }] }) }, ['/findings/0/line']],
    ['a source not read for a number', { lint: linted({ ...LINT, unread: { 'A.sol': 7 } }) }, ['a string at /unread/A.sol']],
    ['no lint document', { lint: linted(null) }, ['an object in the lint document']],
    ['no reason', { lint: { outcome: 'not-checked' } }, ['a string at /reason']],
    ['claims that are no list', { claims: { ...CLAIMS, findings: null } }, ["a list at /findings in the model's claims"]],
  ])('with %s is refused', async (_, answer, words) => {
    await expectRefusal(() => audited(answer), 'client/answer-malformed', [...words, 'report it']);
  });
});

it.each<readonly [string, object, string]>([
  ['no list of contracts', { ...MANIFEST, contracts: null }, 'a list at /contracts'],
  [
    'a length of text',
    { ...MANIFEST, contracts: [{ source: 's', name: 'n', creation: { length: '\u001b[2J', keccak256: '' }, runtime: null }] },
    'a number at /contracts/0/creation/length',
  ],
])('a build with %s is refused', async (_, build, words) => {
  const files = { '/build/contracts.json': utf8('{}') };
  const result = { answer: { result: { buildHash: hexOf(build) }, build }, files } as unknown as RunResult;
  await expectRefusal(() => buildIn(result), 'client/answer-malformed', [words, 'build manifest']);
});
