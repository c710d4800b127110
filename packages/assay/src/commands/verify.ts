/** `assay verify`: one file in, one verdict out; what the file is, it finds out by itself. */

import { randomBytes } from 'node:crypto';
import { collectEndorsements, type EndorsementFile, type Expected, type Policy, signEar } from '@assay/attestation';
import type { FetchedEndorsements } from '@assay/attestation/endorsements';
import type { Command } from 'commander';
import { openArchives, openGzip } from '../command-line/archive.ts';
import type { Finish } from '../command-line/command.ts';
import { companionWarnings } from '../command-line/companion-warnings.ts';
import { CliError } from '../command-line/errors.ts';
import { type ExitCode, exitCodeOfOutcome } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { append, hexOption, instantOption, policyOption, secondsOption, trustOption } from '../command-line/options.ts';
import { printError } from '../command-line/output.ts';
import { fileRootHint } from '../command-line/root-hint.ts';
import { MAX_SETTING_BYTES, readCompanions, readFileOf, readSubject } from '../command-line/subject.ts';
import { printVerdict } from '../command-line/verdict.ts';
import { VERSION } from '../command-line/version.ts';
import { type ResolvedOptions, resolveOptions } from '../verification/options.ts';
import { type Subject, subjectOf } from '../verification/subject.ts';
import { isEvidence, type Verdict } from '../verification/verdict.ts';
import { verifySubject } from '../verification/verify.ts';

/** Vendors hand out today's collateral only: it says nothing about instants further away, milliseconds. */
const FETCHABLE_MS = 24 * 3_600_000;

type EarKey = Parameters<typeof signEar>[1]['key'] & {
  readonly kty?: string;
  readonly alg?: string;
  readonly kid?: string;
  readonly d?: string;
};

export interface VerifyFlags {
  readonly collateral?: readonly string[];
  readonly at?: string;
  readonly nonce?: string;
  readonly reportData?: string;
  readonly userData?: string;
  readonly publicKey?: string;
  readonly policy?: string;
  readonly offline?: boolean;
  readonly fetch?: boolean;
  readonly json?: boolean;
  readonly ear?: string;
  readonly verbose?: boolean;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly witness?: readonly string[];
  readonly maxAge?: string;
  readonly verifyCode?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<subject>', "file, URL, - for standard input, or an agent's address")
    .option('--collateral <path>', 'companion file or folder; repeatable, any order', append)
    .option('--at <time>', 'verify at this RFC 3339 instant instead of now')
    .option('--nonce <hex>', 'the nonce you sent')
    .option('--report-data <hex>', 'expected report data; shorter is zero-padded')
    .option('--user-data <hex>', 'expected user data (Nitro)')
    .option('--public-key <hex>', 'expected public key slot (Nitro)')
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--fetch', 'also fetch what evidence can do without: revocation lists, reference manifests')
    .option('--offline', 'never fetch endorsements')
    .option('--json', 'machine-readable result')
    .option('--ear <key>', 'print the result as an EAR, signed with this private JWK (evidence only)')
    .option('--verbose', 'long values in full, with the section behind each check')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--root <file>', 'trust this root as well as the pinned ones; repeatable', append)
    .option('--witness <vkey>', 'a log witness you trust (C2SP verifier key); repeatable', append)
    .option('--max-age <seconds>', 'oldest accepted evidence')
    .option('--verify-code <file>', 'the code that a result file should be about')
    .action(async (subject: string, flags: VerifyFlags) => finish(await verifyFile(subject, flags, io)));
}

async function verifyFile(name: string, flags: VerifyFlags, io: Io): Promise<ExitCode> {
  const companions = openArchives(await readCompanions(io, flags.collateral ?? []));
  const options = await readOptions(flags, companions, io);
  const { bytes, nonce } = await readEvidence(name, flags, io);
  const asked = nonce === null ? options : { ...options, expected: { ...options.expected, nonce } };
  const subject = subjectOf(bytes);
  const { verdict, problems } = await verdictOn({ subject, bytes }, asked, flags, io);
  // What could not be fetched is the cause of a verdict that is missing it: both are one error then.
  const isCause = verdict.outcome === 'unavailable' && flags.json !== true && flags.ear === undefined;
  if (!isCause) for (const problem of problems) printError(problem, io);
  if (flags.ear !== undefined) {
    io.stdout(`${await earOf(verdict, asked.now, flags.ear, io)}\n`);
    return exitCodeOfOutcome(verdict.outcome);
  }
  const warnings = [...verdict.warnings, ...companionWarnings(companions)];
  const rootHint = await fileRootHint(flags, io);
  return printVerdict({ ...verdict, warnings }, io, {
    json: flags.json === true,
    verbose: flags.verbose === true,
    rootHint,
    unfetched: isCause ? problems[0]?.message : undefined,
  });
}

/** A verdict, with what the vendors were asked for in vain. */
interface Reached {
  readonly verdict: Verdict;
  readonly problems: FetchedEndorsements['problems'];
}

interface ReadFile {
  readonly subject: Subject;
  readonly bytes: Uint8Array;
}

/** One verification when everything is at hand; a second one with what the vendors sent when something was missing. */
async function verdictOn({ subject, bytes }: ReadFile, options: ResolvedOptions, flags: VerifyFlags, io: Io): Promise<Reached> {
  const wanted = flags.fetch === true;
  if (!wanted) {
    const verdict = await verifySubject(subject, options);
    const fetchable = Math.abs(io.now() - options.now) <= FETCHABLE_MS;
    if (verdict.outcome !== 'unavailable' || !fetchable) return { verdict, problems: [] };
  }
  const { endorsements, problems } = await fetchMissing(bytes, flags, io);
  const verdict = await verifySubject(subject, { ...options, endorsements: [...options.endorsements, ...endorsements] });
  return { verdict, problems };
}

/** The subject; of an agent's bare address its live report, asked for with a fresh nonce. */
async function readEvidence(subject: string, flags: VerifyFlags, io: Io): Promise<{ bytes: Uint8Array; nonce: string | null }> {
  const isAgent = /^https?:\/\//i.test(subject) && URL.canParse(subject) && new URL(subject).pathname === '/';
  if (!isAgent) return { bytes: openGzip(await readSubject(io, subject)), nonce: null };
  const nonce = flags.nonce === undefined ? randomBytes(32).toString('hex') : hexOption('nonce', flags.nonce);
  return { bytes: await readSubject(io, new URL(`/v1/aci/attestation?nonce=${nonce}`, subject).href), nonce };
}

/** What the evidence cannot be verified without, from the vendors or the cache; with `--fetch` also what it could do without. */
async function fetchMissing(bytes: Uint8Array, flags: VerifyFlags, io: Io): Promise<FetchedEndorsements> {
  const { fetchEndorsements } = await import('@assay/attestation/endorsements');
  const { endorsementSource } = await import('../command-line/endorsement-source.ts');
  const source = endorsementSource(io, flags.offline === true);
  return fetchEndorsements(bytes, source, { optional: flags.fetch === true });
}

/** The verdict on bare evidence as an EAR; what the JWK signs names this program as verifier. */
async function earOf(verdict: Verdict, now: number, keyFile: string, io: Io): Promise<string> {
  const key = parseKey(await readFileOf(io, keyFile, MAX_SETTING_BYTES), keyFile);
  if (!isEvidence(verdict))
    throw new CliError('cli/bad-option', `--ear: expected evidence, got a ${verdict.type}; leave --ear out for such files`);
  return signEar(verdict, {
    now,
    verifier: { developer: 'https://github.com/assay', build: `assay ${VERSION}` },
    key,
    algorithm: String(key.alg),
    ...(typeof key.kid === 'string' ? { keyId: key.kid } : {}),
  });
}

function parseKey(bytes: Uint8Array, name: string): EarKey {
  try {
    const key = JSON.parse(new TextDecoder().decode(bytes)) as EarKey;
    if (typeof key.kty === 'string' && typeof key.alg === 'string' && (key.kty === 'oct' || typeof key.d === 'string'))
      return key;
  } catch {
    // Said below.
  }
  throw new CliError(
    'cli/bad-option',
    `--ear: ${name} is no private JWK with kty, alg and d; make one with an alg such as ES256`,
  );
}

async function readOptions(flags: VerifyFlags, companions: readonly EndorsementFile[], io: Io): Promise<ResolvedOptions> {
  const hex = (name: string, value: string | undefined) => (value === undefined ? undefined : hexOption(name, value));
  return resolveOptions({
    now: flags.at === undefined ? io.now() : instantOption('at', flags.at),
    policy: withMaxAge(await policyOption(io, flags.policy), flags),
    trust: await trustOption(io, flags),
    expected: given({
      nonce: hex('nonce', flags.nonce),
      reportData: hex('report-data', flags.reportData),
      userData: hex('user-data', flags.userData),
      publicKey: hex('public-key', flags.publicKey),
    }),
    collateral: collectEndorsements(companions),
    witnesses: flags.witness,
    code: flags.verifyCode === undefined ? undefined : await readFileOf(io, flags.verifyCode, MAX_SETTING_BYTES),
  });
}

/** The members that have a value. */
function given(expected: Readonly<Record<keyof Expected, string | undefined>>): Expected {
  return Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined));
}

function withMaxAge(policy: Policy, { maxAge }: VerifyFlags): Policy {
  if (maxAge === undefined) return policy;
  const maxAgeSeconds = secondsOption('max-age', maxAge);
  return { ...policy, freshness: { skewSeconds: 60, required: false, ...policy.freshness, maxAgeSeconds } };
}
