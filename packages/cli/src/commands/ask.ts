/** `assay ask`: verify an agent, ask one question through the sealed channel, check the receipt. */

import { type Agent, ClientError, connect } from '@assay/client';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import { writeFileOf } from '../destination.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { addressOption, policyOption, rootOption } from '../options.ts';
import { jsonText, printable, styleOf } from '../output.ts';
import { printVerdict } from '../verdict.ts';

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

async function ask(url: string, question: string, flags: AskFlags, io: Io) {
  const apiKey = flags.apiKey ?? io.env.ASSAY_API_KEY;
  const address = addressOption('url', url);
  let agent: Agent;
  try {
    agent = await connect(address, {
      policy: await policyOption(io, flags.policy),
      ...(flags.simulatedRoot === undefined ? {} : { simulatedRoot: await rootOption(io, flags.simulatedRoot, true) }),
      ...(apiKey === undefined ? {} : { apiKey }),
      keyExchange: flags.hybrid === true ? 'hybrid' : 'x25519',
      fetch: io.fetch,
      now: () => io.now(),
      signal: io.signal,
    });
  } catch (error) {
    const verdict = ClientError.is(error) ? error.details.verdict : undefined;
    if (verdict === undefined) throw error;
    return printVerdict(verdict as Agent['attested']['verdict'], io, { json: flags.json === true, verbose: false });
  }
  const style = styleOf(io);
  const { verdict } = agent.attested;
  if (flags.json !== true) {
    io.stderr(`${verdict.simulated ? style.bad('SIMULATED') : style.good('verified')}  ${printable(verdict.scope)}\n`);
  }
  const text = await agent.chat(question, {
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(flags.system === undefined ? {} : { system: flags.system }),
    ...(flags.json === true ? {} : { onText: (piece: string) => io.stdout(piece) }),
    signal: io.signal,
  });
  const receipt = agent.lastReceipt;
  if (flags.json === true) io.stdout(jsonText({ answer: text, receipt, verdict }));
  else io.stdout('\n');
  if (flags.json !== true) {
    io.stderr(
      receipt === null
        ? style.open('no receipt came with this answer\n')
        : style.faint(`receipt ${receipt.receipt_id}, signed by an attested key\n`),
    );
  }
  if (flags.save !== undefined && agent.lastProof !== null) await writeFileOf(io, flags.save, agent.lastProof.encode());
  return EXIT.accepted;
}
