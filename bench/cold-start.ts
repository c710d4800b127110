/**
 * How long an agent takes from its process to the first answer that a client has verified: `assay serve` as `npm start` begins it, simulated, an empty data
 * directory, two cores. Stages are seen from outside; processor time is the agent's own, from the kernel, so that it says something under load, too.
 *
 * npm run bench:cold-start [-- --runs 5]
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'assay';
import { programOptions } from '../tools/program-options.ts';

const PROGRAM = new URL('../packages/assay/bin/assay.js', import.meta.url).pathname;
const REACH_MS = 3000;
/** Clock ticks of `/proc/PID/stat`, milliseconds. */
const TICK_MS = 10;

const { values: flags } = programOptions({
  call: 'npm run bench:cold-start',
  does: 'How long an agent takes from its process to the first answer that a client has verified.',
  options: { runs: { takes: 'N', about: 'starts that are timed', number: 'count', default: '5' } },
});

interface Run {
  /** From the start of the process, milliseconds. */
  readonly listening: number;
  readonly verified: number;
  readonly answered: number;
  /** The agent's processor time until it listened, milliseconds. */
  readonly processor: number;
}

console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}`);
await coldStart(); // the files are in the page cache from then on, and this program's own modules are loaded
const runs: Run[] = [];
for (let run = 0; run < Number(flags.runs); run += 1) runs.push(await coldStart());
for (const [stage, name] of [
  ['listening', 'agent listens'],
  ['verified', 'client has verified its evidence'],
  ['answered', 'first verified answer (code ran, receipt and proof checked)'],
  ['processor', "agent's processor time until it listens"],
] as const)
  console.log(`${name}: ${spread(runs.map((run) => run[stage]))}`);
const reached = median(runs.map(({ answered }) => answered));
console.log(
  `first attested answer ≤ ${REACH_MS} ms: ${reached <= REACH_MS ? 'met' : 'MISSED'} (median ${reached.toFixed(0)} ms)`,
);

async function coldStart(): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-cold-'));
  const begun = performance.now();
  const passed = (): number => performance.now() - begun;
  const agent = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data-dir', directory], {
    cwd: directory,
    env: { PATH: process.env.PATH, AI_PROVIDER: 'recorded' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const url = await address(agent);
    const [listening, processor] = [passed(), processorMs(agent.pid)];
    const simulatedRoot = readFileSync(join(directory, 'simulated-root.pem'), 'utf8');
    const connection = await connect(url, { trust: { simulatedRoot } });
    const verified = passed();
    const { stdout } = await connection.run({ type: 'execute', language: 'javascript', code: 'console.log(6 * 7)' });
    if (stdout !== '42\n') throw new Error(`expected 42 from the agent, got ${JSON.stringify(stdout)}`);
    return { listening, verified, answered: passed(), processor };
  } finally {
    const ended = once(agent, 'exit');
    if (agent.exitCode === null && agent.kill('SIGTERM')) await ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

function address(agent: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    agent.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    });
    agent.once('exit', () => reject(new Error(`expected an agent that listens, got its end: ${said.slice(-500)}`)));
  });
}

/** User and system time (proc(5), fields 14 and 15 of `stat`). */
function processorMs(pid = 0): number {
  const [, fields = ''] = /\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) * TICK_MS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function spread(values: readonly number[]): string {
  return `median ${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;
}
