/** `assay run`: describe a task, watch it happen, get output, files and proof. Talks to a running agent, or starts one inside. */

import { basename } from 'node:path';
import { parseWrittenJson } from '@assay/encoding/written-json';
import type { Command } from 'commander';
import { type AgentFlags, agentOptions } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import type { ExitCode } from '../command-line/exit-codes.ts';
import { withFoundAgent } from '../command-line/find-agent.ts';
import type { Io } from '../command-line/io.ts';
import { append, choiceOption } from '../command-line/options.ts';
import { presentRun } from '../command-line/run-result.ts';
import { readFileOf } from '../command-line/subject.ts';
import { TaskWatch } from '../command-line/task-watch.ts';
import type { RunOptions } from '../index.ts';

interface RunFlags extends AgentFlags {
  readonly language?: string;
  readonly file?: readonly string[];
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
    .option('--file <file>', 'a file the code finds as /tmp/<name>; repeatable', append)
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
      return await presentRun(await run, watch, flags, io);
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
  for (const path of flags.file ?? []) files[basename(path)] = await readFileOf(io, path);
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
