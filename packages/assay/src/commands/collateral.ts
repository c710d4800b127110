/** `assay collateral`: fetch what evidence needs while there is a network, pack it into one file, verify offline later. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { collectEndorsements, type Endorsements, endorsementFiles, packCollateral, verify } from '@assay/attestation';
import { fetchEndorsements } from '@assay/attestation/endorsements';
import type { Command } from 'commander';
import { openArchives } from '../command-line/archive.ts';
import type { Finish } from '../command-line/command.ts';
import { companionWarnings } from '../command-line/companion-warnings.ts';
import { endorsementSource } from '../command-line/endorsement-source.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { printable, printError } from '../command-line/output.ts';
import { readCompanions, readSubject } from '../command-line/subject.ts';
import { terminalHint } from '../command-line/terminal-hint.ts';

interface FetchFlags {
  readonly output?: string;
  readonly offline?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('fetch')
    .description('fetch everything this evidence can be verified with, as one collateral file')
    .argument('<evidence>', 'file, URL, or - for standard input')
    .option('-o, --output <file>', 'write here instead of standard output')
    .option('--offline', 'take it from the cache only')
    .action(async (evidence: string, flags: FetchFlags) => finish(await fetchCommand(evidence, flags, io)));
  command
    .command('pack')
    .description('pack companion files and folders into one collateral file')
    .argument('<paths...>', 'files and folders')
    .option('-o, --output <file>', 'write here instead of standard output')
    .action(async (paths: readonly string[], flags: FetchFlags) => {
      const files = openArchives(await readCompanions(io, paths));
      for (const warning of companionWarnings(files)) io.stderr(wrapped(`! ${printable(warning)}`, io.columns, 2));
      finish(await write(packCollateral(files), summary(collectEndorsements(files)), flags, io));
    });
}

async function fetchCommand(evidence: string, flags: FetchFlags, io: Io): Promise<ExitCode> {
  const bytes = await readSubject(io, evidence);
  const source = endorsementSource(io, flags.offline === true);
  const first = await fetchEndorsements(bytes, source, { optional: true });
  // Reference manifests are named by verified claims only.
  const { claims, error } = await verify(bytes, { now: io.now(), endorsements: first.endorsements });
  const second = claims === undefined ? { endorsements: [], problems: [] } : await fetchEndorsements(bytes, source, { claims });
  const endorsements = distinct([...first.endorsements, ...second.endorsements]);
  const problems = [...first.problems, ...second.problems];
  for (const problem of problems) printError(problem, io);
  if (endorsements.length === 0 && problems.length === 0) {
    if (error?.kind === 'malformed') throw error;
    throw new CliError(
      'cli/bad-option',
      'nothing can be fetched for this file; evidence that carries its own certificates needs nothing',
    );
  }
  const written = await write(packCollateral(endorsementFiles(endorsements)), summary(endorsements), flags, io);
  return problems.length > 0 ? EXIT.unavailable : written;
}

async function write(pack: Uint8Array, what: string, { output }: FetchFlags, io: Io): Promise<ExitCode> {
  if (output === undefined) {
    io.stdout(new TextDecoder().decode(pack));
    terminalHint('-o collateral.json writes it to a file, which assay verify takes with --collateral', io);
    return EXIT.accepted;
  }
  try {
    await writeFile(resolve(io.cwd, output), pack);
  } catch (cause) {
    throw new CliError(
      'cli/file-unwritable',
      `cannot write ${output}: ${(cause as NodeJS.ErrnoException).code}; check the path`,
      { cause },
    );
  }
  io.stdout(`${output}: ${what}\n`);
  return EXIT.accepted;
}

function distinct(endorsements: Endorsements): Endorsements {
  const seen = new Set<string>();
  return endorsements.filter((item) => {
    const key = endorsementFiles([item])
      .map(({ bytes }) => Buffer.from(bytes).toString('base64'))
      .join();
    return seen.size < seen.add(key).size;
  });
}

/** `3 certificate, 2 crl`. */
function summary(endorsements: Endorsements): string {
  const counts = new Map<string, number>();
  for (const { kind } of endorsements) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(', ') || 'nothing recognised';
}
