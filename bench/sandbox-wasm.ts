/**
 * What a run in the wasm sandbox costs, beside a bare start of its engine, all in one run (build first: the guests run from `dist`).
 *
 *   node bench/sandbox-wasm.ts [runs per row]
 *
 * 1. time to first output and to the result, cold and warm, of JavaScript and Python, over bare deno and bare node;
 * 2. jobs a second through the whole lane with two at a time, over bare deno processes a second (reach: ≥ 40 jobs/s on two idle cores).
 *
 * Rows are interleaved and medians reported, because the machine is shared.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { LANES, type Sandbox, type SandboxJob } from '@assay/agent';
import { findRuntimeFiles } from '../packages/sandbox/src/wasm/runtime-files.ts';
import { programOptions } from '../tools/program-options.ts';

const { positionals } = programOptions({
  call: 'node bench/sandbox-wasm.ts',
  does: 'What a run in the wasm sandbox costs compared with a bare start of its engine.',
  options: {},
  arguments: [{ name: 'RUNS', about: 'a row (15)', number: 'count' }],
});
const RUNS = Number(positionals[0] ?? 15);
const AT_ONCE = 2;
const RATE_MS = 4_000;
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'));
const script = join(directory, 'hello.mjs');
writeFileSync(script, "console.log('hi')");
const deno = findRuntimeFiles().deno.path;
const DENO = ['run', '--no-prompt', '--no-remote', '--no-npm', '--no-config', '--cached-only', '--no-code-cache', script];

interface Times {
  readonly first: number;
  readonly end: number;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function bare(command: string, args: readonly string[]): Promise<Times> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let first = Number.NaN;
    const child = spawn(command, args, {
      env: { DENO_DIR: '/dev/null/x', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.once('data', () => {
      first = performance.now() - start;
    });
    child.on('error', reject);
    child.on('close', () => resolve({ first, end: performance.now() - start }));
  });
}

async function run(sandbox: Sandbox, job: SandboxJob): Promise<Times> {
  const start = performance.now();
  let first = Number.NaN;
  for await (const event of sandbox.run(job)) {
    if (event.type === 'stdout' && Number.isNaN(first)) first = performance.now() - start;
    if (event.type === 'result' && event.result.status !== 'ok') throw new Error(JSON.stringify(event.result.error));
  }
  return { first, end: performance.now() - start };
}

async function rate(step: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + RATE_MS;
  let count = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (performance.now() < end) {
        await step();
        count += 1;
      }
    }),
  );
  return (count * 1000) / (performance.now() - start);
}

const lane = LANES.find(({ name }) => name === 'wasm');
if (lane === undefined) throw new Error('expected a wasm lane');
const opening = performance.now();
const cold = await lane.open({ directory, warm: 0, concurrency: AT_ONCE });
const firstOpen = performance.now() - opening;
const reopening = performance.now();
const warm = await lane.open({ directory, warm: 2, concurrency: AT_ONCE });
const secondOpen = performance.now() - reopening;
await pause(3_000);

const JS: SandboxJob = { language: 'javascript', code: "console.log('hi')" };
const PYTHON: SandboxJob = { language: 'python', code: "print('hi')" };
const JOBS_PYTHON: SandboxJob = {
  language: 'python',
  code: 'import csv, json, statistics, io\nprint(json.dumps([statistics.mean([1, 2, 4]), list(csv.reader(io.StringIO("a,b")))]))',
};
const ETHERS: SandboxJob = {
  language: 'javascript',
  code: "const { ethers } = require('ethers'); console.log(new ethers.Wallet('0x' + '11'.repeat(32)).signingKey.sign(ethers.id('x')).v)",
};
const rows: readonly (readonly [string, () => Promise<Times>])[] = [
  ['bare deno', () => bare(deno, DENO)],
  ['bare node', () => bare(process.execPath, [script])],
  ['JavaScript, cold', () => run(cold, JS)],
  ['JavaScript, warm', () => run(warm, JS)],
  ['JavaScript with ethers, warm', () => run(warm, ETHERS)],
  ['Python, cold', () => run(cold, PYTHON)],
  ['Python, warm', () => run(warm, PYTHON)],
  ['Python csv + json + statistics, warm', () => run(warm, JOBS_PYTHON)],
];
const times = new Map(rows.map(([name]): [string, Times[]] => [name, []]));
for (let turn = 0; turn < RUNS; turn += 1) {
  for (const [name, step] of rows) {
    times.get(name)?.push(await step());
    await pause(600);
  }
}
const rates: { readonly lane: number; readonly bare: number }[] = [];
for (let turn = 0; turn < 3; turn += 1)
  rates.push({ lane: await rate(() => run(warm, JS)), bare: await rate(() => bare(deno, DENO)) });

const base = median((times.get('bare deno') ?? []).map(({ first }) => first));
console.log(
  `${cpus()[0]?.model}, ${cpus().length} cores, load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}, node ${process.version}`,
);
console.log(
  `opening the lane: ${firstOpen.toFixed(0)} ms the first time, ${secondOpen.toFixed(0)} ms again (self-test included)\n`,
);
console.log('| run | first output ms | result ms | over bare deno |\n| --- | ---: | ---: | ---: |');
for (const [name, seen] of times) {
  const first = median(seen.map((one) => one.first));
  console.log(
    `| ${name} | ${first.toFixed(1)} | ${median(seen.map(({ end }) => end)).toFixed(1)} | ${(first / base).toFixed(2)}× |`,
  );
}
const lanes = median(rates.map((one) => one.lane));
const bares = median(rates.map((one) => one.bare));
console.log(
  `\nJavaScript jobs/s, ${AT_ONCE} at a time: ${lanes.toFixed(1)}; bare deno processes/s: ${bares.toFixed(1)}; ratio ${(lanes / bares).toFixed(2)}`,
);
await Promise.all([cold.close(), warm.close()]);
rmSync(directory, { recursive: true, force: true });
