/** The history of what owners changed: fetched as one bundle, or read from a file; verified, then rechecked change by change. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { counted } from '@assay/encoding/counted';
import { type HistoryReceipt, type RecheckedHistory, recheckHistory } from '@assay/operator';
import { type Agent, type BundleVerdict, verifyBundle } from '../index.ts';
import { agentApi } from './agent-api.ts';
import { type AgentFlags, trustAt } from './agent-connection.ts';
import { changeReceipts } from './change-receipts.ts';
import { dataFolder } from './data-folder.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { policyOption, trustOption } from './options.ts';
import { jsonText, printable, styleOf } from './output.ts';
import { readSubject } from './subject.ts';
import { printVerdict } from './verdict.ts';

/**
 * Fetches what owners changed, up to 64 receipts, and rechecks it.
 * @throws {CliError} `cli/agent-failed`; {OperatorError} `operator/history-broken`.
 */
export async function fetchHistory(
  agent: Agent,
  flags: AgentFlags & { readonly output?: string; readonly json?: boolean },
  io: Io,
): Promise<ExitCode> {
  const api = agentApi(agent);
  const ids = await changeReceipts(api);
  if (ids.length === 0) {
    io.stdout('no changes yet\n');
    return EXIT.accepted;
  }
  const bytes = await api.bytes(`bundles/${ids.join(',')}`);
  if (flags.output !== undefined) await writeFile(resolve(io.cwd, flags.output), bytes);
  const { policy, url } = agent.attested;
  const { simulatedRoot } = flags;
  const trust =
    simulatedRoot !== undefined
      ? await trustOption(io, { simulatedRoot })
      : flags.url === undefined
        ? await trustAt(url, dataFolder(io), io)
        : { roots: [] };
  return show(await verifyBundle(bytes, { policy, trust, now: io.now() }), flags, io);
}

/** Rechecks a bundle from a file. */
export async function verifyHistoryFile(
  file: string,
  flags: { readonly simulatedRoot?: string; readonly policy?: string; readonly json?: boolean },
  io: Io,
): Promise<ExitCode> {
  const bytes = await readSubject(io, file);
  const trust = await trustOption(io, { simulatedRoot: flags.simulatedRoot });
  return show(await verifyBundle(bytes, { policy: await policyOption(io, flags.policy), trust, now: io.now() }), flags, io);
}

async function show(verdict: BundleVerdict, flags: { readonly json?: boolean }, io: Io): Promise<ExitCode> {
  if (verdict.outcome !== 'accepted') return printVerdict(verdict, io, { json: flags.json === true, verbose: false });
  const history = recheckHistory(historyReceipts(verdict));
  if (flags.json === true) {
    const { agentId, changes } = history;
    io.stdout(jsonText({ outcome: 'accepted', simulated: verdict.simulated, agent_id: agentId, changes }));
  } else print(history, verdict.simulated, io);
  return EXIT.accepted;
}

/** The receipts of changes that were made; refusals changed nothing. */
function historyReceipts(verdict: Extract<BundleVerdict, { readonly outcome: 'accepted' }>): readonly HistoryReceipt[] {
  const subjects = new Map(verdict.evidence.map(({ report }) => [report.keysetDigest, report.keyset.subject]));
  return [...verdict.receipts]
    .sort((a, b) => a.index - b.index)
    .filter(({ receipt }) =>
      receipt.event_log.some(({ type }) => /^(variable\.set|owners\.changed|policy\.changed|signing\.paused)$/.test(type)),
    )
    .map(({ receipt, time, keysetDigest, payloads }) => ({
      receiptId: receipt.receipt_id,
      time: Math.floor(time / 1000),
      subject: subjects.get(keysetDigest) ?? null,
      events: receipt.event_log,
      payload: (name) => payloads.find((payload) => payload.name === name)?.content ?? null,
    }));
}

function print({ agentId, changes }: RecheckedHistory, simulated: boolean, io: Io): void {
  const style = styleOf(io);
  const standing = simulated ? style.open('SIMULATED') : style.good('verified');
  const heading = `${standing}  ${counted(changes.length, 'change')} of agent ${printable(agentId, { full: true })}`;
  io.stdout(wrapped(heading, io.columns, 4));
  for (const { time, subject, version, form, signers } of changes) {
    const by = form === 'legacy' ? 'a legacy message' : signers.join(', ');
    const line = `${new Date(time * 1000).toISOString()}  ${printable(subject)}  version ${version}, signed by ${printable(by)}`;
    io.stdout(wrapped(line, io.columns, 4));
  }
}
