/** Says why a task failed, once, and what helps against it. */

import type { FailedRun, RecordedDemo } from '../index.ts';
import { dataFolder } from './data-folder.ts';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { shortList, wrapped } from './layout.ts';
import { printable, printError } from './output.ts';

export interface FailedTask {
  readonly result: Pick<FailedRun, 'error' | 'recordedDemos'>;
  /** Who wrote the code, by the steps; `null` for tasks without a model. */
  readonly model: string | null;
  /** The code was played back: it fits the sample files of its demo, and another attempt plays the same. */
  readonly isRecorded: boolean;
  /** The user named this agent: its data folder is not the one here. */
  readonly isNamed: boolean;
}

/** Codes after which another attempt can end otherwise. */
const WORTH_ANOTHER_ATTEMPT: ReadonlySet<string> = new Set(['task/code-failed', 'model/no-code', 'model/incomplete']);

/**
 * Prints `error:` with the reason, `hint:`, and the recorded demos where these are all that is answered.
 * @example await printTaskFailure({ result: await run, model: 'gemma3:4b', isRecorded: false, isNamed: false }, io)
 */
export async function printTaskFailure(failed: FailedTask, io: Io): Promise<void> {
  const { error, recordedDemos } = failed.result;
  const reason = error.code === 'model/not-connected' ? firstPart(error.message) : lastLine(error.message);
  const message = `the task failed${reason === '' ? '' : `: ${reason}`}`;
  printError(new CliError('cli/task-failed', message), io, await adviceOn(failed, io));
  if (recordedDemos.length === 0) return;
  io.stderr('recorded demos, which need no model:\n');
  for (const demo of recordedDemos) io.stderr(wrapped(`  ${printable(commandOf(demo))}`, io.columns, 4));
}

/** The command line that plays a demo, quoted for a shell. */
function commandOf({ description, language, context }: RecordedDemo): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const inLanguage = language === 'python' ? '' : ` --language ${language}`;
  const withContext = context === null ? '' : ` --context ${quoted(JSON.stringify(context))}`;
  return `assay run ${quoted(description)}${inLanguage}${withContext}`;
}

async function adviceOn({ result, model, isRecorded, isNamed }: FailedTask, io: Io): Promise<string | undefined> {
  const { code, message } = result.error;
  if (code === 'model/not-connected')
    return 'assay model fetch brings a model that runs inside the agent; docs/settings.md names others';
  if (/PACKAGE_UNAVAILABLE/.test(message)) return packageAdvice(isNamed, io);
  const [, absent] =
    /(?:No such file or directory: |no such file or directory, open )'\/tmp\/([\w. -]{1,100})'/.exec(message) ?? [];
  if (absent !== undefined) return `--file ${absent} gives the program that file`;
  if (code === 'task/cancelled') return 'run it again to have its answer';
  if (!WORTH_ANOTHER_ATTEMPT.has(code)) return undefined;
  if (isRecorded)
    return 'a recorded program fits the sample files of its demo: leave out --file, or let a model write one: assay model fetch';
  return (await writesWordsOnly(model))
    ? `${model} is too small for programs, it writes words only; assay model fetch brings one that writes programs`
    : 'change the task, or raise --max-retries';
}

/** Packages that were installed while the agent ran come into use when it starts again. */
async function packageAdvice(isNamed: boolean, io: Io): Promise<string> {
  const { installedPackages } = await import('@assay/agent');
  const installed = isNamed ? [] : await installedPackages(dataFolder(io));
  return installed.length > 0
    ? `installed here are ${shortList(installed)}; restart the agent to use them`
    : 'assay sandbox install brings numpy, pandas and matplotlib; restart the agent after it, or change the task';
}

async function writesWordsOnly(model: string | null): Promise<boolean> {
  if (model === null) return false;
  const { CATALOGUE } = await import('@assay/agent');
  return CATALOGUE.some(({ name, writes }) => name === model && writes === 'words');
}

function firstPart(text: string): string {
  return text.split('; ')[0] ?? '';
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
