/** `assay inspect`: what a file claims, with every value marked unverified, because nothing here was checked. */

import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table, wrapped } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { storyLines } from '../command-line/story-lines.ts';
import { readSubject } from '../command-line/subject.ts';
import { storyOf } from '../story/index.ts';
import { type InspectedFile, inspectFile } from '../verification/inspect.ts';

interface InspectFlags {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Longest list shown to people. */
const MAX_ROWS = 400;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<subject>', 'file, URL, or - for standard input')
    .option('--json', 'machine-readable result')
    .option('--verbose', 'long values in full')
    .action(async (subject: string, flags: InspectFlags) => finish(await inspect(subject, flags, io)));
}

async function inspect(subject: string, flags: InspectFlags, io: Io): Promise<ExitCode> {
  const found = await inspectFile(await readSubject(io, subject));
  if (flags.json === true) io.stdout(jsonText({ verified: false, ...documentOf(found) }));
  else print(found, flags.verbose === true, io);
  return EXIT.accepted;
}

function documentOf({ type, unverified, receipts }: InspectedFile): object {
  const stories = receipts.map(({ receipt, payload }) => ({
    receipt_id: receipt.receipt_id,
    story: storyOf(receipt, { payload }).steps.map(({ members: _, ...step }) => step),
  }));
  return { type, unverified, ...(stories.length === 0 ? {} : { receipts: stories }) };
}

function print({ type, unverified, receipts }: InspectedFile, verbose: boolean, io: Io): void {
  const style = styleOf(io);
  const rows = flatten('', unverified);
  io.stdout(
    wrapped(`${style.strong(style.open('UNVERIFIED'))}  ${type}: what the bytes say, nothing was checked`, io.columns, 2),
  );
  if (receipts.length > 0) io.stdout(`\n${storyLines(receipts, io, { verbose })}`);
  const shown = rows
    .slice(0, MAX_ROWS)
    .map(([path, text]) => [style.faint(printable(path)), printable(text, { full: verbose })]);
  io.stdout(`\n${table(shown, { columns: io.columns })}`);
  if (rows.length > MAX_ROWS) io.stdout(`  … ${rows.length - MAX_ROWS} more; --json shows all\n`);
  io.stdout('\nassay verify tells whether any of it is true.\n');
}

function flatten(path: string, value: unknown): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null)
    return [[path === '' ? 'value' : path, String(value).trimEnd().replaceAll(/\r?\n/g, ' ↵ ')]];
  return Object.entries(value).flatMap(([name, item]) => flatten(path === '' ? name : `${path}.${name}`, item));
}
