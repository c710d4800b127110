/** A short campaign on every run; `npm run fuzz` runs as many as it is told. */

import { expect, it } from 'vitest';
import { runCampaign } from './campaign.ts';
import { fuzzTargets } from './targets.ts';

it('parsers end with a value or a coded error, at once', { timeout: 120_000 }, async () => {
  const { findings } = runCampaign(await fuzzTargets(), 40_000, 20261121);
  expect(findings.slice(0, 5)).toEqual([]);
});
