/**
 * Which of the plain tasks a model solves within the default retries, and how long they take: the whole agent, the sandbox of this machine.
 *
 * npm run bench:tasks -- --model qwen2.5-coder-0.5b [--data .assay] [--set tuned|held-out|all] [--rounds N]
 *   [--only NAME,…] [--json FILE]
 * With another provider: AI_PROVIDER=… AI_MODEL=… npm run bench:tasks
 */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { programOptions } from '../../tools/program-options.ts';
import { HELD_OUT } from './held-out.ts';
import { memoryOfTree, type ProcessMemory, residentOfTree } from './memory.ts';
import { type BenchTask, TASKS } from './tasks.ts';

interface Outcome {
  readonly name: string;
  readonly solved: boolean;
  readonly attempts: number;
  readonly seconds: number;
  /** Why it is not solved. */
  readonly why: string;
  /** Of the newest reply: prompt and answer. */
  readonly tokens: readonly [number, number];
  readonly history: readonly Attempt[];
}

interface Attempt {
  readonly code: string | null;
  readonly stdout: string;
  readonly error: string | null;
}

interface Answer {
  readonly success: boolean;
  readonly error?: string;
  readonly output?: string;
  readonly result?: string | null;
  readonly task_id: string;
  readonly usage?: { readonly prompt_tokens: number | null; readonly completion_tokens: number | null } | null;
  readonly retries_used?: number;
  readonly artifacts: readonly { readonly path: string; readonly url: string }[];
}

const SETS: Readonly<Record<string, readonly BenchTask[]>> = {
  tuned: TASKS,
  'held-out': HELD_OUT,
  all: [...TASKS, ...HELD_OUT],
};
const { values: flags } = programOptions({
  call: 'npm run bench:tasks',
  does: 'Which of the plain tasks a model solves within the default retries, and how long they take.',
  options: {
    model: { takes: 'MODEL', about: 'an embedded one; left out: that of AI_PROVIDER and AI_MODEL' },
    data: { takes: 'DIR', about: 'data folder with the model', default: '.assay' },
    set: { takes: 'NAME', about: 'of tasks', choices: Object.keys(SETS), default: 'tuned' },
    rounds: { takes: 'N', about: 'over the set', number: 'count', default: '1' },
    only: { takes: 'NAME,…', about: 'these tasks of the set alone' },
    json: { takes: 'FILE', about: 'keeps each outcome' },
  },
});
const chosen = (SETS[flags.set] ?? []).filter(({ name }) => flags.only === undefined || flags.only.split(',').includes(name));
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-tasks-'));
const own = flags.model === undefined ? {} : { AI_PROVIDER: 'embedded', AI_MODEL: flags.model };
if (flags.model !== undefined) symlinkSync(resolve(flags.data, 'models'), join(directory, 'models'));
const agent = await startAgent(
  parseConfig({
    ...process.env,
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: directory,
    ASSAY_LOG_LEVEL: 'error',
    ASSAY_MODEL_SECONDS: '600',
    ...own,
  }),
);
await agent.ready;
const outcomes: Outcome[] = [];
let mostResident = 0;
let last: readonly ProcessMemory[] = [];
try {
  const { model, sandbox } = await agent.status();
  console.log(
    `${model.provider} ${model.model}, ${sandbox.lane}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`,
  );
  await carryOut({ name: 'warm', description: 'Print the word ready', language: 'python' }, agent); // the model is loaded by then
  for (const task of Array.from({ length: Number(flags.rounds) }, () => chosen).flat()) {
    const outcome = await carryOut(task, agent);
    outcomes.push(outcome);
    mostResident = Math.max(mostResident, residentOfTree(process.pid));
    last = memoryOfTree(process.pid);
    const mark = outcome.solved ? 'solved' : 'MISSED';
    if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(outcomes, null, 2));
    console.log(
      `${mark}  ${outcome.name.padEnd(24)} ${outcome.attempts} ${outcome.seconds.toFixed(1).padStart(6)} s ${outcome.tokens.join('+').padStart(8)}  ${outcome.why}`,
    );
  }
} finally {
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
}
const solved = outcomes.filter((outcome) => outcome.solved).length;
const times = outcomes.map(({ seconds }) => seconds).sort((a, b) => a - b);
const prompts = outcomes.map(({ tokens }) => tokens[0]).sort((a, b) => a - b);
const first = outcomes.filter((outcome) => outcome.solved && outcome.attempts === 1).length;
console.log(
  `${solved} of ${outcomes.length} solved (${((100 * solved) / outcomes.length).toFixed(0)} %), ${first} at once, median ${times[Math.floor(times.length / 2)]?.toFixed(1)} s, median prompt ${prompts[Math.floor(prompts.length / 2)]} tokens, load ${loadavg()[0]?.toFixed(1)}`,
);
console.log(`resident after a task: at most ${(mostResident / 1e6).toFixed(0)} MB with engine, sandbox and this bench`);
for (const { command, resident, proportional } of last)
  console.log(
    `${(resident / 1e6).toFixed(0).padStart(6)} MB resident ${(proportional / 1e6).toFixed(0).padStart(6)} MB proportional  ${command.slice(-60)}`,
  );

async function carryOut(task: BenchTask, { url }: RunningAgent): Promise<Outcome> {
  const begun = performance.now();
  const response = await fetch(`${url}/api/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      data: {
        type: 'ai_generate_and_execute',
        description: task.description,
        language: task.language,
        context: task.context ?? null,
        files: Object.entries(task.files ?? {}).map(([path, content]) => ({ path, content })),
      },
    }),
  });
  const answer = (await response.json()) as Answer;
  const seconds = (performance.now() - begun) / 1000;
  const why = await missing(task, answer);
  const attempts = (await (await fetch(`${url}/api/tasks/${answer.task_id}/attempts`)).json()) as {
    attempts: readonly Attempt[];
  };
  return {
    ...{ name: task.name, solved: why === '', attempts: (answer.retries_used ?? 0) + 1, seconds },
    tokens: [answer.usage?.prompt_tokens ?? 0, answer.usage?.completion_tokens ?? 0],
    ...{ why, history: attempts.attempts.map(({ code, stdout, error }) => ({ code, stdout, error })) },
  };
}

/** What is wrong with an answer, in one line; empty when it is right. */
async function missing(task: BenchTask, answer: Answer): Promise<string> {
  if (!answer.success) return lastLine(answer.error ?? 'failed');
  const printed = `${answer.output ?? ''}\n${answer.result ?? ''}`;
  if (task.prints !== undefined && !task.prints.test(printed)) return `printed ${JSON.stringify(printed.trim().slice(0, 80))}`;
  for (const [path, content] of Object.entries(task.leaves ?? {})) {
    const file = answer.artifacts.find((artifact) => artifact.path === path);
    if (file === undefined) return `no ${path}`;
    const text = await (await fetch(file.url)).text();
    if (!content.test(text)) return `${path} has ${JSON.stringify(text.slice(0, 80))}`;
  }
  return '';
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 100) ?? '';
}
