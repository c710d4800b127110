/** `assay model fetch | list | rm`: the models that an agent runs itself. */

import { resolve } from 'node:path';
import type { CatalogueModel } from '@assay/agent';
import type { Command } from 'commander';
import type { Finish } from '../../command-line/command.ts';
import { dataFolder } from '../../command-line/data-folder.ts';
import { CliError } from '../../command-line/errors.ts';
import { EXIT, type ExitCode } from '../../command-line/exit-codes.ts';
import type { Io } from '../../command-line/io.ts';
import { table } from '../../command-line/layout.ts';
import { nearest } from '../../command-line/near-miss.ts';
import { jsonText, printable, styleOf } from '../../command-line/output.ts';
import { FetchProgress } from './fetch-progress.ts';

/** Characters of a part of a name that name a model. */
const LEAST_PART = 3;

export function configureEmbedded(command: Command, io: Io, finish: Finish): void {
  command
    .command('fetch')
    .description('fetch a model and the engine that runs it, each by its digest; without a name, the recommended one')
    .argument('[name]', 'one that assay model list shows')
    .option('--from <file|url|folder>', 'take the file from here; its digest must be the same')
    .option('--json', 'machine-readable result')
    .action(async (name: string | undefined, flags: FetchFlags) => finish(await fetch(name, flags, io)));
  command
    .command('list')
    .description('show the models that can be fetched, and those that are')
    .option('--json', 'machine-readable result')
    .action(async (flags: { json?: boolean }) => finish(await list(flags.json === true, io)));
  command
    .command('rm')
    .description('remove a fetched model')
    .argument('<name>', 'one that assay model list shows')
    .option('--json', 'machine-readable result')
    .action(async (name: string, flags: { json?: boolean }) => finish(await remove(name, flags.json === true, io)));
}

interface FetchFlags {
  readonly from?: string;
  readonly json?: boolean;
}

/** The model of that name. @throws {ServerError} `model/unknown-name`; {CliError} `cli/bad-option`, where a name is near. */
async function modelNamed(name: string): Promise<CatalogueModel> {
  const { CATALOGUE, catalogueModel } = await import('@assay/agent');
  const names = CATALOGUE.map((model) => model.name);
  const near = names.find((each) => name.length >= LEAST_PART && each.includes(name.toLowerCase())) ?? nearest(name, names);
  if (near === null || names.includes(name)) return catalogueModel(name);
  throw new CliError(
    'cli/bad-option',
    `expected one of ${names.join(', ')}, got ${JSON.stringify(name.slice(0, 80))}; did you mean ${near}?`,
  );
}

async function fetch(name: string | undefined, { from, json }: FetchFlags, io: Io): Promise<ExitCode> {
  const { fetchModel, RECOMMENDED_MODEL } = await import('@assay/agent');
  const model = name === undefined ? RECOMMENDED_MODEL : await modelNamed(name);
  const progress = new FetchProgress(io);
  progress.say(`into  ${printable(dataFolder(io))}`);
  const { path, fetched } = await fetchModel(model, {
    dataDir: dataFolder(io),
    signal: io.signal,
    from: from === undefined ? null : /^https?:/.test(from) ? from : resolve(io.cwd, from),
    onStanding: ({ step, bytesDone, bytesTotal, source }) => {
      if (step === 'engine') progress.say('engine: node-llama-cpp');
      if (step === 'model') progress.count(source ?? '', bytesDone, bytesTotal);
    },
  });
  progress.end();
  if (json === true) io.stdout(jsonText({ name: model.name, path, sha256: model.sha256, fetched }));
  else {
    io.stdout(`${fetched ? 'fetched' : 'already there'}  ${model.title}  ${printable(path)}\nsha256  ${model.sha256}\n`);
    if (model.writes === 'words') io.stdout('words only: it is too small for programs; for chats and tests\n');
    io.stderr(
      'hint: an agent that runs in this folder takes it up at once, assay serve starts one; a setting can name another model\n',
    );
  }
  return EXIT.accepted;
}

async function list(json: boolean, io: Io): Promise<ExitCode> {
  const { listModels } = await import('@assay/agent');
  const listed = await listModels(dataFolder(io));
  if (json) io.stdout(jsonText({ models: listed.map(({ model, path, fetched }) => ({ ...model, path, fetched })) }));
  else {
    const rows = listed.map(({ model: { name, title, bytes, licence, writes }, fetched }) => {
      const size = `${Math.ceil(bytes / 1024 / 1024)} MB`;
      return [fetched ? 'yes' : 'no', name, title, size, licence, writes === 'words' ? 'words only, no programs' : ''];
    });
    const { faint } = styleOf(io);
    io.stdout(table([['here', 'name', 'model', 'size', 'licence', ''].map(faint), ...rows], { columns: io.columns }));
  }
  return EXIT.accepted;
}

async function remove(name: string, json: boolean, io: Io): Promise<ExitCode> {
  const { removeModel } = await import('@assay/agent');
  await removeModel(dataFolder(io), (await modelNamed(name)).name);
  io.stdout(json ? jsonText({ removed: name }) : `removed  ${printable(name)}\n`);
  return EXIT.accepted;
}
