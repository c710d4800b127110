/** `assay tasks`: the tasks of an agent, those that run and those that have ended, by any client of the same key. */

import { counted } from '@assay/encoding/counted';
import type { Command } from 'commander';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { minuteOf, table } from '../command-line/layout.ts';
import { append, choiceOption } from '../command-line/options.ts';
import { jsonText, printable, printableOutput, type Style, styleOf } from '../command-line/output.ts';
import { presentRun, type ResultFlags } from '../command-line/run-result.ts';
import { TaskWatch } from '../command-line/task-watch.ts';
import type { Agent, TaskAttempt, TaskStatus, TaskSummary } from '../index.ts';

const STATUSES = [
  'queued',
  'running',
  'review',
  'succeeded',
  'failed',
  'cancelled',
  'interrupted',
] as const satisfies readonly TaskStatus[];
const MOST_LISTED = 200;

interface ListFlags extends AgentFlags {
  readonly search?: string;
  readonly status?: readonly string[];
  readonly limit: string;
  readonly json?: boolean;
}

interface TaskFlags extends AgentFlags {
  readonly json?: boolean | undefined;
}

interface WatchFlags extends ResultFlags {
  readonly quiet?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  const inner = (words: string, description: string): Command =>
    agentOptions(command.command(words)).description(description).option('--json', 'machine-readable result');
  inner('list', 'the newest tasks')
    .option('--search <text>', 'only those with this text in title, type or id')
    .option('--status <status>', `only these: ${STATUSES.join(', ')}; repeatable`, append)
    .option('--limit <n>', `how many, at most ${MOST_LISTED}`, '20')
    .action(async (flags: ListFlags) => finish(await onAgent(flags, io, (agent) => list(agent, flags, io))));
  inner('show <id>', 'where a task stands, and each attempt with its code and error').action(
    async (id: string, flags: TaskFlags) => finish(await onAgent(flags, io, (agent) => show(agent, id, flags, io))),
  );
  inner('watch <id>', 'follow a task to its end, and verify its answer as assay run does')
    .option('--save <folder>', 'write answer, code, output, files and bundle there')
    .option('--quiet', 'no steps')
    .action(async (id: string, flags: WatchFlags) => finish(await onAgent(flags, io, (agent) => watch(agent, id, flags, io))));
  inner('cancel <id>', 'end a task that runs; its receipt says so').action(async (id: string, flags: TaskFlags) =>
    finish(await onAgent(flags, io, (agent) => cancel(agent, id, flags, io))),
  );
}

function onAgent(flags: TaskFlags, io: Io, work: (agent: Agent) => Promise<ExitCode>): Promise<ExitCode> {
  return withAgent(() => agentOf(flags, io), io, flags, work);
}

async function list(agent: Agent, flags: ListFlags, io: Io): Promise<ExitCode> {
  const { search, json } = flags;
  const status = flags.status?.map((name) => choiceOption('status', name, STATUSES));
  const page = await agent.tasks.list({ search, status, limit: limitOf(flags.limit) });
  if (json === true) io.stdout(jsonText(page));
  else if (page.tasks.length === 0)
    io.stdout(search === undefined && status === undefined ? 'no tasks yet\n' : 'no such task\n');
  else {
    const style = styleOf(io);
    io.stdout(
      table([['task', 'status', 'begun', 'took', 'title'], ...page.tasks.map((task) => rowOf(task, style))], {
        columns: io.columns,
      }),
    );
    if (page.next !== null) io.stderr('hint: there are more; --search and --status find them, --limit shows up to 200\n');
  }
  return EXIT.accepted;
}

function limitOf(text: string): number {
  const limit = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST_LISTED)
    throw new CliError(
      'cli/bad-option',
      `--limit: expected a number from 1 to ${MOST_LISTED}, got ${JSON.stringify(text)}; write 20`,
    );
  return limit;
}

function rowOf(task: TaskSummary, style: Style): readonly string[] {
  return [printable(task.task_id), statusOf(task, style), begunOf(task), tookOf(task), printable(task.title)];
}

/** What an agent says is no instant goes out as it says it. */
function begunOf({ started_at: begun }: TaskSummary): string {
  const at = Date.parse(begun);
  return Number.isNaN(at) ? printable(begun) : minuteOf(at);
}

function statusOf({ status }: TaskSummary, style: Style): string {
  if (status === 'succeeded') return style.good(status);
  return status === 'failed' || status === 'interrupted' ? style.bad(status) : style.open(printable(status));
}

function tookOf({ elapsed_ms: elapsed }: TaskSummary): string {
  return elapsed === null ? '' : `${(elapsed / 1000).toFixed(1)} s`;
}

async function show(agent: Agent, id: string, { json }: TaskFlags, io: Io): Promise<ExitCode> {
  const [task, attempts] = await Promise.all([agent.tasks.find(id), agent.tasks.attempts(id)]);
  if (json === true) {
    io.stdout(jsonText({ ...task, attempts_made: attempts }));
    return EXIT.accepted;
  }
  const style = styleOf(io);
  const rows = [
    ['title', printable(task.title)],
    ['type', printable(task.type)],
    ['status', task.code === null ? statusOf(task, style) : `${statusOf(task, style)}  ${printable(task.code)}`],
    ['begun', printable(task.started_at)],
    ['took', tookOf(task)],
    ['receipt', printable(task.receipt_id)],
  ];
  io.stdout(
    table(
      rows.filter(([, value]) => value !== ''),
      { columns: io.columns },
    ),
  );
  for (const attempt of attempts) showAttempt(attempt, style, io);
  io.stderr(
    task.ended_at === null
      ? `hint: assay tasks watch ${printable(id)} follows it\n`
      : `hint: told by the agent; assay bundle ${printable(task.receipt_id)} -o bundle.json brings what proves it\n`,
  );
  return EXIT.accepted;
}

function showAttempt(
  { attempt, state, language, source, code, stdout, stderr, error, files }: TaskAttempt,
  style: Style,
  io: Io,
): void {
  const by = source === 'client' ? 'written by a person' : 'written by the model';
  const words = [state, language, code === null ? null : by].filter((word) => word !== null).join(', ');
  io.stdout(`\n${style.strong(`attempt ${attempt}`)}  ${printable(words)}\n`);
  for (const [name, text] of [
    ['code', code ?? ''],
    ['output', stdout],
    ['errors', stderr],
    ['failed with', error ?? ''],
  ] as const)
    if (text !== '') io.stdout(`${style.faint(name)}\n${indented(printableOutput(text))}`);
  for (const { path, bytes } of files) io.stdout(`${style.faint('file')}  ${printable(path)}, ${counted(bytes, 'byte')}\n`);
}

function indented(text: string): string {
  return `${text.trimEnd().replaceAll(/^/gm, '  ')}\n`;
}

async function watch(agent: Agent, id: string, flags: WatchFlags, io: Io): Promise<ExitCode> {
  const shown = new TaskWatch(io, { quiet: flags.quiet === true, json: flags.json === true });
  try {
    const run = agent.attach(id, { signal: io.signal });
    for await (const step of run) shown.show(step);
    return await presentRun(await run, shown, flags, io);
  } finally {
    shown.close();
  }
}

async function cancel(agent: Agent, id: string, { json }: TaskFlags, io: Io): Promise<ExitCode> {
  await agent.tasks.cancel(id);
  const task = await agent.tasks.find(id);
  io.stdout(json === true ? jsonText(task) : `${printable(task.task_id)}: ${printable(task.status)}\n`);
  return EXIT.accepted;
}
