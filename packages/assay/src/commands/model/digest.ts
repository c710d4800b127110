/** `assay model digest`: which model a file or folder is. */

import { type IdentifiedModel, identifyModel, manifestRoot } from '@assay/models';
import type { Command } from 'commander';
import type { Finish } from '../../command-line/command.ts';
import { EXIT, type ExitCode } from '../../command-line/exit-codes.ts';
import type { Io } from '../../command-line/io.ts';
import { table } from '../../command-line/layout.ts';
import { modelPaths, NATIVE_HASH, signedPaths, withModelFiles } from '../../command-line/model-files.ts';
import { jsonText, printable, styleOf } from '../../command-line/output.ts';

interface DigestFlags {
  readonly oms?: boolean;
  readonly tensors?: boolean;
  readonly json?: boolean;
}

export function configureDigest(group: Command, io: Io, finish: Finish): void {
  group
    .command('digest')
    .description('the digest of a model: weights, architecture, tokenizer, chat template')
    .argument('<path>', 'GGUF or safetensors file, or the folder of a model')
    .option('--oms', 'also the root digest of OpenSSF Model Signing over the files')
    .option('--tensors', 'every tensor with its digest')
    .option('--json', 'machine-readable result')
    .action(async (path: string, flags: DigestFlags) => finish(await digest(path, flags, io)));
}

async function digest(path: string, flags: DigestFlags, io: Io): Promise<ExitCode> {
  const model = await withModelFiles(await modelPaths(io, path), (sources) => identifyModel(sources, NATIVE_HASH));
  const oms = flags.oms === true ? await omsRoot(path, io) : null;
  if (flags.json === true) {
    const { digest: modelDigest, identity, types, uncovered } = model;
    const tensors = flags.tensors === true ? { tensors: model.tensors } : {};
    io.stdout(
      jsonText({ digest: modelDigest, identity, types, uncovered, ...(oms === null ? {} : { oms_root: oms }), ...tensors }),
    );
    return EXIT.accepted;
  }
  print(model, oms, flags, io);
  return EXIT.accepted;
}

async function omsRoot(path: string, io: Io): Promise<string> {
  const paths = await signedPaths(io, path, { allowLinks: true });
  return withModelFiles(paths, (files) => manifestRoot(files, NATIVE_HASH));
}

function print(
  { digest: modelDigest, identity, types, tensors, uncovered }: IdentifiedModel,
  oms: string | null,
  flags: DigestFlags,
  io: Io,
): void {
  const style = styleOf(io);
  const { architecture, chat_template: template, tokenizer } = identity;
  const counts = Object.entries(types).map(([type, count]) => `${count} ${type}`);
  const rows = [
    ['architecture', architecture.digest, printable(architecture.name)],
    ['tensors', identity.tensors.digest, `${counts.join(', ')}; ${identity.tensors.bytes} bytes`],
    ['tokenizer', tokenizer ?? 'none', ''],
    ['chat template', template ?? 'none', ''],
    ...(oms === null ? [] : [['model signing', oms, 'root over the files']]),
  ];
  io.stdout(`${style.strong(modelDigest)}\n${table(rows, { columns: io.columns })}`);
  if (flags.tensors === true)
    io.stdout(
      `\n${table(
        tensors.map(({ digest: each, name, type, shape }) => [printable(name), type, `[${shape.join(',')}]`, each]),
        { columns: io.columns },
      )}`,
    );
  if (uncovered.length > 0) io.stderr(`${style.open('!')} not covered: ${printable(uncovered.join(', '))}\n`);
}
