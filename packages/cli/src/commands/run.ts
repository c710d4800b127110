/** `assay run`: describe a task, watch it happen, get output, files and proof. Talks to a running agent, or starts one inside. */

import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { type AgentApi, agentApi, DEFAULT_AGENT, type TaskEvent } from '../agent-api.ts';
import type { Finish } from '../command.ts';
import { startEmbeddedAgent } from '../embedded-agent.ts';
import { CliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { append } from '../options.ts';
import { jsonText, printable, styleOf } from '../output.ts';
import { saveAnswer } from '../save-answer.ts';
import { describeStep } from '../task-steps.ts';

interface RunFlags {
  readonly language?: string;
  readonly input?: readonly string[];
  readonly context?: string;
  readonly maxRetries?: string;
  readonly nonce?: string;
  readonly save?: string;
  readonly url?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<task>', 'what the code should do, in plain words')
    .option('--language <name>', 'python or javascript', 'python')
    .option('--input <file>', 'a file the code finds as /tmp/<name>; repeatable', append)
    .option('--context <json>', 'facts for the model, as a JSON object')
    .option('--max-retries <n>', 'attempts after the first', '2')
    .option('--nonce <hex>', '32 random bytes of yours, bound into attestation and receipt')
    .option('--save <folder>', 'write answer, code, files and bundle there')
    .option('--url <address>', `the agent; ${DEFAULT_AGENT} or ASSAY_URL, else one is started inside`)
    .option('--json', "the agent's whole answer")
    .option('--quiet', 'no steps')
    .action(async (task: string, flags: RunFlags) => finish(await runTask(task, flags, io)));
}

async function runTask(task: string, flags: RunFlags, io: Io): Promise<ExitCode> {
  const body = await requestOf(task, flags, io);
  const { agent, close } = await findAgent(flags, io);
  try {
    const started = await agent.post('/api/process', body, { prefer: 'respond-async' });
    const id = encodeURIComponent(String(started.task_id));
    for await (const event of agent.events(`/api/tasks/${id}/events`)) {
      if (flags.quiet !== true) showStep(event, io);
      if (event.type === 'done') break;
    }
    const { result } = await agent.get(`/api/tasks/${id}`);
    if (typeof result !== 'object' || result === null) {
      throw new CliError('cli/agent-failed', `the agent has no answer for task ${String(started.task_id)}; look at its log`);
    }
    return await present(result as Readonly<Record<string, unknown>>, agent, flags, io);
  } finally {
    await close();
  }
}

async function requestOf(task: string, flags: RunFlags, io: Io): Promise<Readonly<Record<string, unknown>>> {
  if (flags.language !== 'python' && flags.language !== 'javascript') {
    throw new CliError(
      'cli/bad-option',
      `--language: expected python or javascript, got ${JSON.stringify(flags.language)}; choose one`,
    );
  }
  if (flags.nonce !== undefined && !/^[0-9a-f]{64}$/.test(flags.nonce)) {
    throw new CliError('cli/bad-option', '--nonce: expected 64 lower-case hex characters; make one with openssl rand -hex 32');
  }
  const files = await Promise.all((flags.input ?? []).map((path) => inputFile(path, io)));
  const retries = flags.maxRetries ?? '2';
  if (!/^\d{1,2}$/.test(retries))
    throw new CliError('cli/bad-option', `--max-retries: expected a number, got ${JSON.stringify(retries)}; write 2`);
  return {
    ...(flags.nonce === undefined ? {} : { nonce: flags.nonce }),
    data: {
      type: 'ai_generate_and_execute',
      description: task,
      language: flags.language,
      max_retries: Number(retries),
      include_attestation: true,
      ...(flags.context === undefined ? {} : { context: contextOf(flags.context) }),
      ...(files.length === 0 ? {} : { files }),
    },
  };
}

async function inputFile(path: string, io: Io): Promise<Readonly<Record<string, string>>> {
  try {
    const bytes = await readFile(resolve(io.cwd, path));
    return { path: `/tmp/${basename(path)}`, content_base64: bytes.toString('base64') };
  } catch (cause) {
    throw new CliError('cli/file-unreadable', `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}; check the path`, {
      cause,
    });
  }
}

function contextOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new CliError('cli/bad-option', '--context: expected a JSON object; quote it for the shell, e.g. \'{"rate":0.05}\'');
}

/** The agent named, the one that listens here, or a fresh one inside this process. */
async function findAgent(flags: RunFlags, io: Io): Promise<{ readonly agent: AgentApi; close(): Promise<void> }> {
  const named = flags.url ?? io.env.ASSAY_URL;
  const agent = agentApi(io, named ?? DEFAULT_AGENT);
  try {
    await agent.get('/health');
    return { agent, close: async () => {} };
  } catch (error) {
    if (named !== undefined || !(error instanceof CliError) || error.code !== 'cli/agent-unreachable') throw error;
  }
  if (flags.quiet !== true) io.stderr('no agent is running; starting one inside\n');
  const embedded = await startEmbeddedAgent(io);
  return {
    agent: agentApi({ ...io, signal: io.signal, env: { ...io.env, ASSAY_API_KEY: undefined } }, embedded.url),
    close: () => embedded.close(),
  };
}

function showStep(event: TaskEvent, io: Io): void {
  const step = describeStep(event, styleOf(io));
  if (step !== null) io.stderr(step);
}

async function present(answer: Readonly<Record<string, unknown>>, agent: AgentApi, flags: RunFlags, io: Io): Promise<ExitCode> {
  const saved = flags.save === undefined ? null : await saveAnswer(answer, agent, resolve(io.cwd, flags.save));
  const succeeded = answer.success === true;
  if (flags.json === true) {
    io.stdout(jsonText(answer));
  } else {
    const style = styleOf(io);
    if (typeof answer.output === 'string') io.stdout(printableOutput(answer.output));
    if (typeof answer.result === 'string') io.stdout(`${printableOutput(answer.result)}\n`);
    io.stderr(`${succeeded ? style.good('done') : style.bad('failed')}  ${printable(String(answer.message ?? ''))}\n`);
    io.stderr(`receipt  ${printable(String(answer.receipt_id))}\n`);
    if (saved !== null) io.stderr(`saved  ${saved.join(', ')}\n`);
    io.stderr(
      saved === null
        ? 'hint: --save keeps answer, files and bundle for assay verify\n'
        : `hint: check it with assay verify ${verifyArguments(answer, flags, io)}\n`,
    );
  }
  if (succeeded) return EXIT.accepted;
  const reason =
    String(answer.error ?? '')
      .trim()
      .split('\n')
      .at(-1) ?? '';
  throw new CliError(
    'cli/task-failed',
    `the task failed${reason === '' ? '' : `: ${reason}`}; change the task, or raise --max-retries`,
  );
}

function verifyArguments(answer: Readonly<Record<string, unknown>>, { save }: RunFlags, io: Io): string {
  const { attestation } = answer as { readonly attestation?: { readonly simulated?: unknown } | null };
  const root =
    attestation?.simulated === true ? ` --simulated-root ${io.env.ASSAY_DATA_DIR ?? '.assay'}/simulated-root.pem` : '';
  return `${save}/attestation.json${root}`;
}

/** Program output keeps its lines and tabs; other control characters, which could drive the terminal, do not get through. */
function printableOutput(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[^\P{Cc}\n\t]/gu, '\ufffd');
}
