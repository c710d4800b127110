/** `assay policy`: write a policy from evidence you trust today, read one aloud, show a preset. */

import { createPublicKey } from 'node:crypto';
import {
  type Check,
  draftPolicy,
  explainPolicy,
  hasSubstance,
  type MeasurementRule,
  POLICY_PRESETS,
  type Policy,
  STRICT_POLICY,
} from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { verifyEnvelopeUnder } from '@assay/receipt';
import { parseNitroCli, parseRelease, type Release, releasesAbove, ruleOf } from '@assay/reference-values';
import type { Command } from 'commander';
import { authenticClaims } from '../command-line/authentic-claims.ts';
import type { Finish } from '../command-line/command.ts';
import { writeFileOf } from '../command-line/destination.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { wrapped } from '../command-line/layout.ts';
import { append, instantOption, policyOption } from '../command-line/options.ts';
import { jsonText, printable } from '../command-line/output.ts';
import { MAX_SETTING_BYTES, readFileOf, readSubject } from '../command-line/subject.ts';

interface InitFlags {
  readonly from: string;
  readonly collateral?: readonly string[];
  readonly at?: string;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly allowDebug?: boolean;
  readonly output?: string;
}

interface ReleaseFlags {
  readonly floor?: string;
  readonly key?: string;
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
    .description('write a policy that accepts what this evidence shows')
    .requiredOption('--from <file>', 'authentic evidence of the software you want, or a bundle or report with it')
    .option('--collateral <path>', 'companion file or folder; repeatable', append)
    .option('--at <time>', 'verify at this RFC 3339 instant instead of now')
    .option('--simulated-root <file>', 'root of a simulator; the policy then names it')
    .option('--root <file>', 'trust this root as well; repeatable', append)
    .option('-o, --output <file>', 'write here instead of standard output')
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
    .command('from-nitro-cli')
    .description('write a policy from what nitro-cli build-enclave, describe-eif or describe-enclaves printed')
    .argument('<file>', 'what it printed, or - for standard input')
    .action(async (file: string) => finish(await fromNitroCli(file, io)));
  command
    .command('from-releases')
    .description('write a policy that accepts the releases at or above the floor that any of them names, to standard output')
    .argument(
      '<file...>',
      'statements of assay measure --release VERSION --format statement, from a source you trust; with --key, envelopes of npm run image:sign',
    )
    .option('--floor <version>', 'a floor of your own; the higher one counts')
    .option('--key <file>', 'Ed25519 public key (PEM) that must have signed every statement')
    .action(async (files: readonly string[], flags: ReleaseFlags) => finish(await fromReleases(files, flags, io)));
  command
    .command('explain')
    .description('say in sentences what a policy does and leaves open')
    .argument('<file|preset>', `policy file, or ${Object.keys(POLICY_PRESETS).join(', ')}`)
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

async function fromNitroCli(file: string, io: Io): Promise<ExitCode> {
  const output = new TextDecoder().decode(await readSubject(io, file, MAX_SETTING_BYTES));
  const enclaves = parseNitroCli(output);
  const debug = enclaves.find((enclave) => enclave.debug);
  if (debug !== undefined)
    throw new CliError(
      'cli/evidence-refused',
      `expected enclaves without debug mode, got ${printable(debug.name ?? 'one')} with it, whose evidence shows zeros; run it without --debug-mode`,
    );
  const { refusedProducts: _, ...strict } = STRICT_POLICY;
  const policy: Policy = {
    ...strict,
    name: 'from-nitro-cli',
    description: 'Measurements as nitro-cli printed them: a claim of who ran it. Review before use.',
    types: ['nitro'],
    measurements: enclaves.map(({ name, values }) => ({
      ...(name === null ? {} : { name: printable(name) }),
      ...ruleOf({ type: 'nitro', values }),
    })),
  };
  io.stdout(jsonText(policy));
  return EXIT.accepted;
}

async function fromReleases(files: readonly string[], { floor, key }: ReleaseFlags, io: Io): Promise<ExitCode> {
  const signer = key === undefined ? null : ed25519Key(key, await readFileOf(io, key, MAX_SETTING_BYTES));
  const releases: Release[] = [];
  for (const file of files) {
    const bytes = await readFileOf(io, file, MAX_SETTING_BYTES);
    releases.push(parseRelease(signer === null ? bytes : (await verifyEnvelopeUnder(bytes, signer)).statement));
  }
  const found = releasesAbove(releases, floor ?? null);
  const { refusedProducts: _, ...strict } = STRICT_POLICY;
  const rules = found.allowed.flatMap(({ version, measurements }) => measurements.map((rule) => ({ name: version, ...rule })));
  const policy: Policy = {
    ...strict,
    name: 'from-releases',
    description: `Releases ${found.allowed.map(({ version }) => version).join(', ')}; floor ${found.floor ?? 'none'}. ${signer === null ? 'Its statements carry no signature: trust their source, and review before use.' : `Its statements were signed by the key in ${printable(key ?? '')}. Review before use.`}`,
    types: [...new Set(rules.map(({ type }) => type))],
    measurements: alternatives(rules),
  };
  io.stdout(jsonText(policy));
  if (found.below.length > 0)
    io.stderr(`note: left out, below the floor ${found.floor}: ${found.below.map(({ version }) => version).join(', ')}\n`);
  return EXIT.accepted;
}

/** The raw key of a PEM file, 32 bytes. */
function ed25519Key(path: string, bytes: Uint8Array): Uint8Array {
  try {
    const { crv, x = '' } = createPublicKey(Buffer.from(bytes)).export({ format: 'jwk' });
    if (crv === 'Ed25519') return new Uint8Array(Buffer.from(x, 'base64url'));
  } catch {
    // said below, without what the file holds
  }
  throw new CliError(
    'cli/bad-option',
    `--key: expected a PEM file with an Ed25519 public key, got ${printable(path)} with something else; make one: openssl pkey -in release-key.pem -pubout`,
  );
}

/** One build for several platforms runs on one of them. */
function alternatives(rules: readonly MeasurementRule[]): readonly MeasurementRule[] {
  const platforms = new Set(rules.map(({ type }) => type));
  return platforms.size < 2 ? rules : rules.map((rule) => ({ presence: 'optional' as const, ...rule }));
}

async function init(flags: InitFlags, io: Io): Promise<ExitCode> {
  const now = flags.at === undefined ? io.now() : instantOption('at', flags.at);
  const { claims, kept } = await authenticClaims(flags.from, now, flags, io);
  const draft = draftPolicy(claims, { now, allowDebug: flags.allowDebug === true });
  const { concessions, failed } = draft;
  const policy = kept ? ageless(draft.policy) : draft.policy;
  if (!hasSubstance(policy))
    throw new CliError(
      'cli/bad-option',
      `--from: expected evidence with measurements, got ${flags.from} without any; give evidence of the software itself`,
    );
  if (failed.length > 0) throw notAcceptable(failed);
  if (flags.output === undefined) io.stdout(jsonText(policy));
  else {
    await writeFileOf(io, flags.output, utf8(jsonText(policy)));
    io.stdout(
      `${printable(flags.output)}: accepts this software and no other; assay policy explain ${printable(flags.output)} says how\n`,
    );
  }
  if (policy.simulatedRoots !== undefined)
    io.stderr('hint: the policy names a simulator; verify still wants its root: --simulated-root\n');
  for (const sentence of concessions) io.stderr(`hint: ${sentence}\n`);
  return EXIT.accepted;
}

/** What is kept to be shown later has an age, and it is no fault. */
function ageless({ freshness: _, ...policy }: Policy): Policy {
  return policy;
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
