/** `assay inspect`: what a file claims, with every value marked unverified, because nothing here was checked. */

import { recogniseEvidence } from '@assay/attestation';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { readSubject } from '../command-line/subject.ts';

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
  const evidence = recogniseEvidence(await readSubject(io, subject));
  const value = plain(evidence.value, 0);
  if (flags.json === true) {
    io.stdout(jsonText({ verified: false, type: evidence.type, unverified: value }));
    return EXIT.accepted;
  }
  const style = styleOf(io);
  const rows = flatten('', value);
  io.stdout(`${style.strong(style.open('UNVERIFIED'))}  ${evidence.type}: what the bytes say, nothing was checked\n\n`);
  io.stdout(
    table(
      rows.slice(0, MAX_ROWS).map(([path, text]) => [style.faint(path), printable(text, { full: flags.verbose === true })]),
      { columns: io.columns },
    ),
  );
  if (rows.length > MAX_ROWS) io.stdout(`  … ${rows.length - MAX_ROWS} more; --json shows all\n`);
  io.stdout('\nassay verify tells whether any of it is true.\n');
  return EXIT.accepted;
}

/** Parsed values as JSON: bytes become hex, maps become objects; what is nested deeper than 12 levels is left out. */
function plain(value: unknown, depth: number): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 12) return '…';
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value instanceof Set) return [...value].map((item) => plain(item, depth + 1));
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [String(name), plain(item, depth + 1)]));
}

function flatten(path: string, value: unknown): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return [[path === '' ? 'value' : path, String(value)]];
  return Object.entries(value).flatMap(([name, item]) => flatten(path === '' ? name : `${path}.${name}`, item));
}
