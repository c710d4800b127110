/**
 * The command line: names, dispatch and the last line of defence. A command's file is imported only when it is asked for, so that
 * `assay --help` does not load a server.
 */

import { isCoded } from '@assay/encoding/coded-error';
import { Command, CommanderError } from 'commander';
import type { CommandModule, Finish } from './command.ts';
import { DocumentOutput } from './document-output.ts';
import { ANSWERS, EXAMPLES } from './examples.ts';
import { EXIT, type ExitCode, exitCodeOfKind } from './exit-codes.ts';
import { interruptOf } from './interrupted.ts';
import { type Io, withEnvironment } from './io.ts';
import { wrapped } from './layout.ts';
import { missingPackage } from './missing-package.ts';
import { printError } from './output.ts';
import { settingsOf } from './settings-file.ts';
import { usageError } from './usage-error.ts';
import { VERSION } from './version.ts';

/** Descriptions of options are broken where they have this much room. */
const LEAST_WRAPPED = 20;
/** Of help in a pipe. */
const HELP_COLUMNS = 80;

const EXIT_CODE_HELP =
  'assay help COMMAND shows options and examples. Exit codes: 0 accepted or done, 1 misuse, 2 malformed, 3 not authentic, 4 cannot tell, 5 refused by policy, 6 the answer is no, 7 undecided.';

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
  /** Reads its settings on its own: it serves an agent with them, or takes another file. */
  readonly readsSettings?: true;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { summary: 'describe a task, get code that ran, its output and a receipt', load: () => import('../commands/run.ts') },
  tasks: {
    summary: 'list, show, watch and cancel the tasks of an agent',
    load: () => import('../commands/tasks.ts'),
  },
  serve: { summary: 'run an agent', load: () => import('../commands/serve.ts'), readsSettings: true },
  audit: { summary: 'look for weaknesses in contracts at an attested agent', load: () => import('../commands/audit.ts') },
  build: { summary: 'compile contracts at an attested agent', load: () => import('../commands/build.ts') },
  compare: {
    summary: 'is the model behind an endpoint the reference? SAME, DIFFERENT or UNDECIDED, with bounded error',
    load: () => import('../commands/compare.ts'),
  },
  validate: { summary: 'the same as compare', load: () => import('../commands/compare.ts') },
  'check-contract': {
    summary: "compare a contract's code on a chain with an attested build",
    load: () => import('../commands/check-contract.ts'),
  },
  solc: { summary: 'install the compilers of an agent', load: () => import('../commands/solc.ts') },
  verify: { summary: 'check evidence, a bundle, a receipt or a result file', load: () => import('../commands/verify.ts') },
  ask: { summary: 'verify an agent, then ask it one question', load: () => import('../commands/ask.ts') },
  talk: {
    summary: "ask a server of the TEE tutorial, with the tutorial's settings",
    load: () => import('../commands/talk.ts'),
  },
  service: {
    summary: 'verify a model service in a TEE directly, such as RedPill',
    load: () => import('../commands/service.ts'),
  },
  'tee-validation': {
    summary: 'try every simulated TEE: genuine, forged, replayed and stale evidence',
    load: () => import('../commands/tee-validation.ts'),
  },
  'mock-tee': {
    summary: 'an agent in a simulated SGX, SEV, Nitro or vendor environment, for development',
    load: () => import('../commands/mock-tee.ts'),
    readsSettings: true,
  },
  model: {
    summary: 'fetch models that the agent runs itself; digests and signatures of model files',
    load: () => import('../commands/model.ts'),
  },
  measure: {
    summary: 'compute what evidence of an image should say, without hardware',
    load: () => import('../commands/measure.ts'),
  },
  inspect: { summary: 'show what a file claims, unverified', load: () => import('../commands/inspect.ts') },
  collateral: { summary: 'fetch and pack what evidence is verified with', load: () => import('../commands/collateral.ts') },
  mcp: { summary: 'tools for assistants: verify, ask, run, fetch receipts', load: () => import('../commands/mcp.ts') },
  proxy: { summary: 'a local OpenAI endpoint that verifies its upstream', load: () => import('../commands/proxy.ts') },
  receipt: { summary: 'fetch receipts from an agent', load: () => import('../commands/receipt.ts') },
  bundle: { summary: 'fetch the offline bundle of a receipt', load: () => import('../commands/bundle.ts') },
  replay: { summary: 'run the code of a bundle again and compare', load: () => import('../commands/replay.ts') },
  operator: { summary: 'replace the keys of a running agent', load: () => import('../commands/operator.ts') },
  keys: {
    summary: 'add, list and revoke API keys of an agent, and see what they used',
    load: () => import('../commands/keys.ts'),
  },
  owners: {
    summary: 'what owners of an agent sign: the policy of its wallet, the pause, their own set, approvals',
    load: () => import('../commands/owners.ts'),
  },
  variables: {
    summary: 'list, set and recheck what the owners of an agent declared',
    load: () => import('../commands/variables.ts'),
  },
  doctor: {
    summary: 'look at what this machine has for an agent',
    load: () => import('../commands/doctor.ts'),
    readsSettings: true,
  },
  sandbox: { summary: 'install packages for code, and attack the sandbox', load: () => import('../commands/sandbox.ts') },
  log: { summary: 'check and export the log of an agent', load: () => import('../commands/log.ts') },
  store: { summary: 'look at, back up and restore the store of an agent', load: () => import('../commands/store.ts') },
  policy: { summary: 'write, explain and show appraisal policies', load: () => import('../commands/policy.ts') },
};

/**
 * Runs one command line.
 *
 * @param args without `node` and the script, e.g. `['verify', 'quote.bin', '--json']`.
 * @returns the exit code; errors are printed, never thrown.
 * @example
 * process.exitCode = await run(process.argv.slice(2), processIo());
 */
export async function run(args: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.accepted;
  const document = new DocumentOutput(io, asksForJson(args));
  let program: Command | null = null;
  try {
    program = await createProgram(args, document.io, (finished) => {
      code = finished;
    });
    await program.parseAsync(withoutHelpWord(args), { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(interruptOf(error) ?? missingPackage(error), document);
    if (error.exitCode === 0) return EXIT.accepted;
    return error.code === 'commander.help' ? EXIT.misuse : report(usageError(error, commandIn(program, args)), document);
  }
}

/** `help owners set` asks for the help of a subcommand, which commander gives for `owners set --help` alone. */
function withoutHelpWord(args: readonly string[]): string[] {
  const [first, ...words] = args;
  return first === 'help' && words.length > 1 && words.every((word) => !word.startsWith('-'))
    ? [...words, '--help']
    : [...args];
}

function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/** The command that the arguments begin with, e.g. `policy init`; empty without one. */
function commandIn(program: Command | null, [top = '', inner = '']: readonly string[]): string {
  if (!Object.hasOwn(COMMANDS, top)) return '';
  const command = program?.commands.find((each) => each.name() === top);
  return command?.commands.some((each) => each.name() === inner) === true ? `${top} ${inner}` : top;
}

async function createProgram(args: readonly string[], bare: Io, finish: Finish): Promise<Command> {
  let settings = bare.env;
  const io = withEnvironment(bare, () => settings);
  const program = new Command('assay')
    .description('Run an AI agent in a TEE, and check what such agents claim.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpCommand(true)
    .enablePositionalOptions();
  prepare(program, io);
  program.hook('preAction', async (_, command) => {
    if (COMMANDS[topName(command)]?.readsSettings !== true) settings = await settingsOf(bare);
  });
  const wanted = args.filter((arg) => !arg.startsWith('-')).slice(0, 2);
  const all = asksForCompletion(args);
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary);
    prepare(command, io);
    const asked = all || wanted[0] === name || (wanted[0] === 'help' && wanted[1] === name);
    if (asked) (await load()).configure(command, io, finish);
    command.addHelpText('after', () => examplesAndCodes(name, io));
    for (const inner of command.commands) {
      prepare(inner, io);
      inner.addHelpText('after', () => examplesAndCodes(`${name} ${inner.name()}`, io));
    }
  }
  if (all) await withCompletion(program);
  else program.command('completion').description('print what makes a shell complete these commands');
  program.commands
    .find((command) => command.name() === 'completion')
    ?.addHelpText('after', () => examplesAndCodes('completion', io));
  program.addHelpText('after', () => `\n${wrapped(EXIT_CODE_HELP, io.columns ?? HELP_COLUMNS)}`.trimEnd());
  return program;
}

/** Of `assay model fetch`, model. */
function topName(command: Command): string {
  return command.parent?.parent ? topName(command.parent) : command.name();
}

async function withCompletion(program: Command): Promise<void> {
  const { addCompletion } = await import('./completion.ts');
  addCompletion(program);
}

/** Only then every command is loaded: the words of the script for a shell, and of what such a script asks on every TAB. */
function asksForCompletion([command]: readonly string[]): boolean {
  return command === 'completion' || command === 'complete';
}

/** @param words a command, or a command and its subcommand. */
function examplesAndCodes(words: string, io: Io): string {
  const columns = io.columns ?? HELP_COLUMNS;
  const [top = ''] = words.split(' ');
  const examples = (EXAMPLES[top] ?? []).filter(([line]) => words === top || `${line} `.startsWith(`assay ${words} `));
  const lines = examples.map(([line, does]) => `  ${broken(line, columns)}\n${wrapped(`      ${does}`, columns, 6)}`);
  const shown = lines.length === 0 ? '' : `\nExamples:\n${lines.join('')}`;
  const answers = ANSWERS[words];
  return `${shown}${answers === undefined ? '' : `\n${wrapped(`Exit codes: ${answers}.`, columns)}`}`.trimEnd();
}

/** A command line on several lines, as a shell reads it, where it is too long for one; an option stays with its value. */
function broken(line: string, columns: number): string {
  const room = columns - '  '.length - ' \\'.length;
  const lines: string[] = [];
  for (const part of line.split(/ (?=-)/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= room) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(last === undefined ? part : `    ${part}`);
  }
  return lines.join(' \\\n  ');
}

function prepare(command: Command, io: Io): void {
  command.configureHelp({
    minWidthToWrap: LEAST_WRAPPED,
    // A word that is explained with the one before it has no line of its own.
    visibleArguments: ({ registeredArguments }) => registeredArguments.filter(({ description }) => description !== ''),
  });
  command.exitOverride().configureOutput({
    writeOut: (text) => io.stdout(text),
    writeErr: (text) => io.stderr(text),
    outputError: () => undefined, // said by report()
    getOutHelpWidth: () => io.columns ?? HELP_COLUMNS,
    getErrHelpWidth: () => io.columns ?? HELP_COLUMNS,
  });
}

function report(error: unknown, document: DocumentOutput): ExitCode {
  const { io } = document;
  document.fail(error);
  if (isCoded(error)) {
    printError(error, io);
    return exitCodeOfKind(error.kind);
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr(`error: ${message}\nhint: this is a fault in assay itself; please report it with the command that showed it\n`);
  return EXIT.misuse;
}
