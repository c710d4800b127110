/** `assay store`: what the store of this machine's agent holds; its schema; backups. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { keptPlace } from '../command-line/kept-place.ts';
import { table } from '../command-line/layout.ts';
import { jsonText, printable } from '../command-line/output.ts';

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('status')
    .description('engine, schema, and how much is there; the agent may run')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await status(flags.json === true, io)));
  command
    .command('migrate')
    .description('bring the schema to that of this release, as an agent does at its start')
    .action(async () => finish(await migrate(io)));
  command
    .command('backup')
    .description('write database, keys and checkpoint into a folder that only you can read; the agent may run')
    .argument('<folder>', 'empty or absent')
    .action(async (folder: string) => finish(await backup(folder, io)));
  command
    .command('restore')
    .description('put a backup in place, where no log is; an older log than was signed is refused by the agent')
    .argument('<folder>', 'of assay store backup')
    .action(async (folder: string) => finish(await restore(folder, io)));
}

async function status(json: boolean, io: Io): Promise<ExitCode> {
  const { storeStatus } = await import('@assay/agent');
  const found = await storeStatus(await keptPlace(io));
  const { schema, rows } = found;
  const behind = schema.found === schema.known ? '' : `, this release writes ${schema.known}`;
  if (json) io.stdout(jsonText(found));
  else
    io.stdout(
      table([
        ['store', found.store],
        ['log', printable(found.origin)],
        ['schema', `${schema.found}${behind}`],
        ['entries', String(rows.entries)],
        ['receipts', String(rows.receipts)],
        ['tasks without a receipt', String(rows.unsealed)],
        ['jobs that wait or run', String(found.openJobs ?? 'none')],
        ['size', `${(found.bytes / 1024 / 1024).toFixed(1)} MiB`],
      ]),
    );
  return EXIT.accepted;
}

async function migrate(io: Io): Promise<ExitCode> {
  const { migrateStore } = await import('@assay/agent');
  io.stdout(`up to date; it had schema ${await migrateStore(await keptPlace(io))}\n`);
  return EXIT.accepted;
}

async function backup(folder: string, io: Io): Promise<ExitCode> {
  const { backupStore } = await import('@assay/agent');
  const files = await backupStore(await keptPlace(io), resolve(io.cwd, folder));
  io.stdout(`${printable(folder)}: ${files.join(', ')}; it holds keys and what the agent was sent, keep it as you keep them\n`);
  return EXIT.accepted;
}

async function restore(folder: string, io: Io): Promise<ExitCode> {
  const { restoreStore } = await import('@assay/agent');
  const files = await restoreStore(await keptPlace(io), resolve(io.cwd, folder));
  io.stdout(`restored: ${files.map((name) => printable(name)).join(', ')}; check it with assay log fsck\n`);
  return EXIT.accepted;
}
