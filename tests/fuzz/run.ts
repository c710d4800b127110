/**
 * `npm run fuzz -- [inputs] [seed]` or `npm run fuzz -- --seconds 3600`: a campaign over all targets, of any length. Memory is sampled
 * between its rounds; a process that grows beyond the bound is a finding like any other.
 */

import { type Finding, runCampaign } from './campaign.ts';
import { fuzzTargets } from './targets.ts';

/** Resident memory that no campaign may need, bytes. */
const MOST_RESIDENT = 256 * 1024 * 1024;
/** Inputs between two looks at clock and memory. */
const ROUND = 20_000;

const [first = '1000000', second] = process.argv.slice(2);
const timed = first === '--seconds';
const most = timed ? Number.POSITIVE_INFINITY : Number(first);
const seconds = timed ? Number(second) : Number.POSITIVE_INFINITY;
const seed = timed || second === undefined ? Date.now() % 2 ** 31 : Number(second);
const begun = performance.now();
const elapsed = (): number => (performance.now() - begun) / 1000;

const targets = await fuzzTargets();
const findings: Finding[] = [];
let [inputs, parsed, slowestMs, resident, rounds] = [0, 0, 0, 0, 0];
while (inputs < most && elapsed() < seconds) {
  const result = runCampaign(targets, Math.min(ROUND, most - inputs), seed + rounds, () => undefined);
  rounds += 1;
  inputs += result.inputs;
  parsed += result.parsed;
  slowestMs = Math.max(slowestMs, result.slowestMs);
  findings.push(...result.findings);
  resident = Math.max(resident, process.memoryUsage.rss());
  process.stderr.write(`${inputs.toLocaleString('en')} inputs, ${Math.round(inputs / elapsed())}/s, ${resident >> 20} MiB\r`);
}
console.log(
  `${inputs.toLocaleString('en')} inputs in ${Math.round(elapsed())} s (seed ${seed}, ${targets.length} targets), ${parsed.toLocaleString('en')} parsed, ` +
    `slowest ${slowestMs.toFixed(1)} ms, most resident ${resident >> 20} MiB, ${findings.length} findings`,
);
for (const finding of findings.slice(0, 20)) console.log(JSON.stringify(finding));
if (resident > MOST_RESIDENT) console.log(`expected at most ${MOST_RESIDENT >> 20} MiB resident, got ${resident >> 20}`);
process.exitCode = findings.length === 0 && resident <= MOST_RESIDENT ? 0 : 1;
