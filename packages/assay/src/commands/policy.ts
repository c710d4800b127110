/** `assay policy`: write a policy from evidence you trust today, read one aloud, show a preset. */

import {
  type Check,
  collectEndorsements,
  draftPolicy,
  explainPolicy,
  hasSubstance,
  type MeasurementRule,
  POLICY_PRESETS,
  type Policy,
  STRICT_POLICY,
  verifyEvidence,
} from '@assay/attestation';
import type { Command } from 'commander';
import { openArchives } from '../command-line/archive.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { append, instantOption, policyOption, trustOption } from '../command-line/options.ts';
import { jsonText, printable } from '../command-line/output.ts';
import { MAX_SETTING_BYTES, readCompanions, readFileOf, readSubject } from '../command-line/subject.ts';

interface InitFlags {
  readonly from: string;
  readonly collateral?: readonly string[];
  readonly at?: string;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly allowDebug?: boolean;
}

interface ProvenanceFlags {
  readonly identity: string;
  readonly issuer: string;
  readonly trustedRoot?: string;
}

/** GitHub Actions: the issuer behind nearly all published provenance. */
const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .command('init')
    .description('write a policy that accepts what this evidence shows, to standard output')
    .requiredOption('--from <evidence>', 'authentic evidence of the software you want')
    .option('--collateral <path>', 'companion file or folder; repeatable', append)
    .option('--at <time>', 'verify at this RFC 3339 instant instead of now')
    .option('--simulated-root <file>', 'root of a simulator; the policy then names it')
    .option('--root <file>', 'trust this root as well; repeatable', append)
    .option('--allow-debug', 'accept a debuggable environment, which keeps no secret, if this evidence is from one')
    .action(async (flags: InitFlags) => finish(await init(flags, io)));
  command
    .command('from-provenance')
    .description('write a policy that accepts what a build workflow signed for, to standard output')
    .argument('<bundle>', 'Sigstore bundle with an in-toto statement of measurements')
    .requiredOption('--identity <name>', 'who must have signed, e.g. the URL of the release workflow; * stands for anything')
    .option('--issuer <url>', 'who vouched for that identity', GITHUB_ISSUER)
    .option('--trusted-root <file>', 'Sigstore trusted root JSON instead of the pinned one')
    .action(async (bundle: string, flags: ProvenanceFlags) => finish(await fromProvenance(bundle, flags, io)));
  command
    .command('explain')
    .description('say in sentences what a policy does and leaves open')
    .argument('<file|preset>')
    .option('--json', 'machine-readable result')
    .action(async (name: string, flags: { json?: boolean }) => finish(await explain(name, flags.json === true, io)));
  command
    .command('show')
    .description('print a policy as JSON')
    .argument('<file|preset>', `policy file, or ${Object.keys(POLICY_PRESETS).join(', ')}`)
    .action(async (name: string) => finish(await show(name, io)));
}

async function fromProvenance(subject: string, flags: ProvenanceFlags, io: Io): Promise<ExitCode> {
  const { readProvenance } = await import('../command-line/provenance.ts');
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const { measurements, identity, subjects } = readProvenance(text(await readSubject(io, subject, MAX_SETTING_BYTES)), {
    identity: flags.identity,
    issuer: flags.issuer,
    ...(flags.trustedRoot === undefined
      ? {}
      : { trustedRoot: text(await readFileOf(io, flags.trustedRoot, MAX_SETTING_BYTES)) }),
  });
  const { refusedProducts: _, types: __, ...strict } = STRICT_POLICY;
  const policy: Policy = {
    ...strict,
    name: 'from-provenance',
    description: `Measurements signed by ${identity} for ${subjects.join(', ')}. Review before use.`,
    types: [...new Set(measurements.flatMap(({ type }) => (type === undefined ? [] : [type])))],
    measurements: alternatives(measurements),
  };
  io.stdout(jsonText(policy));
  return EXIT.accepted;
}

/** One build for several platforms runs on one of them. */
function alternatives(rules: readonly MeasurementRule[]): readonly MeasurementRule[] {
  const platforms = new Set(rules.map(({ type }) => type));
  return platforms.size < 2 ? rules : rules.map((rule) => ({ presence: 'optional' as const, ...rule }));
}

async function init(flags: InitFlags, io: Io): Promise<ExitCode> {
  const now = flags.at === undefined ? io.now() : instantOption('at', flags.at);
  const claims = await verifyEvidence(await readSubject(io, flags.from), {
    now,
    endorsements: collectEndorsements(openArchives(await readCompanions(io, flags.collateral ?? []))),
    trust: await trustOption(io, flags),
  });
  const { policy, concessions, failed } = draftPolicy(claims, { now, allowDebug: flags.allowDebug === true });
  if (!hasSubstance(policy))
    throw new CliError(
      'cli/bad-option',
      `--from: expected evidence with measurements, got ${flags.from} without any; give evidence of the software itself`,
    );
  if (failed.length > 0) throw notAcceptable(failed);
  io.stdout(jsonText(policy));
  for (const sentence of concessions) io.stderr(`hint: ${sentence}\n`);
  return EXIT.accepted;
}

/** A policy that refuses its own evidence is of no use, and one that accepts it whatever it shows is dangerous. */
function notAcceptable(failed: readonly Check[]): CliError {
  const names = failed.map(({ id, actual }) => `${id} (${printable(actual ?? 'nothing')})`).join(', ');
  const debug = failed.every(({ id }) => id.endsWith('policy.debug'));
  return new CliError(
    'cli/evidence-refused',
    `expected evidence that a policy can accept, got one that fails ${names}; ${
      debug ? 'give evidence of a launch without debugging, or add --allow-debug' : 'give other evidence'
    }`,
  );
}

async function explain(name: string, json: boolean, io: Io): Promise<ExitCode> {
  const lines = explainPolicy(await policyOption(io, name));
  io.stdout(json ? jsonText({ sentences: lines }) : lines.map((line) => wrapped(printable(line), io.columns, 2)).join(''));
  return EXIT.accepted;
}

async function show(name: string, io: Io): Promise<ExitCode> {
  io.stdout(jsonText(await policyOption(io, name)));
  return EXIT.accepted;
}
