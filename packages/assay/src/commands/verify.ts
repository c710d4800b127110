/** `assay verify`: one file in, one verdict out; what the file is, it finds out by itself. */

import { randomBytes } from 'node:crypto';
import {
  collectEndorsements,
  companionNotes,
  DEFAULT_POLICY,
  type EndorsementFile,
  type Endorsements,
  signEar,
  verify,
} from '@assay/attestation';
import type { Command } from 'commander';
import { openArchives, openGzip } from '../command-line/archive.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { type ExitCode, exitCodeOfOutcome } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import {
  append,
  hexOption,
  instantOption,
  policyOption,
  rootHash,
  rootOption,
  secondsOption,
} from '../command-line/options.ts';
import { printError } from '../command-line/output.ts';
import { MAX_SETTING_BYTES, readCompanions, readFileOf, readSubject } from '../command-line/subject.ts';
import { printVerdict } from '../command-line/verdict.ts';
import { VERSION } from '../command-line/version.ts';
import { type JudgeRequest, judge } from '../index.ts';

/** Vendors hand out today's collateral only: it says nothing about instants further away, milliseconds. */
const FETCHABLE_MS = 24 * 3_600_000;
/** Lines about companions that nothing reads. */
const MAX_NOTES = 8;

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
    .option('--at <time>', 'judge at this RFC 3339 instant instead of now')
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
    .action(async (subject: string, flags: VerifyFlags) => finish(await verifySubject(subject, flags, io)));
}

async function verifySubject(subject: string, flags: VerifyFlags, io: Io): Promise<ExitCode> {
  const companions = openArchives(await readCompanions(io, flags.collateral ?? []));
  const request = await readRequest(flags, companions, io);
  const { bytes, nonce } = await readEvidence(subject, flags, io);
  const asked = nonce === null ? request : { ...request, expected: { ...request.expected, nonce } };
  const fetched = await missingEndorsements(bytes, asked, flags, io);
  const complete = { ...asked, endorsements: [...(asked.endorsements ?? []), ...fetched] };
  const verdict = await judge(bytes, complete);
  if (flags.ear !== undefined) {
    io.stdout(`${await earOf(bytes, complete, flags.ear, io)}\n`);
    return exitCodeOfOutcome(verdict.outcome);
  }
  const warnings = [...verdict.warnings, ...companionWarnings(companions)];
  return printVerdict({ ...verdict, warnings }, io, { json: flags.json === true, verbose: flags.verbose === true });
}

/** Files that nothing read are named; of many, the first. */
function companionWarnings(companions: readonly EndorsementFile[]): readonly string[] {
  const notes = companionNotes(companions);
  const more = notes.length - MAX_NOTES;
  return more <= 0 ? notes : [...notes.slice(0, MAX_NOTES), `and ${more} more companions that nothing was read from`];
}

/** The subject; of an agent's bare address its live report, asked for with a fresh nonce. */
async function readEvidence(subject: string, flags: VerifyFlags, io: Io): Promise<{ bytes: Uint8Array; nonce: string | null }> {
  const isAgent = /^https?:\/\//i.test(subject) && URL.canParse(subject) && new URL(subject).pathname === '/';
  if (!isAgent) return { bytes: openGzip(await readSubject(io, subject)), nonce: null };
  const nonce = flags.nonce === undefined ? randomBytes(32).toString('hex') : hexOption('nonce', flags.nonce);
  return { bytes: await readSubject(io, new URL(`/v1/aci/attestation?nonce=${nonce}`, subject).href), nonce };
}

/** What the evidence cannot be judged without, from the vendors or the cache; with `--fetch` also what it could do without. */
async function missingEndorsements(
  bytes: Uint8Array,
  request: JudgeRequest,
  flags: VerifyFlags,
  io: Io,
): Promise<Endorsements> {
  if (flags.fetch !== true) {
    if (Math.abs(io.now() - request.now) > FETCHABLE_MS) return [];
    if ((await judge(bytes, request)).outcome !== 'unavailable') return [];
  }
  const { fetchEndorsements } = await import('@assay/attestation/endorsements');
  const { endorsementSource } = await import('../command-line/endorsement-source.ts');
  const source = endorsementSource(io, flags.offline === true);
  const { endorsements, problems } = await fetchEndorsements(bytes, source, { optional: flags.fetch === true });
  for (const problem of problems) printError(problem, io);
  return endorsements;
}

/** The appraisal of bare evidence as an EAR; what the JWK signs names this program as verifier. */
async function earOf(bytes: Uint8Array, request: JudgeRequest, keyFile: string, io: Io): Promise<string> {
  const key = parseKey(await readFileOf(io, keyFile, MAX_SETTING_BYTES), keyFile);
  const { policy = DEFAULT_POLICY, expected = {}, endorsements = [], additionalAnchors = [], now } = request;
  const result = await verify(bytes, { policy, expected, endorsements, trust: { roots: additionalAnchors }, now });
  return signEar(result, {
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

async function readRequest(flags: VerifyFlags, companions: readonly EndorsementFile[], io: Io): Promise<JudgeRequest> {
  const now = flags.at === undefined ? io.now() : instantOption('at', flags.at);
  const anchors = await Promise.all((flags.root ?? []).map((path) => rootOption(io, path, false)));
  const simulator = flags.simulatedRoot === undefined ? null : await rootOption(io, flags.simulatedRoot, true);
  const policy = await policyOption(io, flags.policy);
  return {
    now,
    policy: {
      ...policy,
      ...(simulator === null ? {} : { simulatedRoots: [...(policy.simulatedRoots ?? []), rootHash(simulator)] }),
      ...(flags.maxAge === undefined
        ? {}
        : {
            freshness: {
              skewSeconds: 60,
              required: false,
              ...policy.freshness,
              maxAgeSeconds: secondsOption('max-age', flags.maxAge),
            },
          }),
    },
    expected: {
      ...(flags.nonce === undefined ? {} : { nonce: hexOption('nonce', flags.nonce) }),
      ...(flags.reportData === undefined ? {} : { reportData: hexOption('report-data', flags.reportData) }),
      ...(flags.userData === undefined ? {} : { userData: hexOption('user-data', flags.userData) }),
      ...(flags.publicKey === undefined ? {} : { publicKey: hexOption('public-key', flags.publicKey) }),
    },
    additionalAnchors: simulator === null ? anchors : [...anchors, simulator],
    endorsements: collectEndorsements(companions),
    trustedWitnesses: flags.witness ?? [],
    ...(flags.verifyCode === undefined ? {} : { code: await readFileOf(io, flags.verifyCode, MAX_SETTING_BYTES) }),
  };
}
