/**
 * `assay replay`: run the code of a bundle again and say whether the same came out. Code runs in the sandbox only; whether the bundle
 * is authentic is said first, because replaying a forgery proves nothing.
 */

import { resolve } from 'node:path';
import type { ReplayReport, Sandbox } from '@assay/agent';
import { type Bundle, type Digest, parseBundle, ReceiptError } from '@assay/receipt';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { dataFolder } from '../command-line/data-folder.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode, exitCodeOfOutcome } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { trustOption } from '../command-line/options.ts';
import { jsonText, printable, printError, styleOf } from '../command-line/output.ts';
import { recordedRuns } from '../command-line/recorded-runs.ts';
import { replayAudit } from '../command-line/replay-audit.ts';
import { type ReplayedWork, replayBuild } from '../command-line/replay-build.ts';
import { fileRootHint } from '../command-line/root-hint.ts';
import { readSubject } from '../command-line/subject.ts';
import { verdictDocument, verifyBundle } from '../index.ts';
import { kindName } from '../verification/kinds.ts';
import { subjectOf } from '../verification/subject.ts';

interface ReplayFlags {
  readonly receipt?: string;
  readonly simulatedRoot?: string;
  readonly json?: boolean;
}

/** Where the driver of audits writes. */
const ANALYZER_REPORT = '/tmp/report.json';

/** `apart`: it decides nothing, as the linter's run. */
type ReplayedRun = ((Omit<ReplayReport, 'result' | 'sameEnvironment'> & { readonly name: string }) | ReplayedWork) & {
  readonly apart?: true | undefined;
};

/** Receipts that an error names. */
const NAMED = 5;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<bundle>', 'file, URL, or - for standard input')
    .option('--receipt <id>', 'only this receipt')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root")
    .option('--json', 'machine-readable result')
    .action(async (bundle: string, flags: ReplayFlags) => finish(await replay(bundle, flags, io)));
}

async function replay(subject: string, flags: ReplayFlags, io: Io): Promise<ExitCode> {
  const bytes = await readSubject(io, subject);
  const kind = subjectOf(bytes);
  if (kind.kind !== 'bundle')
    throw new ReceiptError(
      'bundle/malformed',
      `replay takes a bundle: expected one, got ${kindName(kind)}; assay bundle ID or assay run --save writes one, and assay verify checks other files`,
    );
  const verdict = await verifyBundle(bytes, { now: io.now(), trust: await trustOption(io, flags) });
  if (verdict.outcome === 'malformed') throw verdict.error;
  const bundle = parseBundle(bytes);
  if (flags.receipt !== undefined) requireReceipt(bundle, flags.receipt);
  const runs = await repeatAll(bundle, flags.receipt, io);
  if (flags.json === true) {
    const { outcome, simulated, error } = verdictDocument(verdict);
    io.stdout(jsonText({ bundle: { outcome, simulated, error }, runs }));
  } else {
    const style = styleOf(io);
    const authentic = verdict.outcome === 'accepted' || verdict.outcome === 'refused';
    const standing = authentic
      ? `${verdict.outcome}${verdict.simulated ? ' (SIMULATED)' : ''}`
      : style.bad(`${verdict.outcome}: a replay of it proves nothing`);
    io.stdout(`bundle  ${standing}\n`);
    for (const each of runs) io.stdout(describe(each, io));
    if (runs.length === 0) io.stdout('no code ran in this bundle\n');
  }
  if (verdict.error !== undefined) {
    const rootMissing = verdict.error.code === 'certificate/root-not-trusted';
    printError(verdict.error, io, rootMissing ? await fileRootHint(flags, io) : undefined);
  }
  const deciding = runs.filter(({ apart }) => apart !== true);
  if (deciding.some(({ outcome }) => outcome === 'differs')) return EXIT.no;
  if (verdict.outcome !== 'accepted') return exitCodeOfOutcome(verdict.outcome);
  const repeated = deciding.length > 0 && deciding.every(({ outcome }) => outcome === 'identical');
  return repeated ? EXIT.accepted : EXIT.undecided;
}

/** @throws {CliError} `cli/bad-option` for a receipt that the bundle does not have. */
function requireReceipt({ receipts }: Bundle, id: string): void {
  const ids = receipts.map(({ receipt }) => receipt.receipt_id);
  if (ids.includes(id)) return;
  const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : '';
  throw new CliError(
    'cli/bad-option',
    `--receipt: expected a receipt of the bundle (${ids.slice(0, NAMED).join(', ')}${more}), got ${JSON.stringify(id.slice(0, 80))}; name one of these`,
  );
}

/** One sandbox a lane, opened when it is first needed. */
async function repeatAll(bundle: Bundle, only: string | undefined, io: Io): Promise<readonly ReplayedRun[]> {
  const { installedPrograms, PROGRAMS, replayExecution, selectSandbox, transcriptFromJson } = await import('@assay/agent');
  const directory = dataFolder(io);
  const analyzerDirectory = resolve(io.cwd, io.env.ASSAY_ANALYZER_DIR || directory);
  const programs = installedPrograms(analyzerDirectory);
  const sandboxes = new Map<string, Sandbox>();
  const replayed: ReplayedRun[] = [];
  try {
    for (const { receipt } of bundle.receipts) {
      if (only !== undefined && receipt.receipt_id !== only) continue;
      const payload = (digest: string): Uint8Array | null => bundle.payloads.get(digest as Digest) ?? programs(digest);
      const sources = {
        ...{ receiptId: receipt.receipt_id, events: receipt.event_log, payload, readTranscript: transcriptFromJson },
        linter: `sha256:${PROGRAMS.solhint.digest}`,
      };
      const rebuilt = await replayBuild(sources, io);
      if (rebuilt !== null) replayed.push(rebuilt.replayed);
      let audited = false;
      for (const run of recordedRuns(sources)) {
        const apart = run.isLint ? true : undefined;
        if ('missing' in run) {
          replayed.push({ name: run.name, outcome: 'inconclusive', notes: [run.missing], differences: [], apart });
          continue;
        }
        const { lane } = run.execution.claim;
        const place = run.image === null ? { directory } : { directory: analyzerDirectory, image: run.image };
        const open = async () =>
          (await selectSandbox({ ...place, minIsolation: 'wasm', prefer: lane, concurrency: 1, warm: 0 })).sandbox;
        const key = `${lane} ${run.image ?? ''}`;
        const sandbox = sandboxes.get(key) ?? (await open());
        sandboxes.set(key, sandbox);
        const { outcome, notes, differences, result } = await replayExecution(run.execution, sandbox);
        replayed.push({ name: run.name, outcome, notes, differences, apart });
        if (audited || run.image !== 'slither' || run.execution.claim.language !== 'python') continue;
        audited = true;
        const report = result.artifacts.find(({ path }) => path === ANALYZER_REPORT)?.bytes ?? null;
        const { code, inputs } = run.execution;
        const packages = sandbox.capabilities.packages.python ?? [];
        const here = { code, inputs, status: result.status, report, packages };
        const again = replayAudit(sources, here, rebuilt?.built ?? null);
        if (again !== null) replayed.push(again);
      }
    }
    return replayed;
  } finally {
    for (const sandbox of sandboxes.values()) await sandbox.close();
  }
}

function describe({ name, outcome, notes, differences, apart }: ReplayedRun, io: Io): string {
  const style = styleOf(io);
  const paint = { identical: style.good, differs: style.bad, inconclusive: style.open }[outcome];
  const lines = [`${paint(outcome)}  ${printable(name)}`];
  for (const { what, recorded, now } of differences)
    lines.push(`  ${what}: recorded ${printable(recorded)}, now ${printable(now)}`);
  for (const note of notes) lines.push(`  ${style.faint(printable(note))}`);
  if (apart === true) lines.push(`  ${style.faint('apart from the audit: it does not decide')}`);
  return `${lines.join('\n')}\n`;
}
