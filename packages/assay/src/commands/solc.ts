/** `assay solc`: installs the compilers that an agent builds and audits with, and lists them. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table } from '../command-line/layout.ts';
import { jsonText, printable } from '../command-line/output.ts';

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('add')
    .description('fetch compilers from npm, each held to its integrity; without a version, the set that agents have by default')
    .argument('[versions...]', 'e.g. 0.8.24 0.7.6')
    .action(async (versions: readonly string[]) => finish(await add(versions, io)));
  command
    .command('list')
    .description('show the compilers that are installed')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await list(flags.json === true, io)));
}

/** As the agent has it. */
function compilersFolder(io: Io): string {
  const { ASSAY_COMPILERS_DIR: folder, ASSAY_DATA_DIR: data } = io.env;
  return resolve(io.cwd, folder || `${data || '.assay'}/compilers`);
}

async function add(versions: readonly string[], io: Io): Promise<ExitCode> {
  const { DEFAULT_COMPILERS, installCompiler } = await import('@assay/agent');
  const folder = compilersFolder(io);
  for (const version of versions.length === 0 ? DEFAULT_COMPILERS : versions) {
    const onProgress = (message: string): void => io.stderr(`${printable(message)}\n`);
    const { longVersion } = await installCompiler(folder, version, { onProgress });
    io.stdout(`solc ${printable(longVersion)}\n`);
  }
  return EXIT.accepted;
}

async function list(json: boolean, io: Io): Promise<ExitCode> {
  const { installedCompilers } = await import('@assay/agent');
  const found = installedCompilers(compilersFolder(io));
  if (json) io.stdout(jsonText({ compilers: found }));
  else if (found.length === 0) io.stderr('no compiler is installed\nhint: assay solc add fetches the default set\n');
  else
    io.stdout(
      table(
        found.map(({ version, longVersion, sha256 }) => [version, longVersion, sha256]),
        { columns: io.columns },
      ),
    );
  return EXIT.accepted;
}
