/** `assay store`: what the store of this machine's agent holds; its schema; backups. */

import { resolve } from 'node:path';
import type { StoreStatus } from '@assay/agent';
import { counted } from '@assay/encoding/counted';
import { type Command, InvalidArgumentError } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { keptPlace, withOpenedPlace } from '../command-line/kept-place.ts';
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
  command
    .command('acknowledge')
    .description('accept that entries which were signed are lost, after an older backup was restored; the agent logs it')
    .requiredOption('--lost <n>', 'how many entries are lost', whole)
    .action(async (flags: { lost: number }) => finish(await acknowledge(flags.lost, io)));
  command
    .command('erase')
    .description(
      'erase prompts, code, files and answers that a receipt, or every receipt of a task, kept; proofs stay valid, the agent logs it',
    )
    .argument('<id>', 'of a receipt or a task')
    .option('--json', 'machine-readable result')
    .action(async (id: string, flags: { json?: boolean }) => finish(await erase(id, flags.json === true, io)));
  command
    .command('rotate-key')
    .description('seal everything under a fresh data key and destroy the old one; stop every agent first')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await rotateKey(flags.json === true, io)));
}

async function erase(id: string, json: boolean, io: Io): Promise<ExitCode> {
  const { erasePayloads } = await import('@assay/agent');
  const erased = await withOpenedPlace(io, (place) => erasePayloads(place, { id, now: io.now() }));
  if (json) io.stdout(jsonText({ erased }));
  else
    for (const { receiptId, payloads, shared, before } of erased) {
      const stay = shared === 0 ? '' : `, ${shared} of them stay for other receipts that keep the same bytes`;
      const when = before ? 'was erased before' : 'erased';
      io.stdout(
        `${printable(receiptId)}: ${when}, ${counted(payloads, 'payload')}${stay}; an agent logs it within seconds of running\n`,
      );
    }
  const open = Math.max(0, ...erased.map(({ openJobs }) => openJobs));
  if (open > 0)
    io.stderr(
      `warning: the erasure is not finished: ${open} jobs of the task have not ended and keep what they carry; cancel them or wait, then run this again\n`,
    );
  if (erased.some(({ inWriteAheadLog }) => inWriteAheadLog))
    io.stderr(
      'warning: other programs read the database, so deleted bytes stand in log.db-wal until it is written over; end backups and exports, then run this again\n',
    );
  return EXIT.accepted;
}

async function rotateKey(json: boolean, io: Io): Promise<ExitCode> {
  const { rotateDataKey } = await import('@assay/agent');
  const rotated = await withOpenedPlace(io, (place) => rotateDataKey(place, { now: io.now() }));
  if (json) io.stdout(jsonText(rotated));
  else
    io.stdout(
      `data key ${rotated.to} follows ${rotated.from}${rotated.resumed ? ' (went on where it was cut off)' : ''}, ${rotated.sealed} texts sealed again; copy data-key.json to agents on other machines; backups from before need the old file\n`,
    );
  return EXIT.accepted;
}

async function acknowledge(lost: number, io: Io): Promise<ExitCode> {
  const { acknowledgeLoss } = await import('@assay/agent');
  const { signedSize, foundSize } = await acknowledgeLoss(await keptPlace(io), { lost, now: io.now() });
  io.stdout(
    `acknowledged: the log goes on from ${foundSize} of ${counted(signedSize, 'entry', 'entries')}; the agent logs this at its next start, and who kept proofs of the others can show them; API keys are as they were then: revoke again what was revoked since\n`,
  );
  return EXIT.accepted;
}

function whole(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(text);
}

const SEALED_WORDS = {
  platform: 'sealed under a secret of the platform',
  simulator: "sealed under a simulator's key, which keeps nothing",
  clear: 'in clear, as safe as the disk',
} as const;

async function status(json: boolean, io: Io): Promise<ExitCode> {
  const { storeStatus } = await import('@assay/agent');
  const found = await storeStatus(keptPlace(io));
  const { schema, rows } = found;
  const behind = schema.found === schema.known ? '' : `, this release writes ${schema.known}`;
  if (json) io.stdout(jsonText(found));
  else
    io.stdout(
      table(
        [
          ['store', found.store],
          ['log', printable(found.origin)],
          ['schema', `${schema.found}${behind}`],
          ['entries', String(rows.entries)],
          ['receipts', String(rows.receipts)],
          ['tasks without a receipt', String(rows.unsealed)],
          ['jobs that wait or run', String(found.openJobs ?? 'none')],
          ['erased payloads', `${found.upkeep?.erasedPayloads ?? 0}${upkeepWords(found.upkeep)}`],
          [
            'data key',
            `${found.dataKey.id}, ${SEALED_WORDS[found.dataKey.sealed ?? 'clear']}${found.dataKey.rotating ? '; its rotation was cut off: run assay store rotate-key again' : ''}`,
          ],
          ['size', `${(found.bytes / 1024 / 1024).toFixed(1)} MiB`],
        ],
        { columns: io.columns },
      ),
    );
  return EXIT.accepted;
}

function upkeepWords(upkeep: StoreStatus['upkeep']): string {
  const unfinished = upkeep?.unfinished ?? 0;
  const unlogged = upkeep?.unlogged ?? 0;
  return [
    unfinished === 0 ? '' : `, ${unfinished} commands were cut off: run them again`,
    unlogged === 0 ? '' : `, ${unlogged} commands wait for an agent to log them`,
  ].join('');
}

async function migrate(io: Io): Promise<ExitCode> {
  const { migrateStore } = await import('@assay/agent');
  io.stdout(`up to date; it had schema ${await migrateStore(keptPlace(io))}\n`);
  return EXIT.accepted;
}

async function backup(folder: string, io: Io): Promise<ExitCode> {
  const { backupStore } = await import('@assay/agent');
  const files = await backupStore(keptPlace(io), resolve(io.cwd, folder));
  io.stdout(`${printable(folder)}: ${files.join(', ')}; it holds keys and what the agent was sent, keep it as you keep them\n`);
  return EXIT.accepted;
}

async function restore(folder: string, io: Io): Promise<ExitCode> {
  const { restoreStore } = await import('@assay/agent');
  const files = await restoreStore(keptPlace(io), resolve(io.cwd, folder));
  io.stdout(`restored: ${files.map((name) => printable(name)).join(', ')}; check it with assay log fsck\n`);
  return EXIT.accepted;
}
