/** `assay receipt`: one receipt of an agent, or the newest ones. */

import type { Command } from 'commander';
import { type AgentApi, agentApi } from '../command-line/agent-api.ts';
import { type AgentFlags, agentOf, agentOptions, withAgent } from '../command-line/agent-connection.ts';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { minuteOf, table } from '../command-line/layout.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { terminalHint } from '../command-line/terminal-hint.ts';
import { TASK_TITLES } from '../story/task-titles.ts';

interface ReceiptFlags extends AgentFlags {
  readonly json?: boolean;
  readonly search?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  agentOptions(command)
    .argument('[id]', 'rcpt_…; left out: the newest receipts')
    .option('--search <text>', 'of the newest, those with this in title, kind of work or ids')
    .option('--json', 'machine-readable')
    .action(async (id: string | undefined, flags: ReceiptFlags) => finish(await receipt(id, flags, io)));
}

function receipt(id: string | undefined, flags: ReceiptFlags, io: Io): Promise<ExitCode> {
  const reach = () => agentOf(flags, io);
  return withAgent(reach, io, flags, (agent) => show(agentApi(agent), id, flags, io));
}

async function show(agent: AgentApi, id: string | undefined, flags: ReceiptFlags, io: Io): Promise<ExitCode> {
  if (id !== undefined) {
    io.stdout(jsonText(await agent.get(`v1/aci/receipts/${encodeURIComponent(id)}`)));
    const call = flags.url === undefined ? id : `${id} --url ${flags.url}`;
    const advice = `assay receipt ${call} | assay inspect - shows it in words, and assay bundle ${call} -o bundle.json writes a file that anyone can verify`;
    if (flags.json !== true) terminalHint(advice, io);
    return EXIT.accepted;
  }
  const search = flags.search === undefined ? '' : `&search=${encodeURIComponent(flags.search)}`;
  const { receipts } = await agent.get(`api/receipts?limit=20${search}`);
  const rows = (Array.isArray(receipts) ? receipts : []) as readonly Readonly<Record<string, unknown>>[];
  if (flags.json === true) io.stdout(jsonText({ receipts: rows }));
  else {
    const style = styleOf(io);
    const cells = rows.map((row) => [
      String(row.receipt_id),
      minuteOf(Number(row.served_at) * 1000),
      row.state === 'sealed' ? style.good('sealed') : style.open(String(row.state)),
      String(row.outcome),
      TASK_TITLES[String(row.title)] ?? String(row.title),
    ]);
    io.stdout(
      cells.length === 0
        ? 'no receipts yet\n'
        : table(
            cells.map((row) => row.map((cell, index) => (index === 2 ? cell : printable(cell)))),
            { columns: io.columns },
          ),
    );
  }
  return EXIT.accepted;
}
