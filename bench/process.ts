/**
 * `POST /api/process` with a trivial `execute`, receipt and log entry included, against one agent over real HTTP, in one lane or in each that
 * this machine has: requests a second, and processor time of one request. The client shares the processor with the agent.
 *
 * npm run bench:process -- [seconds] [lane …]
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseConfig, startAgent } from '../packages/agent/src/index.ts';
import { programOptions } from '../tools/program-options.ts';

const [given = '8', ...named] = programOptions({
  call: 'npm run bench:process',
  does: 'Requests a second of POST /api/process, in the lanes of this machine.',
  options: {},
  arguments: [
    { name: 'SECONDS', about: 'of load in each lane (8)', number: 'positive' },
    { name: 'LANE', about: 'left out: linux-ns and wasm', choices: ['linux-ns', 'wasm', 'landlock'], repeated: true },
  ],
}).positionals;
const seconds = Number(given);
const lanes = named.length > 0 ? named : ['linux-ns', 'wasm'];
const IN_FLIGHT = 8;
const TICK_MS = 10;

/** Processor milliseconds of everything below this process, ended children included; those of `/proc/PID/stat` after the name. */
function childrenTime(): number {
  const stat = (pid: string): readonly number[] | null => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) \S /s, '')
        .split(' ')
        .map(Number);
    } catch {
      return null; // it ended meanwhile, and counts with its parent from now on
    }
  };
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const fields = stat(pid);
    if (fields === null) continue;
    const [parent = 0] = fields;
    const [own = 0, system = 0, ended = 0, endedSystem = 0] = fields.slice(10, 14);
    parents.set(Number(pid), parent);
    ticks.set(Number(pid), own + system + ended + endedSystem);
  }
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid) ?? 0; at > 0; at = parents.get(at) ?? 0) if (at === process.pid) return true;
    return false;
  };
  let sum = 0;
  for (const [pid, time] of ticks) if (isBelow(pid)) sum += time;
  const [ended = 0, endedSystem = 0] = (stat('self') ?? []).slice(12, 14);
  return (sum + ended + endedSystem) * TICK_MS;
}

function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function execute(url: string, language: string, code: string): Promise<void> {
  const answer = await fetch(`${url}/api/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: { type: 'execute', language, code } }),
  });
  const { success } = (await answer.json()) as { readonly success: boolean };
  if (!success) throw new Error(`an execution failed with HTTP ${answer.status}`);
}

async function rate(url: string, language: string, code: string): Promise<string> {
  await execute(url, language, code);
  const [own, children] = [ownTime(), childrenTime()];
  const start = performance.now();
  const end = start + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (performance.now() < end) {
        await execute(url, language, code);
        done += 1;
      }
    }),
  );
  const taken = (performance.now() - start) / 1000;
  const each = (milliseconds: number) => `${(milliseconds / done).toFixed(1)} ms`;
  return (
    `${(done / taken).toFixed(0)} requests a second, ${IN_FLIGHT} in flight; processor time a request: ` +
    `${each(ownTime() - own)} in agent and client, ${each(childrenTime() - children)} in the sandbox`
  );
}

for (const lane of lanes) {
  const directory = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  const settings = { AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' };
  const agent = await startAgent(parseConfig({ ...settings, ASSAY_SANDBOX_LANE: lane }));
  const opened = async () => ((await agent.status()) as { readonly sandbox: { readonly lane: string } }).sandbox.lane;
  while ((await opened()) === 'opening') await delay(200);
  const name = await opened();
  for (const [language, code] of [
    ['python', 'print(42)'],
    ['javascript', 'console.log(42)'],
  ] as const)
    console.log(`${language} on ${name}: ${await rate(agent.url, language, code)}`);
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
}
