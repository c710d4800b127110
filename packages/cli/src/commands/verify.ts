/** `assay verify`: one file in, one verdict out; what the file is, it finds out by itself. */

import { collectEndorsements } from '@assay/attestation';
import { type JudgeRequest, judge, type Verdict } from '@assay/client';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import type { Io } from '../io.ts';
import { append, hexOption, instantOption, policyOption, rootHash, rootOption, secondsOption } from '../options.ts';
import { printError } from '../output.ts';
import { readCompanions, readFileOf, readSubject } from '../subject.ts';
import { printVerdict } from '../verdict.ts';

/** Vendors hand out today's collateral only: it says nothing about instants further away, milliseconds. */
const FETCHABLE_MS = 24 * 3_600_000;

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
  readonly verbose?: boolean;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
  readonly maxAge?: string;
  readonly verifyCode?: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<subject>', 'file, URL, or - for standard input')
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
    .option('--verbose', 'long values in full, with the section behind each check')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated")
    .option('--root <file>', 'trust this root as well as the pinned ones; repeatable', append)
    .option('--max-age <seconds>', 'oldest accepted evidence')
    .option('--verify-code <file>', 'the code that a result file should be about')
    .action(async (subject: string, flags: VerifyFlags) => finish(await verify(subject, flags, io)));
}

async function verify(subject: string, flags: VerifyFlags, io: Io) {
  const request = await readRequest(flags, io);
  const bytes = await readSubject(io, subject);
  const verdict = await judgeOnline(bytes, request, flags, io);
  return printVerdict(verdict, io, { json: flags.json === true, verbose: flags.verbose === true });
}

/** Judges with what is given; fetches what is missing, unless told not to, and judges again. */
async function judgeOnline(bytes: Uint8Array, request: JudgeRequest, flags: VerifyFlags, io: Io): Promise<Verdict> {
  const first = await judge(bytes, request);
  const wanted = first.outcome === 'unavailable' || flags.fetch === true;
  const atHand = flags.offline !== true && Math.abs(io.now() - request.now) <= FETCHABLE_MS;
  if (!wanted || (!atHand && flags.fetch !== true)) return first;
  const { fetchEndorsements } = await import('@assay/attestation/endorsements');
  const { endorsementSource } = await import('../endorsement-source.ts');
  const source = endorsementSource(io, flags.offline === true);
  const found = await fetchEndorsements(bytes, source, { optional: flags.fetch === true });
  for (const problem of found.problems) printError(problem, io);
  if (found.endorsements.length === 0) return first;
  return judge(bytes, { ...request, endorsements: [...(request.endorsements ?? []), ...found.endorsements] });
}

async function readRequest(flags: VerifyFlags, io: Io): Promise<JudgeRequest> {
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
    endorsements: collectEndorsements(await readCompanions(io, flags.collateral ?? [])),
    ...(flags.verifyCode === undefined ? {} : { code: await readFileOf(io, flags.verifyCode) }),
  };
}
