/** `assay ask`: verify an agent, ask one question through the sealed channel, check the receipt. */

import type { Command } from 'commander';
import { type AgentFlags, agentOptions, apiKeyOf } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { PRIVATE, writeFileOf } from '../command-line/destination.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import { withFoundAgent } from '../command-line/find-agent.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { addressOption } from '../command-line/options.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { isRecorded, RECORDED_MEANING } from '../connection/recorded-answer.ts';
import { type Agent, verdictDocument } from '../index.ts';

interface AskFlags extends AgentFlags {
  readonly model?: string;
  readonly system?: string;
  readonly apiKey?: string;
  readonly hybrid?: boolean;
  readonly save?: string;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command)
    .usage('[options] [url] <question>')
    .argument('<question>', 'what to ask; an address before it names the agent, as --url does')
    .argument('[words]')
    .option('--model <name>', 'model to ask for')
    .option('--system <text>', 'system prompt')
    .option('--api-key <key>', 'key of the agent; better in ASSAY_API_KEY')
    .option('--hybrid', 'encrypt to the X-Wing key (X25519 with ML-KEM-768)')
    .option('--save <file>', 'keep the proof of the answer')
    .option('--json', 'machine-readable result')
    .action(async (first: string, second: string | undefined, flags: AskFlags) => {
      const named = second === undefined ? flags : { ...flags, url: addressBefore(first, flags) };
      finish(await ask(second ?? first, named, io));
    });
}

/** @throws {CliError} `cli/bad-option`. */
function addressBefore(text: string, { url }: AskFlags): string {
  if (url !== undefined)
    throw new CliError('cli/bad-option', 'expected one address, got --url and another; quote the question to make it one word');
  return addressOption('url', text).href;
}

function ask(question: string, flags: AskFlags, io: Io): Promise<ExitCode> {
  const apiKey = flags.apiKey ?? apiKeyOf(io);
  const keyExchange = flags.hybrid === true ? 'hybrid' : 'x25519';
  const found = { ...flags, apiKey, keyExchange, quiet: flags.json === true } as const;
  return withFoundAgent(found, io, (agent) => answer(agent, question, flags, io));
}

async function answer(agent: Agent, question: string, flags: AskFlags, io: Io): Promise<ExitCode> {
  const style = styleOf(io);
  const { verdict } = agent.attested;
  const onText = flags.json === true ? undefined : (piece: string) => io.stdout(piece);
  const { text, receipt, proof } = await agent.chat(question, {
    ...{ model: flags.model, system: flags.system, onText },
    signal: io.signal,
  });
  const recorded = isRecorded(receipt);
  if (flags.json === true) io.stdout(jsonText({ answer: text, recorded, receipt, verdict: verdictDocument(verdict) }));
  else {
    io.stdout('\n');
    if (recorded) io.stderr(wrapped(style.bad(RECORDED_MEANING), io.columns, 2));
    io.stderr(style.faint(`receipt ${printable(receipt.receipt_id)}, signed by an attested key\n`));
  }
  if (flags.save !== undefined) await writeFileOf(io, flags.save, proof.encode(), PRIVATE);
  return EXIT.accepted;
}
