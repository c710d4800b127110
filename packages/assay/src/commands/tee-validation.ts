/**
 * `assay tee-validation`: what the origin's `run_tee_validation` and its integration test ask, of every provider: genuine evidence is accepted under
 * its own root, and forged, zeroed, foreign, replayed and stale evidence is refused.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectEndorsements, resolveTrust, type VerificationResult, verify } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { parseSecurityConfig, providersInOrder } from '@assay/models';
import type { Command } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { table } from '../command-line/layout.ts';
import { choiceOption } from '../command-line/options.ts';
import { jsonText, styleOf } from '../command-line/output.ts';
import { MAX_SETTING_BYTES, readFileOf } from '../command-line/subject.ts';

/** Provider → attester of the agent. */
const ATTESTERS: Readonly<Record<string, string>> = {
  sgx: 'simulated-sgx',
  sev: 'simulated-sev',
  nitro: 'simulated-nitro',
  vendor: 'simulated-vendor',
  mock: 'simulated',
};
const DAYS = 86_400_000;

interface ValidationFlags {
  readonly provider: string;
  readonly config?: string;
  readonly json?: boolean;
}

interface Attempt {
  readonly provider: string;
  readonly question: string;
  readonly passed: boolean;
  readonly answer: string;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .option('--provider <kind>', `all, ${Object.keys(ATTESTERS).join(', ')}`, 'all')
    .option('--config <file>', 'JSON configuration whose providers are tried, in its order')
    .option('--json', 'machine-readable result')
    .action(async (flags: ValidationFlags) => finish(await validate(flags, io)));
}

async function validate(flags: ValidationFlags, io: Io): Promise<ExitCode> {
  const attempts: Attempt[] = [];
  for (const provider of await providersOf(flags, io)) attempts.push(...(await tried(provider, io.now())));
  const failed = attempts.filter(({ passed }) => !passed);
  if (flags.json === true) io.stdout(jsonText({ valid: failed.length === 0, attempts }));
  else {
    const style = styleOf(io);
    io.stdout(
      table(
        attempts.map(({ provider, question, passed, answer }) => [
          passed ? style.good('✓') : style.bad('✗'),
          provider,
          question,
          answer,
        ]),
        { columns: io.columns },
      ),
    );
    io.stdout(`\n${attempts.length - failed.length} of ${attempts.length} as they should be; all evidence here is SIMULATED\n`);
  }
  return failed.length === 0 ? EXIT.accepted : EXIT.no;
}

async function providersOf({ provider, config }: ValidationFlags, io: Io): Promise<readonly string[]> {
  if (config !== undefined) {
    const listed = providersInOrder(parseSecurityConfig(await readFileOf(io, config, MAX_SETTING_BYTES))).map(
      ({ type }) => type,
    );
    for (const type of listed) choiceOption('provider', type, Object.keys(ATTESTERS));
    return listed;
  }
  if (provider === 'all') return Object.keys(ATTESTERS);
  return [choiceOption('provider', provider, ['all', ...Object.keys(ATTESTERS)])];
}

/** One provider, in a folder that is removed afterwards. */
async function tried(provider: string, now: number): Promise<readonly Attempt[]> {
  const { detectAttester } = await import('@assay/agent');
  const directory = await mkdtemp(join(tmpdir(), 'assay-validation-'));
  try {
    const { attester } = await detectAttester({ choice: ATTESTERS[provider] ?? '', directory, clock: { now: () => now } });
    const statement = crypto.getRandomValues(new Uint8Array(32));
    const { evidence } = await attester.attest({ statementDigest: statement, nonce: statement, channelPublicKey: null });
    const question = { root: attester.rootCertificate ?? '', statement: encodeHex(statement), now };
    const ask = (asked: object, more: Partial<Question> = {}) => judged(asked, { ...question, ...more });
    const genuine = await ask(evidence);
    const row = (
      name: string,
      result: VerificationResult,
      wanted: VerificationResult['outcome'] | 'not accepted',
    ): Attempt => ({
      provider,
      question: name,
      passed:
        wanted === 'not accepted'
          ? result.outcome !== 'accepted'
          : result.outcome === wanted && (wanted !== 'accepted' || result.claims?.simulated === true),
      answer: result.outcome === 'accepted' ? 'accepted, marked simulated' : `${result.outcome}: ${result.error?.code ?? ''}`,
    });
    return [
      row('genuine, under its root', genuine, 'accepted'),
      row('without its root', await ask(evidence, { root: '' }), 'not-authentic'),
      row('one bit changed', await ask(flipped(evidence)), 'not accepted'),
      row('signature zeroed', await ask(zeroed(evidence)), 'not accepted'),
      row('another nonce', await ask(evidence, { statement: '00'.repeat(32) }), 'refused'),
      row('four days later', await ask(evidence, { now: now + 4 * DAYS }), 'not accepted'),
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Question {
  readonly root: string;
  readonly statement: string;
  readonly now: number;
}

async function judged(evidence: object, { root, statement, now }: Question): Promise<VerificationResult> {
  const bytes = utf8(JSON.stringify(evidence));
  const trust = resolveTrust(root === '' ? {} : { simulatedRoot: root });
  const expected = 'document' in evidence ? { userData: statement } : { reportData: statement };
  return verify(bytes, {
    ...{ now, expected, policy: { version: 1, simulatedRoots: [...trust.simulatedRoots] } },
    endorsements: collectEndorsements([{ name: 'evidence.json', bytes }]),
    trust: { roots: trust.anchors },
  });
}

type Evidence = Readonly<Record<string, unknown>>;

/** The evidence with other bytes where its TEE signed. */
function changed(evidence: Evidence, change: (bytes: Uint8Array, signatureAt: number, length: number) => void): Evidence {
  const [name, at, length] = SIGNATURES.find(([member]) => typeof evidence[member] === 'string') ?? ['signature', 0, 64];
  const text = String(evidence[name]);
  const isHex = name === 'quote';
  const bytes = isHex ? decodeHex(text) : new Uint8Array(Buffer.from(text, name === 'signature' ? 'base64url' : 'base64'));
  change(bytes, at < 0 ? bytes.length + at : at, length);
  const back = isHex ? encodeHex(bytes) : Buffer.from(bytes).toString(name === 'signature' ? 'base64url' : 'base64');
  return { ...evidence, [name]: back };
}

/** Member with the signed bytes, where the signature begins (from the end when negative), and its length. */
const SIGNATURES: readonly (readonly [string, number, number])[] = [
  ['document', -96, 96],
  ['quote', 436, 64],
  ['report', 0x2a0, 144],
];

function zeroed(evidence: Evidence): Evidence {
  return changed(evidence, (bytes, at, length) => void bytes.fill(0, at, at + length));
}

function flipped(evidence: Evidence): Evidence {
  return changed(evidence, (bytes, at) => {
    const place = at === 0 ? 0 : Math.floor(at / 2);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
  });
}
