/** The runs of a receipt: which can be repeated, why one cannot, and which is the linter's. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { describe, expect, it } from 'vitest';
import { recordedRuns } from './recorded-runs.ts';

const CODE = 'console.log(1)';
const PINNED = 'a'.repeat(64);
const hexOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function runsOf(claim: unknown, more: { readonly linted?: string; readonly image?: string } = {}) {
  const text = typeof claim === 'string' ? claim : JSON.stringify(claim);
  const payloads = new Map([text, CODE].map((each) => [`sha256:${hexOf(each)}`, utf8(each)]));
  const run = { type: 'code.executed', language: 'javascript', image: more.image ?? 'slither' };
  return recordedRuns({
    receiptId: 'rcpt_1',
    events: [
      { ...run, attempt: 1, claim_hash: `sha256:${hexOf(text)}`, code_hash: `sha256:${hexOf(CODE)}` },
      ...(more.linted === undefined ? [] : [{ type: 'contract.linted', outcome: 'linted', linter: more.linted }]),
    ],
    payload: (digest) => payloads.get(digest) ?? null,
    readTranscript: () => [],
    linter: `sha256:${PINNED}`,
  });
}

const claimOf = (sha256: string, path = '/tmp/solhint.cjs') => ({
  ...{ v: 1, codeSha256: hexOf(CODE), inputs: [{ path, sha256, bytes: 1 }], network: { mode: 'off' }, sessionPrevious: null },
});

describe("the linter's run", () => {
  it.each([
    ['of the pinned program is to be installed', PINNED, 'solhint 6.2.4', /install it: assay sandbox install --lane solhint$/],
    ['of another program names what made it', 'b'.repeat(64), 'solhint 6.0.0', /made by solhint 6\.0\.0 .*does not install$/],
  ])('%s', (_, digest, linted, why) => {
    const [run] = runsOf(claimOf(digest), { linted });
    expect(run).toMatchObject({ name: 'linter of rcpt_1', isLint: true, missing: expect.stringMatching(why) });
  });

  it.each<readonly [string, ReturnType<typeof claimOf>, Parameters<typeof runsOf>[1]]>([
    ['in a receipt that was not linted', claimOf(PINNED), {}],
    ['outside of the analyser', claimOf(PINNED), { linted: 'solhint 6.2.4', image: 'python' }],
    ['without its program', claimOf(PINNED, '/tmp/evm.cjs'), { linted: 'solhint 6.2.4' }],
  ])('is no run %s', (_, claim, more) => {
    expect(runsOf(claim, more)).toMatchObject([{ name: 'attempt 1 of rcpt_1', isLint: false }]);
  });
});

it.each([
  ['no JSON', 'nothing'],
  ['no claim', '{"v":1}'],
  ['null', 'null'],
])('a claim that is %s cannot be repeated, and says why', (_, claim) => {
  const [run] = runsOf(claim, { linted: 'solhint 6.2.4' });
  expect(run).toMatchObject({ isLint: false, missing: expect.stringMatching(/cannot be read|about other code/) });
});
