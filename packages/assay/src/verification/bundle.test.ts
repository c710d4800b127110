/** The verdict on a bundle that is open: what its receipts and reports lack is not accepted. Opening is tested in @assay/receipt and tests/e2e. */

import { expectRefusal, FAKE_NOW } from '@assay/testing';
import { expect, test } from 'vitest';
import { type OpenedBundle, openedVerdict } from './bundle.ts';
import { resolveOptions } from './options.ts';

const options = resolveOptions({ now: FAKE_NOW });
const CALL = { type: 'model.called', provider: 'p', model: 'm' };
const report = { claims: { type: 'nitro', tcb: null }, time: FAKE_NOW, report: { nonce: null } };

/** As the verdict looks at it. */
function opened(events: readonly object[], reports: readonly object[] = [report]): OpenedBundle {
  const receipts = [{ receipt: { event_log: events }, time: FAKE_NOW, payloads: [] }];
  return {
    bundle: { receipts, evidence: reports, log: {}, checks: [] },
    appraisals: [],
    provenance: [],
  } as unknown as OpenedBundle;
}

test.each<[string, readonly object[], string, readonly string[]]>([
  ['weights that it does not name', [{ ...CALL, provenance: 'embedded' }], 'refused', ['receipt.model-weights']],
  ['a model elsewhere', [{ ...CALL, provenance: 'unverified' }], 'accepted', []],
])('a receipt of %s', (_, events, outcome, failing) => {
  const verdict = openedVerdict(opened(events), options);
  expect(verdict.outcome).toBe(outcome);
  expect(verdict.checks.filter((check) => check.outcome === 'fail').map(({ id }) => id)).toEqual(failing);
});

test('bundle/report-missing: no report says who sealed it', async () => {
  await expectRefusal(() => openedVerdict(opened([], []), options), 'bundle/report-missing', ['got none', 'export it again']);
});
