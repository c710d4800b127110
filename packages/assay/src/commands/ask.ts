/** `assay ask`: verify an agent, ask one question through the sealed channel, check the receipt. */

import type { Command } from 'commander';
import { apiKeyOf, reachAgent, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { writeFileOf } from '../command-line/destination.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption } from '../command-line/options.ts';
import { jsonText, styleOf } from '../command-line/output.ts';
import { type Agent, verdictDocument } from '../index.ts';

interface AskFlags {
  readonly policy?: string;
  readonly simulatedRoot?: string;
  readonly model?: string;
  readonly system?: string;
  readonly apiKey?: string;
  readonly hybrid?: boolean;
  readonly save?: string;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<url>', 'the agent')
    .argument('<question>', 'what to ask')
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--model <name>', 'model to ask for')
    .option('--system <text>', 'system prompt')
    .option('--api-key <key>', 'key of the agent; better in ASSAY_API_KEY')
    .option('--hybrid', 'encrypt to the X-Wing key (X25519 with ML-KEM-768)')
    .option('--save <file>', 'keep the proof of the answer')
    .option('--json', 'machine-readable result')
    .action(async (url: string, question: string, flags: AskFlags) => finish(await ask(url, question, flags, io)));
}

function ask(address: string, question: string, flags: AskFlags, io: Io): Promise<ExitCode> {
  const url = addressOption('url', address).href;
  const apiKey = flags.apiKey ?? apiKeyOf(io);
  const quiet = flags.json === true;
  const keyExchange = flags.hybrid === true ? 'hybrid' : 'x25519';
  const reach = () => reachAgent({ ...flags, url, ownFolder: null, apiKey, keyExchange, quiet }, io);
  return withAgent(reach, io, { json: quiet }, (agent) => answer(agent, question, flags, io));
}

async function answer(agent: Agent, question: string, flags: AskFlags, io: Io): Promise<ExitCode> {
  const style = styleOf(io);
  const { verdict } = agent.attested;
  const onText = flags.json === true ? undefined : (piece: string) => io.stdout(piece);
  const { text, receipt, proof } = await agent.chat(question, {
    ...{ model: flags.model, system: flags.system, onText },
    signal: io.signal,
  });
  if (flags.json === true) io.stdout(jsonText({ answer: text, receipt, verdict: verdictDocument(verdict) }));
  else {
    io.stdout('\n');
    io.stderr(style.faint(`receipt ${receipt.receipt_id}, signed by an attested key\n`));
  }
  if (flags.save !== undefined) await writeFileOf(io, flags.save, proof.encode());
  return EXIT.accepted;
}
