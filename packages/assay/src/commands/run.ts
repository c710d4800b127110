/** `assay run`: describe a task, watch it happen, get output, files and proof. Talks to a running agent, or starts one inside. */

import { basename, resolve } from 'node:path';
import { parseWrittenJson } from '@assay/encoding/written-json';
import type { Command } from 'commander';
import { type AgentFlags, agentOptions } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import { withFoundAgent } from '../command-line/find-agent.ts';
import type { Io } from '../command-line/io.ts';
import { append, choiceOption } from '../command-line/options.ts';
import { jsonText, printable, printableOutput, printError, styleOf } from '../command-line/output.ts';
import { saveAnswer } from '../command-line/save-answer.ts';
import { readFileOf } from '../command-line/subject.ts';
import { TaskWatch } from '../command-line/task-watch.ts';
import type { RunOptions, RunResult } from '../index.ts';

interface RunFlags extends AgentFlags {
  readonly language?: string;
  readonly input?: readonly string[];
  readonly context?: string;
  readonly maxRetries?: string;
  readonly nonce?: string;
  readonly save?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command)
    .argument('<task>', 'what the code should do, in plain words')
    .option('--language <name>', 'python or javascript', 'python')
    .option('--input <file>', 'a file the code finds as /tmp/<name>; repeatable', append)
    .option('--context <json>', 'facts for the model, as a JSON object')
    .option('--max-retries <n>', 'attempts after the first', '2')
    .option('--nonce <hex>', '32 random bytes of yours, bound into attestation and receipt')
    .option('--save <folder>', 'write answer, code, output, files and bundle there')
    .option('--json', "the agent's whole answer")
    .option('--quiet', 'no steps')
    .action(async (task: string, flags: RunFlags) => finish(await runTask(task, flags, io)));
}

async function runTask(task: string, flags: RunFlags, io: Io): Promise<ExitCode> {
  const options = await optionsOf(flags, io);
  return withFoundAgent(flags, io, async (agent) => {
    const watch = new TaskWatch(io, { quiet: flags.quiet === true, json: flags.json === true });
    try {
      const run = agent.run(task, options);
      for await (const step of run) watch.show(step);
      return await present(await run, watch, flags, io);
    } finally {
      watch.close();
    }
  });
}

async function optionsOf(flags: RunFlags, io: Io): Promise<RunOptions> {
  const language = choiceOption('language', flags.language ?? 'python', ['python', 'javascript'] as const);
  if (flags.nonce !== undefined && !/^[0-9a-f]{64}$/.test(flags.nonce)) {
    throw new CliError('cli/bad-option', '--nonce: expected 64 lower-case hex characters; make one with openssl rand -hex 32');
  }
  const files: Record<string, Uint8Array> = {};
  for (const path of flags.input ?? []) files[basename(path)] = await readFileOf(io, path);
  const retries = flags.maxRetries ?? '2';
  if (!/^\d{1,2}$/.test(retries))
    throw new CliError('cli/bad-option', `--max-retries: expected a number, got ${JSON.stringify(retries)}; write 2`);
  return {
    language,
    maxRetries: Number(retries),
    includeAttestation: true,
    nonce: flags.nonce,
    context: flags.context === undefined ? undefined : contextOf(flags.context),
    files,
    signal: io.signal,
  };
}

/** The digits of its numbers stay as they were typed. */
function contextOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value = parseWrittenJson(text);
    if (text.trimStart().startsWith('{')) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new CliError('cli/bad-option', '--context: expected a JSON object; quote it for the shell, e.g. \'{"rate":0.05}\'');
}

async function present(result: RunResult, watch: TaskWatch, flags: RunFlags, io: Io): Promise<ExitCode> {
  const { answer, success: succeeded } = result;
  const saved = flags.save === undefined ? null : await saveAnswer(result, resolve(io.cwd, flags.save));
  if (flags.json === true) {
    watch.end(null);
    io.stdout(jsonText(answer));
  } else {
    const style = styleOf(io);
    watch.end(typeof answer.output === 'string' ? answer.output : null);
    if (typeof answer.result === 'string') io.stdout(`${printableOutput(answer.result)}\n`);
    io.stderr(
      `${succeeded ? style.good('done') : style.bad('failed')}  ${printable(String(answer.message ?? ''))}, ${watch.seconds.toFixed(1)} s\n`,
    );
    io.stderr(`receipt  ${printable(String(answer.receipt_id))}\n`);
    if (saved !== null) io.stderr(`saved  ${saved.join(', ')}\n`);
    io.stderr(
      saved === null
        ? 'hint: --save keeps answer, files and bundle for assay verify\n'
        : `hint: check it with assay verify ${verifyArguments(result, flags, io)}\n`,
    );
  }
  if (succeeded) return EXIT.accepted;
  const reason =
    String(answer.error ?? '')
      .trim()
      .split('\n')
      .at(-1) ?? '';
  const failure = `the task failed${reason === '' ? '' : `: ${reason}`}; change the task, or raise --max-retries`;
  printError(new CliError('cli/task-failed', failure), io);
  return EXIT.no;
}

function verifyArguments({ verdict }: RunResult, { save, simulatedRoot }: RunFlags, io: Io): string {
  const root = verdict.simulated
    ? ` --simulated-root ${simulatedRoot ?? `${io.env.ASSAY_DATA_DIR ?? '.assay'}/simulated-root.pem`}`
    : '';
  return `${save}/bundle.json${root}`;
}
