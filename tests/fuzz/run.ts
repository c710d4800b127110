/** `npm run fuzz -- [inputs] [seed]`: a campaign of any length, with progress and a total. */

import { runCampaign } from './campaign.ts';
import { fuzzTargets } from './targets.ts';

const [count = '1000000', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const begun = performance.now();
const result = runCampaign(await fuzzTargets(), Number(count), Number(seed), (done) => {
  const seconds = (performance.now() - begun) / 1000;
  process.stderr.write(`${done.toLocaleString('en')} inputs, ${Math.round(done / seconds).toLocaleString('en')}/s\r`);
});
const { inputs, parsed, slowestMs, findings } = result;
console.log(
  `${inputs.toLocaleString('en')} inputs (seed ${seed}), ${parsed.toLocaleString('en')} parsed, slowest ${slowestMs.toFixed(1)} ms, ${findings.length} findings`,
);
for (const finding of findings.slice(0, 20)) console.log(JSON.stringify(finding));
process.exitCode = findings.length === 0 ? 0 : 1;
