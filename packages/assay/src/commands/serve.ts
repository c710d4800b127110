/** `assay serve`: run an agent until told to stop. Settings come from the environment and `.env`; options win over both. */

import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';

interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--host <address>', 'where to listen; by default AGENT_HOST, or 127.0.0.1')
    .option('--port <number>', 'by default AGENT_PORT, or 8000; 0 takes a free one')
    .option('--data-dir <folder>', 'store, keys and receipts; by default ASSAY_DATA_DIR, or .assay')
    .action(async (flags: ServeFlags) => finish(await serveCommand(flags, io)));
}

async function serveCommand({ host, port, dataDir }: ServeFlags, io: Io): Promise<ExitCode> {
  // V8 lets the space for new objects grow to 48 MB under load and never gives it back: an idle agent would keep 300 MB instead of 190.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { serve } = await import('@assay/agent');
  const code = await serve({
    environment: {
      ...io.env,
      ...(host === undefined ? {} : { AGENT_HOST: host }),
      ...(port === undefined ? {} : { AGENT_PORT: port }),
      ...(dataDir === undefined ? {} : { ASSAY_DATA_DIR: dataDir }),
    },
    directory: io.cwd,
    say: (text) => io.stderr(text),
    color: io.interactive && (io.env.NO_COLOR ?? '') === '',
    signal: io.signal,
  });
  return code === 0 ? EXIT.accepted : EXIT.misuse;
}
