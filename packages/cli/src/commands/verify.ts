/** `assay verify`: one file in, one verdict out; what the file is, it finds out by itself. */

import { collectEndorsements } from '@assay/attestation';
import { type JudgeRequest, judge } from '@assay/client';
import type { Command } from 'commander';
import type { Finish } from '../command.ts';
import type { Io } from '../io.ts';
import { append, hexOption, instantOption, policyOption, rootHash, rootOption, secondsOption } from '../options.ts';
import { readCompanions, readFileOf, readSubject } from '../subject.ts';
import { printVerdict } from '../verdict.ts';

export interface VerifyFlags {
  readonly collateral?: readonly string[];
  readonly at?: string;
  readonly nonce?: string;
  readonly reportData?: string;
  readonly userData?: string;
  readonly publicKey?: string;
  readonly policy?: string;
  readonly offline?: boolean;
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
  const verdict = await judge(await readSubject(io, subject), request);
  return printVerdict(verdict, io, { json: flags.json === true, verbose: flags.verbose === true });
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
