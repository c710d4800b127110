/** `assay talk`: one question to a server of the tutorial "Secure Communication with TEE", with the tutorial's settings. */

import type { Command } from 'commander';
import { trustAt } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { dataFolder } from '../command-line/data-folder.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption, append, policyOption, trustOption } from '../command-line/options.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { printVerdict } from '../command-line/verdict.ts';
import { TalkClient, verdictDocument, verdictOf } from '../index.ts';
import { shortKey } from '../talk/talk-attestation.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:8000';

interface TalkFlags {
  readonly url?: string;
  readonly platform?: string;
  readonly model?: string;
  readonly policy?: string;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly tutorial?: boolean;
  readonly acceptUnattestedMock?: boolean;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<message>', 'what to ask')
    .option('--url <address>', `the server; by default TEE_TLS_URL, or ${DEFAULT_SERVER}`)
    .option('--platform <name>', 'openai, anthropic or gemini; by default PLATFORM')
    .option('--model <name>', "the platform's model; by default MODEL")
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--root <file>', 'trust this root as well as the pinned ones; repeatable', append)
    .option('--tutorial', "the tutorial's own form: the answer comes in clear, bound to nothing but the key")
    .option('--accept-unattested-mock', 'dangerous: talk to a server that only says that it is a mock')
    .option('--json', 'machine-readable result')
    .action(async (message: string, flags: TalkFlags) => finish(await talk(message, flags, io)));
}

async function talk(message: string, flags: TalkFlags, io: Io): Promise<ExitCode> {
  const apiKey = setting(io, 'PLATFORM_API_KEY');
  if (apiKey === undefined)
    throw new CliError('cli/bad-option', 'PLATFORM_API_KEY: expected your key for the platform, got none; set it');
  const named = flags.url ?? setting(io, 'TEE_TLS_URL');
  const url = addressOption('--url', named ?? DEFAULT_SERVER);
  const own = named === undefined && flags.simulatedRoot === undefined ? await trustAt(url, dataFolder(io), io) : {};
  let client: TalkClient;
  try {
    client = await TalkClient.open(url, {
      apiKey,
      platform: flags.platform ?? setting(io, 'PLATFORM'),
      model: flags.model ?? setting(io, 'MODEL'),
      form: flags.tutorial === true ? 'tutorial' : 'bound',
      acceptUnattestedMock: flags.acceptUnattestedMock === true,
      policy: await policyOption(io, flags.policy),
      trust: { ...(await trustOption(io, flags)), ...own },
      fetch: io.fetch,
      now: () => io.now(),
      signal: io.signal,
    });
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === null) throw error;
    return printVerdict(verdict, io, { json: flags.json === true, verbose: false });
  }
  if (flags.json !== true) announce(client, io);
  const answer = await client.chat(message);
  const { verdict } = client.attested;
  if (flags.json === true) io.stdout(jsonText({ ...answer, verdict: verdict === null ? null : verdictDocument(verdict) }));
  else {
    io.stdout(`${answer.text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd')}\n`);
    const how =
      answer.form === 'bound' ? 'encrypted to you and signed over your nonce' : 'in clear, signed over question and answer';
    io.stderr(styleOf(io).faint(`${printable(`${answer.platform} ${answer.model}`)}, ${how}\n`));
  }
  return EXIT.accepted;
}

function announce({ attested: { verdict, spki } }: TalkClient, io: Io): void {
  const style = styleOf(io);
  if (verdict === null) io.stderr(`${style.bad('MOCK')}  no evidence: nothing vouches for the key ${shortKey(spki)}…\n`);
  else io.stderr(`${verdict.simulated ? style.open('SIMULATED') : style.good('verified')}  ${printable(verdict.scope)}\n`);
}

function setting(io: Io, name: string): string | undefined {
  const value = io.env[name];
  return value === '' ? undefined : value;
}
