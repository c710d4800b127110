/**
 * `assay compare` (alias `validate`): is the model behind an endpoint the reference? Both error rates hold at any stopping time, every outage is
 * counted, and the record verifies offline with `assay verify`.
 */

import { join, resolve } from 'node:path';
import { counted } from '@assay/encoding/counted';
import type { RunState } from '@assay/models';
import {
  billingOf,
  COMPARISON_MODES,
  COMPARISON_TIERS,
  comparisonFrame,
  comparisonStep,
  identityDigest,
  type PlanDocument,
} from '@assay/models';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { dataFolder } from '../command-line/data-folder.ts';
import { PRIVATE, writeFileOf } from '../command-line/destination.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table, wrapped } from '../command-line/layout.ts';
import { append, choiceOption, policyOption, trustOption } from '../command-line/options.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { type ComparisonFile, compareModels, type ModeName } from './compare/compare-models.ts';
import type { LiveView } from './compare/live-view.ts';
import { type FileParty, type Party, partyOf } from './compare/parties.ts';
import { assertCallsTools, compareToolCalls, type ToolCallFile, toolCallLines } from './compare/tool-calls.ts';
import { ROUND_QUERIES, watchModels } from './compare/watch-models.ts';

interface CompareFlags {
  readonly refModel: string;
  readonly candModel: string;
  readonly teeProvider?: string;
  readonly enableApiBinding?: boolean;
  readonly attestationPolicy?: string;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly mode: string;
  readonly tier?: string;
  readonly endpoint?: string;
  readonly model?: string;
  readonly referenceName?: string;
  readonly maxQueries?: string;
  readonly maxTokens?: string;
  readonly resolution: boolean;
  readonly toolCalls?: string;
  readonly watch?: boolean;
  readonly interval: string;
  readonly rounds?: string;
  readonly live?: string | true;
  readonly dryRun?: boolean;
  readonly outputDir: string;
  readonly json?: boolean;
}

const PROVIDERS = ['sgx', 'sev', 'nitro', 'tdx', 'dstack', 'vendor', 'mock'] as const;
const MODES = Object.keys(COMPARISON_MODES) as readonly ModeName[];
const ENDPOINTS = ['completions', 'chat'] as const;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .requiredOption('--ref-model <model>', 'the reference: GGUF file, name in the models folder, or address')
    .requiredOption('--cand-model <model>', 'what is compared with it: the same, mostly an address')
    .option('--mode <name>', `${MODES.join(', ')}`, 'standard')
    .option('--tee-provider <kind>', `the TEE that an agent must have: ${PROVIDERS.join(', ')}`)
    .option('--enable-api-binding', 'only attested agents; each answer needs their receipt')
    .option('--attestation-policy <file|preset>', 'policy for agents: a file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--root <file>', 'trust this root as well as the pinned ones; repeatable', append)
    .option('--tier <name>', `what is compared: ${COMPARISON_TIERS.join(', ')}; by default the strongest that both allow`)
    .option('--endpoint <kind>', 'completions or chat; by default what the candidate has')
    .option('--model <name>', 'name of the model in requests; by default the first that is listed')
    .option('--reference-name <name>', 'the same for a reference behind an address')
    .option('--max-queries <number>', 'end after so many queries')
    .option('--max-tokens <number>', 'end after so many tokens of prompts and replies')
    .option('--no-resolution', 'do not measure what a SAME cannot tell apart')
    .option('--tool-calls <number>', 'then ask both addresses for so many tool calls: quality, apart from the verdict')
    .option('--watch', 'a few queries a round, again and again, until a change is proved')
    .option('--interval <seconds>', 'between the rounds of a watch', '86400')
    .option('--rounds <number>', 'end a watch after so many rounds')
    .option('--live [port]', 'draw it while it runs, on a page of this machine')
    .option('--dry-run', 'look at both models and say what would be done; ask nothing')
    .option('--output-dir <folder>', 'where the record and its log go', 'comparison')
    .option('--json', 'machine-readable result')
    .action(async (flags: CompareFlags) => finish(await compare(flags, io)));
}

async function compare(flags: CompareFlags, io: Io): Promise<ExitCode> {
  const settings = await settingsOf(flags, io);
  const say = (line: string): void => io.stderr(`${styleOf(io).faint(printable(line))}\n`);
  const partyOptions = { ...settings.attestation, attested: flags.enableApiBinding === true };
  const reference = await partyOf(flags.refModel, { ...partyOptions, attested: false, apiKey: keyOf(io, 'REFERENCE') }, io);
  const candidate = await partyOf(flags.candModel, { ...partyOptions, apiKey: keyOf(io, 'CANDIDATE') }, io);
  const toolCalls = countOption('tool-calls', flags.toolCalls);
  if (toolCalls !== null) assertCallsTools(candidate, reference);
  if (flags.dryRun === true) return dryRun({ reference, candidate }, settings.mode, flags, io);
  if (reference.kind === 'file' && candidate.kind === 'file') {
    const code = byIdentity(reference, candidate, flags, io);
    if (code !== null) return code;
  }
  const { openNotary, openReferenceEngine } = await import('@assay/agent');
  const directory = resolve(io.cwd, flags.outputDir);
  const log = join(directory, 'log');
  let root: string | null = null;
  const live = await liveOf(flags, io);
  const once = (maxQueries: number | null): Promise<ComparisonFile> =>
    compareModels({
      ...{
        reference,
        candidate,
        ...settings,
        maxQueries,
        resolution: flags.resolution && flags.watch !== true,
        signal: io.signal,
        say: (line: string) => {
          say(line);
          live?.show({ type: 'note', text: line });
        },
      },
      openEngine: (path, more) => openReferenceEngine({ dataDir: dataFolder(io), file: path, signal: io.signal, ...more }),
      openNotary: async () => {
        const notary = await openNotary({ directory: log, attester: io.env.ASSAY_ATTESTER || 'auto' });
        root = notary.simulatedRoot === null ? null : join(flags.outputDir, 'log', 'simulated-root.pem');
        return notary;
      },
      onPlan: (plan) => live?.show({ type: 'plan', frame: comparisonFrame(plan) }),
      onQuery: (state, plan) => {
        say(progressLine(state, plan));
        live?.show({ type: 'step', step: comparisonStep(state, comparisonFrame(plan)) });
      },
    });
  const name = join(flags.outputDir, 'comparison.json');
  const ended = ({ outcome }: ComparisonFile, last: boolean): void =>
    live?.show({ type: 'ended', outcome, record: last ? name : join(flags.outputDir, 'watch.json'), last });
  let file: ComparisonFile;
  try {
    if (flags.watch === true) {
      const round = async (): Promise<ComparisonFile> => {
        const one = await once(settings.maxQueries ?? ROUND_QUERIES);
        ended(one, false);
        return one;
      };
      return await watch(flags, { mode: settings.mode, round, live }, io);
    }
    file = await once(settings.maxQueries);
    await writeFileOf(io, name, new TextEncoder().encode(jsonText(file)), PRIVATE);
    ended(file, true);
  } finally {
    await live?.close();
  }
  let tools: ToolCallFile | null = null;
  if (toolCalls !== null && !io.signal.aborted) {
    const { model, reference_model: referenceModel, test } = file.plan;
    const asked = { candidate, reference, model, referenceModel, count: toolCalls, error: test.alpha, signal: io.signal };
    tools = await compareToolCalls(asked);
    await writeFileOf(io, join(flags.outputDir, 'tool-calls.json'), new TextEncoder().encode(jsonText(tools)), PRIVATE);
  }
  print(file, { name, root, tools }, flags, io);
  return exitOf(file);
}

/** The page of `--live`, when it was asked for. */
async function liveOf({ live }: CompareFlags, io: Io): Promise<LiveView | null> {
  if (live === undefined) return null;
  const port = live === true ? 0 : (countOption('live', live) ?? 0);
  if (port > 65_535)
    throw new CliError('cli/bad-option', `--live: expected a port up to 65535, got ${port}; leave it out for a free one`);
  const [{ CONSOLE_POLICY, consoleDirectory, loadConsole }, { startLiveView }] = await Promise.all([
    import('@assay/agent'),
    import('./compare/live-view.ts'),
  ]);
  const headers = {
    'content-security-policy': CONSOLE_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  const view = await startLiveView({ files: loadConsole(consoleDirectory()), headers, port });
  io.stderr(`${styleOf(io).faint(`drawn at ${view.url}`)}\n`);
  return view;
}

async function watch(
  flags: CompareFlags,
  {
    mode,
    round,
    live,
  }: { readonly mode: ModeName; readonly round: () => Promise<ComparisonFile>; readonly live: LiveView | null },
  io: Io,
): Promise<ExitCode> {
  const standing = await watchModels(
    {
      ...{ directory: flags.outputDir, mode, round },
      rounds: countOption('rounds', flags.rounds),
      intervalSeconds: flags.interval === '0' ? 0 : (countOption('interval', flags.interval) ?? 0),
      say: (line) => io.stderr(`${printable(line)}\n`),
    },
    io,
  );
  live?.show({ type: 'watched', changed: standing.changed, scores: join(flags.outputDir, 'watch.json') });
  if (flags.json === true) io.stdout(jsonText(standing));
  else io.stdout(`${standing.changed ? styleOf(io).bad('CHANGED') : styleOf(io).good('no change was proved')}\n`);
  return standing.changed ? EXIT.no : EXIT.accepted;
}

function exitOf({ outcome: { verdict } }: ComparisonFile): ExitCode {
  return verdict === 'SAME' ? EXIT.accepted : verdict === 'DIFFERENT' ? EXIT.no : EXIT.undecided;
}

async function settingsOf(flags: CompareFlags, io: Io) {
  const choice = <Name extends string>(name: string, value: string | undefined, choices: readonly Name[]): Name | null =>
    value === undefined ? null : choiceOption(name, value, choices);
  return {
    mode: choiceOption('mode', flags.mode, MODES),
    tier: choice('tier', flags.tier, COMPARISON_TIERS),
    endpoint: choice('endpoint', flags.endpoint, ENDPOINTS),
    model: flags.model ?? null,
    referenceModel: flags.referenceName ?? null,
    maxQueries: countOption('max-queries', flags.maxQueries),
    maxTokens: countOption('max-tokens', flags.maxTokens),
    attestation: {
      policy: await policyOption(io, flags.attestationPolicy),
      trust: await trustOption(io, flags),
      provider: choice('tee-provider', flags.teeProvider, PROVIDERS),
    },
  };
}

function countOption(name: string, value: string | undefined): number | null {
  if (value === undefined) return null;
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new CliError(
    'cli/bad-option',
    `--${name}: expected a number from 1 to 999999, got ${JSON.stringify(value.slice(0, 40))}; write 100`,
  );
}

/** Keys of endpoints come from the environment, where no other user sees them. */
function keyOf(io: Io, party: 'REFERENCE' | 'CANDIDATE'): string | null {
  return io.env[`ASSAY_${party}_API_KEY`] || null;
}

/**
 * Equal digests need no query, and neither does a file that differs only in its chat template or tokenizer: what it answers in chats is
 * another model's. `null`: the weights differ, and the test decides by how much.
 */
function byIdentity(reference: FileParty, candidate: FileParty, flags: CompareFlags, io: Io): ExitCode | null {
  const [one, two] = [reference.model, candidate.model];
  const equalWeights = one.identity.tensors.digest === two.identity.tensors.digest;
  if (!equalWeights) return null;
  const same = one.digest === two.digest;
  const parts = (['architecture', 'tokenizer', 'chat_template'] as const).filter(
    (part) => JSON.stringify(one.identity[part]) !== JSON.stringify(two.identity[part]),
  );
  const verdict = same ? 'SAME' : 'DIFFERENT';
  const basis = same
    ? `identical: both files have the digest ${one.digest}; no query was needed`
    : `equal weights, but another ${parts.map((part) => part.replace('_', ' ')).join(' and ')}`;
  if (flags.json === true)
    io.stdout(
      jsonText({
        verdict,
        tier: 'identity',
        basis,
        reference: identityDigest(one.identity),
        candidate: identityDigest(two.identity),
      }),
    );
  else io.stdout(`${same ? styleOf(io).good(verdict) : styleOf(io).bad(verdict)}  ${basis}\n`);
  return same ? EXIT.accepted : EXIT.no;
}

function dryRun(
  parties: { readonly reference: Party; readonly candidate: Party },
  mode: ModeName,
  flags: CompareFlags,
  io: Io,
): ExitCode {
  const lines = Object.entries(parties).map(([name, party]) => [name, party.name, describe(party)]);
  const { epsilonDifferent, epsilonSame, alpha, beta, maxQueries } = COMPARISON_MODES[mode];
  const most = countOption('max-queries', flags.maxQueries) ?? maxQueries;
  if (flags.json === true) {
    io.stdout(
      jsonText({
        dry_run: true,
        verdict: null,
        mode,
        test: COMPARISON_MODES[mode],
        max_queries: most,
        parties: Object.fromEntries(lines.map(([name = '', , what]) => [name, what])),
      }),
    );
    return EXIT.accepted;
  }
  io.stdout(`DRY RUN: nothing was asked, and there is no verdict\n\n${table(lines, { columns: io.columns })}`);
  const rates = `false DIFFERENT at most ${alpha}, false SAME at most ${beta}`;
  io.stdout(
    `\n${mode}: ${rates}; a share of differing queries up to ${epsilonDifferent} is no difference, from ${epsilonSame} on it is; at most ${most} queries\n`,
  );
  return EXIT.accepted;
}

function describe(party: Party): string {
  if (party.kind === 'file') return party.model.digest;
  const { agent } = party.endpoint;
  return agent === null ? 'endpoint without attestation' : `attested agent, keyset ${agent.attested.report.keysetDigest}`;
}

/** What a SAME says of a form of the reference. */
function standingOf({ variation }: PlanDocument['alternatives'][number], { tolerance, rounding }: PlanDocument): string {
  if (variation === null) return 'is the reference';
  return variation <= (tolerance ?? 0) + rounding / 2 ? 'inside of τ' : 'told apart';
}

/** `query 12  score 0.031  different e^-0.4 of e^4.6  same e^3.9 of e^4.6`. */
function progressLine({ queries, lastScore, lastProblem, logDifferent, logSame }: RunState, { test }: PlanDocument): string {
  const score = lastScore === null ? `no score: ${lastProblem ?? 'no answer'}` : `score ${lastScore.toFixed(3)}`;
  const wealth = (log: number, error: number): string =>
    `e^${Math.max(-99, Math.min(99, log)).toFixed(1)} of e^${(-Math.log(error)).toFixed(1)}`;
  return `query ${queries}  ${score}  different ${wealth(logDifferent, test.alpha)}  same ${wealth(logSame, test.beta)}`;
}

function print(
  file: ComparisonFile,
  { name, root, tools }: { readonly name: string; readonly root: string | null; readonly tools: ToolCallFile | null },
  flags: CompareFlags,
  io: Io,
): void {
  const { plan, outcome } = file;
  if (flags.json === true) {
    io.stdout(
      jsonText({
        ...outcome,
        tier: plan.tier,
        mode: plan.mode,
        tolerance: plan.tolerance,
        alternatives: plan.alternatives,
        billing: billingOf(file.queries, plan.test.alpha),
        tool_calls: tools?.fidelity ?? null,
        record: name,
      }),
    );
    return;
  }
  const style = styleOf(io);
  const word =
    outcome.verdict === 'SAME'
      ? style.good(outcome.coarse ? 'SAME (coarse)' : 'SAME')
      : outcome.verdict === 'DIFFERENT'
        ? style.bad('DIFFERENT')
        : style.open(`UNDECIDED (${outcome.reason})`);
  io.stdout(wrapped(`${word}  ${printable(outcome.basis)}`, io.columns, 2));
  io.stdout(
    `${counted(outcome.queries, 'query', 'queries')}, ${outcome.failed} without an answer, ${outcome.unusable} without a score, ${counted(outcome.tokens, 'token')}; tier ${plan.tier}, mode ${plan.mode}\n`,
  );
  if (plan.alternatives.length > 0)
    io.stdout(
      `\n${table(
        plan.alternatives.map((form) => [form.name, form.variation?.toPrecision(2) ?? '', standingOf(form, plan)]),
        { columns: io.columns },
      )}`,
    );
  const bill = billingOf(file.queries, plan.test.alpha);
  if (bill.answers > 0)
    io.stdout(
      `\nbilling  ${bill.verdict}: ${bill.reported} reply tokens reported, ${bill.counted} listed, in ${counted(bill.answers, 'answer')}\n`,
    );
  if (tools !== null)
    io.stdout(
      `\ntool calls\n${toolCallLines(tools.fidelity)
        .map((line) => `  ${line}\n`)
        .join('')}`,
    );
  io.stdout('\nThis does not prove:\n  - how a provider behaves that knows when it is being compared\n');
  const simulated = root === null ? '' : ` --simulated-root ${root}`;
  io.stdout(`\n${name}; check it with assay verify ${name}${simulated}\n`);
}
