/** `assay log`: checks the log of this machine's agent in full, and exports it as plain files. */

import { resolve } from 'node:path';
import { counted } from '@assay/encoding/counted';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { keptPlace, withOpenedPlace } from '../command-line/kept-place.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('fsck')
    .description('check every entry, receipt, payload and tile against each other; reads only, the agent may run')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await fsck(flags.json === true, io)));
  command
    .command('export')
    .description('write the log as plain files (C2SP tlog-tiles) up to its newest published checkpoint')
    .argument('<folder>', 'empty or absent')
    .option('--json', 'machine-readable result')
    .action(async (folder: string, flags: { json?: boolean }) => finish(await exportTo(folder, flags.json === true, io)));
}

async function fsck(json: boolean, io: Io): Promise<ExitCode> {
  const { checkLog } = await import('@assay/agent');
  const check = await withOpenedPlace(io, (place) => checkLog(place));
  const sound = check.problems.length === 0;
  if (json) io.stdout(jsonText({ sound, ...check }));
  else {
    const style = styleOf(io);
    const { size, receipts, reports, payloads, published } = check;
    const what = [
      counted(size, 'entry', 'entries'),
      counted(receipts, 'receipt'),
      counted(reports, 'report'),
      counted(payloads, 'payload'),
    ].join(', ');
    for (const { index, what: problem } of check.problems)
      io.stdout(`${style.bad(index === null ? 'log' : `entry ${index}`)}: ${printable(problem)}\n`);
    io.stdout(
      `${sound ? style.good('sound') : style.bad(counted(check.problems.length, 'problem'))}: ${printable(check.origin)}, ${what}\n`,
    );
    io.stdout(
      published === null
        ? 'no published checkpoint to compare with\n'
        : `held against the checkpoint published at ${published}\n`,
    );
  }
  return sound ? EXIT.accepted : EXIT.notAuthentic;
}

async function exportTo(folder: string, json: boolean, io: Io): Promise<ExitCode> {
  const { exportLog } = await import('@assay/agent');
  const done = await exportLog(keptPlace(io), resolve(io.cwd, folder));
  if (json) io.stdout(jsonText(done));
  else
    io.stdout(
      `${printable(folder)}: ${counted(done.size, 'entry', 'entries')} of ${printable(done.origin)} in ${counted(done.files, 'file')}\n`,
    );
  return EXIT.accepted;
}
