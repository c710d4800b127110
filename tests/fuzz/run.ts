/**
 * `npm run fuzz -- [inputs] [seed]` or `npm run fuzz -- --seconds 3600`: a campaign over all targets, of any length. Memory is sampled
 * between its rounds; a process that grows beyond the bound is a finding like any other, and so is what stays after a collection.
 *
 * The script in package.json limits the heap. Without that the engine lets garbage lie while the machine has room, and the resident
 * memory says nothing about the parsers. An input that needs more ends the process; the line on the screen names the seed of its round.
 */

import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { programOptions } from '../../tools/program-options.ts';
import { type Finding, runCampaign } from './campaign.ts';
import { fuzzTargets } from './targets.ts';

const MIB = 1024 * 1024;
/** Resident memory that no campaign may need, bytes. */
const MOST_RESIDENT = 256 * MIB;
/** What a campaign may leave behind after a collection, bytes: code that was compiled, tables that were made once. */
const MOST_LEFT = 24 * MIB;
/** Heap beyond which garbage would hide what the parsers need, bytes. */
const MOST_HEAP = 128 * MIB;
/** Inputs between two looks at clock and memory. */
const ROUND = 20_000;

const { values, positionals } = programOptions({
  call: 'npm run fuzz',
  does: 'A campaign of changed inputs over all targets. Ends with 1 when it found something.',
  options: { seconds: { takes: 'N', about: 'how long, instead of how many inputs', number: 'positive' } },
  arguments: [
    { name: 'INPUTS', about: 'how many (1000000)', number: 'count' },
    { name: 'SEED', about: 'of the first round; left out: the time', number: 'whole' },
  ],
});
const [count = '1000000', chosenSeed] = positionals;
const { gc } = globalThis;
if (gc === undefined || getHeapStatistics().heap_size_limit > MOST_HEAP)
  throw new Error('expected a limited heap and a collector to call; start this with npm run fuzz');

/** What is in use, garbage left out. */
function live(): number {
  gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const most = values.seconds === undefined ? Number(count) : Number.POSITIVE_INFINITY;
const seconds = Number(values.seconds ?? Number.POSITIVE_INFINITY);
const seed = chosenSeed === undefined ? Date.now() % 2 ** 31 : Number(chosenSeed);
const begun = performance.now();
const elapsed = (): number => (performance.now() - begun) / 1000;

const targets = await fuzzTargets();
const findings: Finding[] = [];
let [inputs, parsed, slowestMs, resident, rounds] = [0, 0, 0, 0, 0];
/** After the first round, when every parser has run. */
let before = 0;
while (inputs < most && elapsed() < seconds) {
  const round = seed + rounds;
  process.stderr.write(
    `${inputs.toLocaleString('en')} inputs, ${Math.round(inputs / elapsed())}/s, ${Math.round(resident / MIB)} MiB, seed ${round}\r`,
  );
  const result = runCampaign(targets, Math.min(ROUND, most - inputs), round, () => undefined);
  rounds += 1;
  inputs += result.inputs;
  parsed += result.parsed;
  slowestMs = Math.max(slowestMs, result.slowestMs);
  findings.push(...result.findings);
  resident = Math.max(resident, process.memoryUsage.rss());
  await setImmediate(); // what the platform holds for objects that are gone is freed between turns
  if (rounds === 1) before = live();
}
const left = live() - before;
console.log(
  `${inputs.toLocaleString('en')} inputs in ${Math.round(elapsed())} s (seed ${seed}, ${targets.length} targets), ${parsed.toLocaleString('en')} parsed, ` +
    `slowest ${slowestMs.toFixed(1)} ms, most resident ${Math.round(resident / MIB)} MiB, ${(left / MIB).toFixed(1)} MiB left behind, ${findings.length} findings`,
);
for (const finding of findings.slice(0, 20)) console.log(JSON.stringify(finding));
if (resident > MOST_RESIDENT)
  console.log(`expected at most ${MOST_RESIDENT / MIB} MiB resident, got ${Math.round(resident / MIB)}`);
if (left > MOST_LEFT) console.log(`expected at most ${MOST_LEFT / MIB} MiB left behind, got ${Math.round(left / MIB)}`);
process.exitCode = findings.length === 0 && resident <= MOST_RESIDENT && left <= MOST_LEFT ? 0 : 1;
