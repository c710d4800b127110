/**
 * Differential test against npm `@phala/dcap-qvl` 0.3.9 on every genuine quote with collateral and on random mutations of them.
 * Both must refuse, or both accept with the same status, unless a named divergence explains the difference; each one is a fault
 * or a narrower policy of the peer, settled by Intel's own library (the manifest's oracle) or by the format.
 *
 * ASSAY_DIFFERENTIAL_MUTATIONS sets the number of mutations (200 unless told; 10,000 take about four minutes).
 */

import { AttestationError, collectEndorsements, verifyEvidence } from '@assay/attestation';
import peer from '@phala/dcap-qvl';
import { describe, expect, test } from 'vitest';
import { casesOf, haveVectors, type VectorCase, vectorBytes } from '../vectors/vectors.ts';

const MUTATIONS = Number(process.env.ASSAY_DIFFERENTIAL_MUTATIONS ?? 200);

type Collateral = Readonly<Record<string, string>>;

interface Input {
  /** The genuine case it comes from. */
  readonly id: string;
  /** What was changed; empty for the genuine one. */
  readonly how: string;
  readonly quote: Uint8Array;
  readonly collateral: Collateral;
  readonly now: number;
}

interface Verdicts extends Pick<Input, 'id' | 'how'> {
  /** Status, or `ERR code`. */
  readonly ours: string;
  /** Status, or `ERR message`. */
  readonly theirs: string;
  readonly debug: boolean;
  readonly failed: readonly string[];
}

async function judge({ id, how, quote, collateral, now }: Input): Promise<Verdicts> {
  let theirs: string;
  try {
    theirs = peer.verify(Buffer.from(quote), collateral as never, Math.floor(now / 1000)).status;
  } catch (error) {
    theirs = `ERR ${(error as Error).message}`;
  }
  try {
    const endorsements = collectEndorsements([
      { name: 'collateral', bytes: new TextEncoder().encode(JSON.stringify(collateral)) },
    ]);
    const claims = await verifyEvidence(quote, { now, endorsements });
    const failed = claims.checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    return { id, how, ours: claims.tcb?.status ?? 'none', theirs, debug: claims.debug === true, failed };
  } catch (error) {
    if (!AttestationError.is(error)) throw error;
    return { id, how, ours: `ERR ${error.code}`, theirs, debug: false, failed: [] };
  }
}

/** Cases whose TDX module decides, ours (which is Intel's verdict) and theirs. */
const MODULE_BLIND: ReadonlyMap<string, string> = new Map([
  ['v4-00806f050000-go-tdx-guest-00b2526a@2025-07-08', 'UpToDate / OutOfDate'],
  ['v4-00806f050000-trustee-a187b0da@2025-09-30', 'OutOfDate / ERR No matching TCB level found'],
  ['v5-00806f050000-openenclave-67adfc4a@2025-09-30', 'OutOfDate / ERR No matching TCB level found'],
  ['v5-90c06f000000-openenclave-d21a11db@2025-06-06', 'UpToDate / ERR No matching TCB level found'],
  ['v5-90c06f000000-openenclave-d21a11db@2026-03-24', 'TDRelaunchAdvised / ERR No matching TCB level found'],
]);

/** Where the peer is known to judge otherwise. First match wins. */
const DIVERGENCES: readonly { readonly name: string; readonly explains: (verdicts: Verdicts) => boolean }[] = [
  {
    name: 'peer trusts CRLs without checking signature, issuer, dates or form (research note a)',
    explains: ({ ours, theirs }) => !theirs.startsWith('ERR') && /^ERR (certificate\/crl-|dcap\/collateral-missing)/.test(ours),
  },
  {
    name: 'peer does not know TCB info version 2',
    explains: ({ theirs }) => theirs === 'ERR Failed to decode TcbInfo',
  },
  {
    name: 'peer refuses debug mode while verifying; here it is a claim that policy refuses',
    explains: ({ theirs, debug }) => debug && /Debug mode|TUD|debug/i.test(theirs),
  },
  {
    name: 'peer demands SEPT_VE_DISABLE; Intel does not',
    explains: ({ theirs }) => theirs === 'ERR SEPT_VE_DISABLE is not enabled',
  },
  {
    name: 'peer refuses service TDs while verifying; here it is a failed check',
    explains: ({ theirs, failed }) => theirs === 'ERR Invalid mr service td' && failed.includes('tdx.service-td'),
  },
  {
    name: 'peer refuses a platform below every level; here it is a status with a failed check',
    explains: ({ ours, theirs }) => ours === 'TcbNotSupported' && theirs === 'ERR No matching TCB level found',
  },
  {
    name: 'peer knows no TDX module identity and no relaunch (research note d)',
    explains: ({ id, ours, theirs }) => MODULE_BLIND.get(id) === `${ours} / ${theirs}`,
  },
  {
    name: 'peer ignores what follows the quote or hides behind its length fields',
    explains: ({ ours, theirs }) => !theirs.startsWith('ERR') && ours === 'ERR dcap/quote-malformed',
  },
  {
    name: 'peer ignores the QE vendor id, the rest of the root certificate and names (research: #127)',
    explains: ({ ours, theirs }) =>
      !theirs.startsWith('ERR') &&
      /^ERR (dcap\/pck-chain-invalid|certificate\/(malformed|chain-broken|expired|root-not-trusted))$/.test(ours),
  },
  {
    name: 'peer splits PEM at line ends; here only the blocks count, whatever white space divides them',
    explains: ({ how, ours }) => !ours.startsWith('ERR') && how.endsWith('(a line end of the PEM chain)'),
  },
  {
    name: 'the root beside the signing certificate is not used here: its key is pinned',
    explains: ({ how, ours }) => !ours.startsWith('ERR') && how.endsWith('_issuer_chain'),
  },
];

const agree = ({ ours, theirs }: Verdicts): boolean => (ours.startsWith('ERR') && theirs.startsWith('ERR')) || ours === theirs;
const divergence = (verdicts: Verdicts): string | undefined => DIVERGENCES.find(({ explains }) => explains(verdicts))?.name;

const cases = [...casesOf('intel-sgx'), ...casesOf('intel-tdx')].filter(
  ({ companions }) => companions?.collateral !== undefined,
);

function inputOf({ id, evidence, companions, at }: VectorCase): Input {
  const collateral = JSON.parse(new TextDecoder().decode(vectorBytes(companions?.collateral ?? ''))) as Collateral;
  return { id, how: '', quote: vectorBytes(evidence), collateral, now: Date.parse(at) };
}

describe.runIf(haveVectors)('with dcap-qvl-js', () => {
  test.each(cases.map((each) => [each.id, each] as const))('%s', async (id, each) => {
    const verdicts = await judge(inputOf(each));
    if (!agree(verdicts)) expect(divergence(verdicts), `${id}: ${JSON.stringify(verdicts)}`).toBeDefined();
  });

  test(`${MUTATIONS} mutations`, async () => {
    const random = mulberry32(20261121);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
    const inputs = cases.map(inputOf);
    const tally = new Map<string, number>();
    for (let round = 0; round < MUTATIONS; round++) {
      const input = mutate(pick(inputs), pick(inputs), random);
      const verdicts = await judge(input);
      const name = agree(verdicts) ? 'agree' : divergence(verdicts);
      if (name === undefined) expect.unreachable(`mutation ${round} (${input.how}): ${JSON.stringify(verdicts)}`);
      tally.set(name, (tally.get(name) ?? 0) + 1);
    }
    console.log(Object.fromEntries(tally));
  }, 3_600_000);
});

const DOCUMENTS = ['tcb_info', 'qe_identity'];
const HEX = ['root_ca_crl', 'pck_crl', 'tcb_info_signature', 'qe_identity_signature'];
const CHAINS = ['tcb_info_issuer_chain', 'qe_identity_issuer_chain'];

/** One change: a bit of the quote, its length, a piece of collateral, another case's piece, or the time. */
function mutate(input: Input, other: Input, random: () => number): Input {
  const below = (limit: number): number => Math.floor(random() * limit);
  const kind = below(10);
  if (kind < 4) {
    const quote = input.quote.slice();
    const bit = below(8 * (kind < 3 ? 1300 : quote.length));
    quote[bit >> 3] = (quote[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const lineEnd = bit > 8 * 1300 && [0x0a, 0].includes(input.quote[bit >> 3] ?? -1) ? ' (a line end of the PEM chain)' : '';
    return { ...input, quote, how: `bit ${bit} of the quote${lineEnd}` };
  }
  if (kind === 4) {
    const length = below(input.quote.length);
    return { ...input, quote: input.quote.slice(0, length), how: `quote cut to ${length}` };
  }
  if (kind === 5) {
    const tail = Uint8Array.from({ length: 1 + below(80) }, () => (random() < 0.5 ? 0 : below(256)));
    return { ...input, quote: Uint8Array.from([...input.quote, ...tail]), how: `${tail.length} bytes after the quote` };
  }
  if (kind === 6) {
    const name = DOCUMENTS[below(DOCUMENTS.length)] as string;
    const text = input.collateral[name] ?? '';
    const at = below(text.length);
    const changed = `${text.slice(0, at)}${String.fromCharCode(0x20 + below(94))}${text.slice(at + 1)}`;
    return { ...input, collateral: { ...input.collateral, [name]: changed }, how: `character ${at} of ${name}` };
  }
  if (kind === 7) {
    const name = [...HEX, ...CHAINS][below(HEX.length + CHAINS.length)] as string;
    const text = input.collateral[name] ?? '';
    const at = below(text.length);
    const digits = HEX.includes(name) ? '0123456789abcdef' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const changed = `${text.slice(0, at)}${digits[below(digits.length)]}${text.slice(at + 1)}`;
    return { ...input, collateral: { ...input.collateral, [name]: changed }, how: `character ${at} of ${name}` };
  }
  if (kind === 8) {
    const names = Object.keys(input.collateral);
    const name = names[below(names.length)] as string;
    const collateral = { ...input.collateral, [name]: other.collateral[name] ?? '' };
    return { ...input, collateral, how: `${name} of another case` };
  }
  const days = below(800) - 400;
  return { ...input, now: input.now + days * 86_400_000, how: `${days} days off` };
}

/** A small seeded generator, so that a failure can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}
