/** `assay model`: the models that an agent runs itself; what a model file is, and who signed it. One file a subcommand in `model/`. */

import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import type { Io } from '../command-line/io.ts';
import { configureCommitment } from './model/commitment.ts';
import { configureDigest } from './model/digest.ts';
import { configureEmbedded } from './model/embedded.ts';
import { configureSigning } from './model/signing.ts';

export function configure(command: Command, io: Io, finish: Finish): void {
  configureEmbedded(command, io, finish);
  configureDigest(command, io, finish);
  configureCommitment(command, io, finish);
  configureSigning(command, io, finish);
}
