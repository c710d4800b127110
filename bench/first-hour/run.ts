/**
 * The first hour of a newcomer as the README tells it, in seconds of machine time: a fresh clone, `npm install` with an empty cache, `npm start`, the
 * first verified answer; then, with `--model`, a model fetched from a mirror on loopback that gives 6.25 MB a second, and an answer of it.
 *
 * npm run bench:first-hour [-- --model FILE.gguf [--name qwen2.5-coder-0.5b] [--rate 6250000]]
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { programOptions } from '../../tools/program-options.ts';
import { startSlowMirror } from './slow-mirror.ts';

const REPOSITORY = new URL('../..', import.meta.url).pathname;
const TASK = 'Calculate the factorial of 10 and print the result';
/** Seconds of machine time. */
const REACH = { 'first verified answer': 60, 'first verified answer of a model': 180 } as const;

const { values: flags } = programOptions({
  call: 'npm run bench:first-hour',
  does: 'The first hour of a newcomer as the README tells it, in seconds of machine time.',
  options: {
    model: { takes: 'FILE', about: 'a model to fetch from a mirror on loopback, and to ask' },
    name: { takes: 'MODEL', about: 'of that file, as assay model list shows it', default: 'qwen2.5-coder-0.5b' },
    rate: { takes: 'N', about: 'bytes a second of the mirror', number: 'count', default: '6250000' },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'assay-first-hour-'));
const clone = join(directory, 'assay');
const env = { ...withoutSettings(process.env), npm_config_cache: join(directory, 'npm'), AGENT_PORT: '0' };
const begun = performance.now();
const seconds = (): number => (performance.now() - begun) / 1000;

console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
let agent: ChildProcess | null = null;
try {
  await step('git clone', 'git', ['clone', '--quiet', '--no-hardlinks', REPOSITORY, clone], directory);
  await step('npm install', 'npm', ['install']);
  agent = spawn('npm', ['start'], { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  await printed(agent, /http:\/\/127\.0\.0\.1:[0-9]+/);
  tell('npm start');
  await answer('first verified answer', 'recorded');
  if (flags.model !== undefined) {
    const mirror = await startSlowMirror(flags.model, Number(flags.rate));
    await step(`fetch of ${flags.name}`, 'npx', ['assay', 'model', 'fetch', flags.name, '--from', mirror.url]);
    mirror.close();
    await answer('first verified answer of a model', 'model');
  }
} finally {
  if (agent?.pid !== undefined && agent.exitCode === null) {
    const ended = once(agent, 'exit');
    process.kill(-agent.pid, 'SIGTERM');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
}

/** Nothing helps that is kept on this machine: no npm cache, no settings of an agent, nothing of the npm that started this. */
function withoutSettings(all: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !/^(?:ASSAY|AI|OPENAI|OLLAMA|AGENT|npm)_/.test(name)));
}

async function answer(name: keyof typeof REACH, out: string): Promise<void> {
  await step('assay run', 'npx', ['assay', 'run', TASK, '--save', out]);
  await step('assay verify', 'npx', [
    'assay',
    'verify',
    join(out, 'bundle.json'),
    '--simulated-root',
    '.assay/simulated-root.pem',
  ]);
  const took = seconds();
  console.log(`${name}: ${took.toFixed(1)} s, reach ${REACH[name]} s: ${took <= REACH[name] ? 'met' : 'MISSED'}`);
}

async function step(name: string, command: string, args: readonly string[], cwd = clone): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said = `${said}${piece}`.slice(-4000)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${said}`);
  tell(name);
}

function tell(name: string): void {
  console.log(`${seconds().toFixed(1).padStart(7)} s  ${name}`);
}

function printed(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const look = (piece: unknown): void => {
      said += String(piece);
      if (pattern.test(said)) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${said}`)));
  });
}
