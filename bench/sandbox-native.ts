/**
 * What the native sandbox costs beside the bare interpreter, all in one run.
 *
 *   node --conditions=@assay/source bench/sandbox-native.ts [data directory with an installed image] [seconds of load]
 *
 * 1. cold: a sandbox started for one trivial job, over starting the bare interpreter for it;
 * 2. warm: a waiting sandbox, to its first output (reach: ≤ 8 ms Python, ≤ 5 ms JavaScript) and to its result;
 * 3. a bar chart with pandas and matplotlib, where the image is installed;
 * 4. trivial jobs a second with four in flight (reach: ≥ 100 for Python on two cores, with the whole of /api/process around it).
 *
 * Rounds are interleaved, medians and the best tenth reported, because the machine is shared; the load is printed with them.
 */

import { execFileSync } from 'node:child_process';
import { cpus, loadavg, tmpdir } from 'node:os';
import { openLinuxNs } from '../packages/sandbox/src/linux-ns/linux-ns.ts';
import type { NativeSandbox } from '../packages/sandbox/src/native/native-sandbox.ts';
import { findPython } from '../packages/sandbox/src/native/programs.ts';
import type { SandboxJob } from '../packages/sandbox/src/port.ts';
import { programOptions } from '../tools/program-options.ts';

const ROUNDS = 20;
const IN_FLIGHT = 4;
const [directory = tmpdir(), seconds = '5'] = programOptions({
  call: 'npm run bench:sandbox',
  does: 'What the native sandbox costs compared with the bare interpreter.',
  options: {},
  arguments: [
    { name: 'DIR', about: 'data directory with an installed image, for the chart' },
    { name: 'SECONDS', about: 'of load (5)', number: 'positive' },
  ],
}).positionals;
const THROUGHPUT_MS = Number(seconds) * 1000;
const PROGRAMS = { python: 'print(42)', javascript: 'console.log(42)' } as const;
type Language = keyof typeof PROGRAMS;

const CHART = `import pandas as pd
import matplotlib.pyplot as plt
frame = pd.read_csv('/tmp/sales.csv')
frame.groupby('product')['revenue'].sum().nlargest(5).plot(kind='bar')
plt.savefig('/tmp/chart.png')
`;
const SALES = Buffer.from(`product,revenue\n${Array.from({ length: 200 }, (_, n) => `p${n % 9},${n * 1.5}`).join('\n')}\n`);

interface Timing {
  readonly first: number;
  readonly total: number;
}

async function time(sandbox: NativeSandbox, job: SandboxJob): Promise<Timing> {
  const started = performance.now();
  let first = Number.NaN;
  for await (const event of sandbox.run(job)) {
    if (event.type === 'stdout' && Number.isNaN(first)) first = performance.now() - started;
    if (event.type === 'result' && event.result.status !== 'ok') throw new Error(JSON.stringify(event.result.error));
  }
  return { first, total: performance.now() - started };
}

const at = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
const show = (values: readonly number[]): string =>
  `median ${at(values, 0.5).toFixed(1)} ms, best tenth ${at(values, 0.1).toFixed(1)} ms`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function bare(program: string, ...rest: string[]): number {
  const started = performance.now();
  execFileSync(program, rest, { env: {}, stdio: 'ignore' });
  return performance.now() - started;
}

const python = (await findPython())?.path ?? 'python3';
const line = (text: string): void => console.log(text);
line(`${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}`);

const cold = await openLinuxNs({ directory, concurrency: 2, warm: 0 });
const warm = await openLinuxNs({ directory, concurrency: IN_FLIGHT, warm: IN_FLIGHT + 2 });
const samples = new Map<string, number[]>();
const note = (name: string, value: number): void => {
  samples.set(name, [...(samples.get(name) ?? []), value]);
};
const bareOf: Record<Language, () => number> = {
  python: () => bare(python, '-s', '-S', '-c', PROGRAMS.python),
  javascript: () => bare(process.execPath, '-e', PROGRAMS.javascript),
};
for (let round = 0; round < ROUNDS; round += 1) {
  for (const language of ['python', 'javascript'] as const) {
    const job = { language, code: PROGRAMS[language] };
    note(`${language} bare`, bareOf[language]());
    note(`${language} cold`, (await time(cold, job)).total);
    await warm.pool.ready(language);
    await pause(50);
    const { first, total } = await time(warm, job);
    note(`${language} warm first`, first);
    note(`${language} warm total`, total);
  }
}
for (const language of ['python', 'javascript'] as const) {
  const ratio = at(samples.get(`${language} cold`) ?? [], 0.5) / at(samples.get(`${language} bare`) ?? [], 0.5);
  line(`${language}: bare ${show(samples.get(`${language} bare`) ?? [])}`);
  line(`${language}: cold, to the result: ${show(samples.get(`${language} cold`) ?? [])} (${ratio.toFixed(1)}× bare)`);
  line(`${language}: warm, to first output: ${show(samples.get(`${language} warm first`) ?? [])}`);
  line(`${language}: warm, to the result: ${show(samples.get(`${language} warm total`) ?? [])}`);
}

if (warm.capabilities.packages.python !== undefined) {
  const job: SandboxJob = { language: 'python', code: CHART, files: [{ path: '/tmp/sales.csv', bytes: SALES }] };
  const charts: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    await warm.pool.ready('python');
    charts.push((await time(warm, job)).total);
  }
  line(`bar chart with pandas and matplotlib, warm: ${show(charts)}; cold ${(await time(cold, job)).total.toFixed(0)} ms`);
}

for (const language of ['python', 'javascript'] as const) {
  const job = { language, code: PROGRAMS[language] };
  const started = performance.now();
  const end = started + THROUGHPUT_MS;
  let done = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() < end) {
        await time(warm, job);
        done += 1;
      }
    }),
  );
  line(`${language}: ${((done * 1000) / (performance.now() - started)).toFixed(0)} jobs a second, ${IN_FLIGHT} in flight`);
}
line(`load afterwards ${loadavg()[0]?.toFixed(1)}`);
await Promise.all([cold.close(), warm.close()]);
