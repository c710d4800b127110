/** `assay proxy`: a local OpenAI-compatible endpoint that verifies its upstream before the first byte and every answer after it. */

import type { Server } from 'node:http';
import { createTlsDialer } from '@assay/channel/tls';
import { serve } from '@hono/node-server';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { PRIVATE, writeFileOf } from '../command-line/destination.ts';
import { endorsementSource } from '../command-line/endorsement-source.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption, authoritiesOption, choiceOption, policyOption, trustOption } from '../command-line/options.ts';
import { printable, type Style, styleOf } from '../command-line/output.ts';
import { stopServer } from '../command-line/stop-server.ts';
import { printVerdict } from '../command-line/verdict.ts';
import {
  type ChannelDemand,
  createVerifyingProxy,
  openUpstream,
  type ProxyEvent,
  UPSTREAM_KINDS,
  type VerifiedUpstream,
  verdictOf,
} from '../index.ts';

interface ProxyFlags {
  readonly port: string;
  readonly policy?: string;
  readonly simulatedRoot?: string;
  readonly apiKey?: string;
  readonly kind?: string;
  readonly keep: string;
  readonly channel: string;
  readonly authorities?: string;
  readonly sendKeyBeforeVerdict?: boolean;
}

const KINDS = UPSTREAM_KINDS.join(', ');
const CHANNELS: readonly ChannelDemand[] = ['any', 'bound', 'sealed'];

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<upstream>', 'address of the agent or service')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes a free one', '8788')
    .option('--kind <name>', `what the upstream is: ${KINDS}; recognised by itself`)
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--api-key <key>', 'key of the upstream; better in ASSAY_API_KEY')
    .option('--channel <demand>', `how the way there must end in the TEE: ${CHANNELS.join(', ')}`, 'any')
    .option('--authorities <file>', 'PEM of certificate authorities to accept for its address, in addition to the known ones')
    .option(
      '--send-key-before-verdict',
      'dangerous: show the key to a service that is not verified yet, for one that refuses its report without it',
    )
    .option('--keep <folder>', 'where the proof of each answer is kept', 'proofs')
    .action(async (upstream: string, flags: ProxyFlags) => finish(await proxy(upstream, flags, io)));
}

async function proxy(address: string, flags: ProxyFlags, io: Io): Promise<ExitCode> {
  const port = Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new CliError('cli/bad-option', `--port: expected 0 to 65535, got ${flags.port}; write 8788`);
  const url = addressOption('upstream', address);
  if (flags.kind !== undefined) choiceOption('kind', flags.kind, UPSTREAM_KINDS);
  const style = styleOf(io);
  const apiKey = flags.apiKey ?? io.env.ASSAY_API_KEY;
  const channel = choiceOption('channel', flags.channel, CHANNELS);
  let upstream: VerifiedUpstream;
  try {
    upstream = await openUpstream(
      url,
      {
        policy: await policyOption(io, flags.policy),
        trust: await trustOption(io, flags),
        apiKey,
        fetch: io.fetch,
        now: () => io.now(),
        channel,
        keyBeforeVerdict: flags.sendKeyBeforeVerdict === true,
        dialer: createTlsDialer(await authoritiesOption(io, flags.authorities)),
        collateral: endorsementSource(io, false),
      },
      flags.kind,
    );
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === null) throw error;
    return printVerdict(verdict, io, { json: false, verbose: false });
  }
  const handle = createVerifyingProxy({
    upstream,
    keep: (proof) => writeFileOf(io, `${flags.keep}/${safeName(proof.id)}.json`, proof.bytes, PRIVATE),
    onEvent: (event) => io.stderr(`${eventLine(event, style)}\n`),
  });
  await new Promise<void>((resolve, reject) => {
    const server = serve({ fetch: handle, hostname: '127.0.0.1', port }, ({ port: actual }) => {
      const { verdict } = upstream;
      io.stderr(`${verdict.simulated ? style.open('SIMULATED') : style.good('verified')}  ${printable(verdict.scope)}\n`);
      io.stdout(`OPENAI_BASE_URL=http://127.0.0.1:${actual}/v1\n`);
      if (upstream.paths !== undefined) io.stdout(`ASSAY_URL=http://127.0.0.1:${actual}\n`);
    });
    server.on('error', (cause: NodeJS.ErrnoException) =>
      reject(new CliError('cli/bad-option', `cannot listen on port ${port}: ${cause.code}; take another`, { cause })),
    );
    io.signal.addEventListener('abort', () => void stopServer(server as Server).then(resolve), { once: true });
  });
  return EXIT.accepted;
}

function safeName(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 120);
}

function eventLine(event: ProxyEvent, style: Style): string {
  switch (event.type) {
    case 'forwarded':
      return `  ${event.method} ${printable(event.path)} ${event.status}`;
    case 'proved':
      return `  ${style.good('✓')} ${printable(event.id)}  ${style.faint(printable(event.summary))}`;
    case 'unproved':
      return `  ${style.open('○')} ${printable(event.path)}  no receipt came with this answer`;
    case 'refused':
      return `  ${style.bad('✗')} ${printable(event.path)}  ${printable(event.message)} [${event.code}]`;
  }
}
