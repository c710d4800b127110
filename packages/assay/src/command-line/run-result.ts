/** Shows the result of a task that ended: its output, how it ended, its receipt, and what was saved. */

import { resolve } from 'node:path';
import type { RunResult } from '../index.ts';
import { type AgentFlags, isNamed } from './agent-connection.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { jsonText, printable, printableOutput, styleOf } from './output.ts';
import { rootArgument } from './root-hint.ts';
import { saveAnswer } from './save-answer.ts';
import { printTaskFailure } from './task-failure.ts';
import type { TaskWatch } from './task-watch.ts';

export interface ResultFlags extends AgentFlags {
  /** Folder for answer, output, files and bundle. */
  readonly save?: string | undefined;
  readonly json?: boolean | undefined;
}

/** @returns 0, or 6 for a task that did not succeed. */
export async function presentRun(result: RunResult, watch: TaskWatch, flags: ResultFlags, io: Io): Promise<ExitCode> {
  const { stdout, value, message, receipt, answer } = result;
  const saved = flags.save === undefined ? null : await saveAnswer(result, resolve(io.cwd, flags.save));
  if (flags.json === true) {
    watch.end(null);
    io.stdout(jsonText(answer));
  } else {
    const style = styleOf(io);
    watch.end(stdout);
    if (value !== null) io.stdout(`${printableOutput(value)}\n`);
    const took = `${watch.seconds.toFixed(1)} s`;
    io.stderr(
      result.outcome === 'succeeded'
        ? wrapped(`${style.good('done')}  ${printable(message)}, ${took}`, io.columns, 2)
        : `${style.bad(result.outcome)}  after ${took}\n`,
    );
    io.stderr(`receipt  ${printable(receipt.receipt_id)}\n`);
    if (saved !== null) io.stderr(`saved  ${saved.join(', ')}\n`);
    io.stderr(
      saved === null
        ? 'hint: --save keeps answer, files and bundle for assay verify\n'
        : `hint: check it with assay verify ${flags.save}/bundle.json${rootArgument(result.verdict.simulated, flags, io)}\n`,
    );
  }
  if (result.outcome === 'succeeded') return EXIT.accepted;
  await printTaskFailure({ result, model: watch.model, isRecorded: watch.isRecorded, isNamed: isNamed(flags, io) }, io);
  return EXIT.no;
}
