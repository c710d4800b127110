/** `assay serve`: run an agent until told to stop. Settings come from the environment and `.env`; options win over both. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';

interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
  readonly env?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--host <address>', 'AGENT_HOST')
    .option('--port <number>', 'AGENT_PORT')
    .option('--data-dir <folder>', 'ASSAY_DATA_DIR')
    .option('--env <file>', 'settings file', '.env')
    .action(async (flags: ServeFlags) => finish(await serve(flags, io)));
}

async function serve(flags: ServeFlags, io: Io): Promise<ExitCode> {
  const { parseConfig, readEnvironment, startAgent, startMessage } = await import('@assay/server');
  const config = parseConfig({
    ...readEnvironment(resolve(io.cwd, flags.env ?? '.env'), io.env),
    ...(flags.host === undefined ? {} : { AGENT_HOST: flags.host }),
    ...(flags.port === undefined ? {} : { AGENT_PORT: flags.port }),
    ...(flags.dataDir === undefined ? {} : { ASSAY_DATA_DIR: flags.dataDir }),
  });
  const agent = await startAgent(config);
  io.stderr(await startMessage(agent, config, { color: io.interactive && io.env.NO_COLOR === undefined }));
  await stopped(io.signal);
  io.stderr('stopping: running tasks are given ten seconds\n');
  await agent.close();
  return EXIT.accepted;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
