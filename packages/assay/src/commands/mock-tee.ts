/** `assay mock-tee`: an agent in a simulated TEE of the kind you name, with the transcript surface of seed 003. For development; nothing it attests is hardware. */

import { join } from 'node:path';
import { isLoopbackName } from '@assay/channel';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { choiceOption } from '../command-line/options.ts';

const NAMES = ['sgx', 'sev', 'nitro', 'vendor', 'mock'] as const;

/** Provider → attester of the agent, and the file of its root. */
const PROVIDERS: Readonly<Record<(typeof NAMES)[number], { readonly attester: string; readonly root: string }>> = {
  sgx: { attester: 'simulated-sgx', root: 'simulated-sgx-root.pem' },
  sev: { attester: 'simulated-sev', root: 'simulated-sev-root.pem' },
  nitro: { attester: 'simulated-nitro', root: 'simulated-root.pem' },
  vendor: { attester: 'simulated-vendor', root: 'simulated-vendor-root.pem' },
  mock: { attester: 'simulated', root: 'simulated-root.pem' },
};

interface MockFlags {
  readonly provider: string;
  readonly port: string;
  readonly host: string;
  readonly modelName?: string;
  readonly modelVersion?: string;
  readonly dataDir: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--provider <kind>', NAMES.join(', '), 'mock')
    .option('--port <number>', '0 takes a free one', '8080')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--model-name <name>', 'model to ask; AI_MODEL')
    .option('--model-version <text>', 'version that transcripts name; ASSAY_MODEL_VERSION')
    .option('--data-dir <folder>', 'keys, roots and receipts', '.assay-mock')
    .addHelpText(
      'after',
      '\nWhile it runs:\n  curl -X POST localhost:8080/attestation/create \\\n    -H content-type:application/json -d \'{"nonce":"mine"}\'',
    )
    .action(async (flags: MockFlags) => finish(await mockTee(flags, io)));
}

/** ASSAY_API_KEY is the key of a client for its agent; a simulated TEE on this machine alone asks for none, also where `.env` has one. */
function foreignKeys(host: string): Readonly<Record<string, string>> {
  return isLoopbackName(host) ? { ASSAY_API_KEY: '' } : {};
}

async function mockTee(flags: MockFlags, io: Io): Promise<ExitCode> {
  const provider = PROVIDERS[choiceOption('provider', flags.provider, NAMES)];
  const { serve } = await import('@assay/agent');
  io.stderr(`SIMULATED ${flags.provider}: nothing here is hardware; its root is ${join(flags.dataDir, provider.root)}\n`);
  const code = await serve({
    environment: {
      ...io.env,
      ...foreignKeys(flags.host),
      AGENT_HOST: flags.host,
      AGENT_PORT: flags.port,
      ASSAY_DATA_DIR: flags.dataDir,
      ASSAY_ATTESTER: provider.attester,
      ...(flags.modelName === undefined ? {} : { AI_MODEL: flags.modelName }),
      ...(flags.modelVersion === undefined ? {} : { ASSAY_MODEL_VERSION: flags.modelVersion }),
    },
    directory: io.cwd,
    say: (text) => io.stderr(text),
    color: io.interactive && (io.env.NO_COLOR ?? '') === '',
    signal: io.signal,
  });
  return code === 0 ? EXIT.accepted : EXIT.misuse;
}
