/**
 * `assay replay`: run the code of a bundle again and say whether the same came out. Code runs in the sandbox only; whether the bundle
 * is authentic is said first, because replaying a forgery proves nothing.
 */

import { resolve } from 'node:path';
import { DEFAULT_POLICY, type TrustAnchor } from '@assay/attestation';
import { judge } from '@assay/client';
import { type Digest, parseBundle } from '@assay/receipt';
import type { Sandbox } from '@assay/server';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import { EXIT, type ExitCode, exitCodeOfOutcome } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { rootHash, rootOption } from '../options.ts';
import { jsonText, printable, printError, styleOf } from '../output.ts';
import { compareRuns, jobOf, type RecordedRun, type ReplayVerdict, recordedRuns, runToEnd } from '../replay-run.ts';
import { readSubject } from '../subject.ts';

interface ReplayFlags {
  readonly receipt?: string;
  readonly simulatedRoot?: string;
  readonly json?: boolean;
}

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
  const anchors = flags.simulatedRoot === undefined ? [] : [await rootOption(io, flags.simulatedRoot, true)];
  const verdict = await judge(bytes, { now: io.now(), additionalAnchors: anchors, policy: policyOf(anchors) });
  const bundle = parseBundle(bytes);
  const receipts = bundle.receipts.filter(({ receipt }) => flags.receipt === undefined || receipt.receipt_id === flags.receipt);
  const runs = receipts.flatMap(({ receipt }) =>
    recordedRuns(receipt.receipt_id, receipt.event_log, (digest) => bundle.payloads.get(digest as Digest) ?? null),
  );
  const verdicts = await repeatAll(runs, io);
  if (flags.json === true)
    io.stdout(
      jsonText({ bundle: { outcome: verdict.outcome, simulated: verdict.simulated, error: verdict.error }, runs: verdicts }),
    );
  else {
    const style = styleOf(io);
    const authentic = verdict.outcome === 'accepted' || verdict.outcome === 'refused';
    const simulated = verdict.simulated ? ' (SIMULATED)' : '';
    io.stdout(
      `bundle  ${authentic ? `${verdict.outcome}${simulated}` : style.bad(`${verdict.outcome}: a replay of it proves nothing`)}\n`,
    );
    for (const each of verdicts) io.stdout(describe(each, io));
    if (verdicts.length === 0) io.stdout('no code ran in this bundle\n');
  }
  if (verdict.error !== null) printError(verdict.error, io);
  if (verdicts.some(({ outcome }) => outcome === 'differs')) return EXIT.refused;
  if (verdict.outcome !== 'accepted') return exitCodeOfOutcome(verdict.outcome);
  return verdicts.every(({ outcome }) => outcome === 'identical') ? EXIT.accepted : EXIT.unavailable;
}

function policyOf(anchors: readonly TrustAnchor[]) {
  return { ...DEFAULT_POLICY, simulatedRoots: anchors.map(rootHash) };
}

/** One sandbox a lane, opened when it is first needed. */
async function repeatAll(runs: readonly (RecordedRun | string)[], io: Io): Promise<readonly ReplayVerdict[]> {
  const { selectSandbox, transcriptFromJson } = await import('@assay/server');
  const directory = resolve(io.cwd, io.env.ASSAY_DATA_DIR ?? '.assay');
  const sandboxes = new Map<string, Sandbox>();
  const verdicts: ReplayVerdict[] = [];
  try {
    for (const run of runs) {
      if (typeof run === 'string') {
        verdicts.push(missing(run));
        continue;
      }
      const { lane } = run.claim;
      const sandbox =
        sandboxes.get(lane) ??
        (await selectSandbox({ directory, minIsolation: 'wasm', prefer: lane, concurrency: 1, warm: 0 })).sandbox;
      sandboxes.set(lane, sandbox);
      verdicts.push(compareRuns(run, await runToEnd(sandbox, jobOf(run, transcriptFromJson))));
    }
    return verdicts;
  } finally {
    for (const sandbox of sandboxes.values()) await sandbox.close();
  }
}

function missing(why: string): ReplayVerdict {
  return { name: why, outcome: 'inconclusive', notes: [], differences: [] };
}

function describe({ name, outcome, notes, differences }: ReplayVerdict, io: Io): string {
  const style = styleOf(io);
  const paint = { identical: style.good, differs: style.bad, inconclusive: style.open }[outcome];
  const lines = [`${paint(outcome)}  ${printable(name)}`];
  for (const { what, recorded, now } of differences)
    lines.push(`  ${what}: recorded ${printable(recorded)}, now ${printable(now)}`);
  for (const note of notes) lines.push(`  ${style.faint(printable(note))}`);
  return `${lines.join('\n')}\n`;
}
