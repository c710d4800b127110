/** Delegation (EIP-7702) and blobs (EIP-4844) in decisions and policies: denied unless a rule names them, and counted. */

import { expectRefusal } from '@assay/testing';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { authorizationDigest, NO_DELEGATE } from './authorization.ts';
import { type DecisionRequest, decide } from './decision.ts';
import { explainPolicy } from './explain-policy.ts';
import type { Hex } from './hex.ts';
import { parseSigningPolicy, policyHash } from './policy.ts';
import { recoverSigner } from './signers.ts';
import { SpendingWindow } from './spending-window.ts';
import { parseSignedTransaction, serializeSigned, transactionDigest, type UnsignedTransaction } from './transaction.ts';

const ALICE: Hex = `0x${'a1'.repeat(20)}`;
const CODE: Hex = `0x${'c0'.repeat(20)}`;
const HASH: Hex = `0x01${'11'.repeat(31)}`;
const BLOB_GAS = 131_072n;
const CHAINS = { '84532': { rpc_urls: ['http://127.0.0.1:8545'], max_fee_per_gas: '2000000000' } };
const taking = (takes?: readonly string[]) => ({ '84532': { ...CHAINS['84532'], takes } });
const parseOn = (chains: object, ...rules: readonly object[]) =>
  parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains, rules }));
const parse = (...rules: readonly object[]) => parseOn(taking(['eip4844', 'eip7702']), ...rules);

const EVERYTHING = { id: 'everything', effect: 'allow', caps: [{ asset: 'native', at_most: '1000000000' }] };
const WALLET_CODE = { id: 'code', effect: 'allow', match: { delegates: [CODE, NO_DELEGATE] } };
const BLOBS = {
  ...{ id: 'blobs', effect: 'allow', match: { blobs: { at_most: 2, max_fee_per_blob_gas: '10' } } },
  caps: [{ asset: 'native', at_most: String(BLOB_GAS * 10n) }],
};

const ASKING = { approval: { above: String(BLOB_GAS * 9n) } };

const request = (more: Partial<DecisionRequest> = {}): DecisionRequest => ({
  ...{ chainId: 84_532, type: 'eip1559', to: ALICE, value: 0n, data: '0x', gas: 50_000n, feePerGas: 1n, caller: 'key' },
  time: 1_799_834_400,
  ...more,
});
const delegation = (delegate: Hex, more: Partial<DecisionRequest> = {}) => request({ type: 'eip7702', delegate, ...more });
const blobs = (count: number, feePerBlobGas: bigint, more: Partial<DecisionRequest> = {}) =>
  request({
    type: 'eip4844',
    blobs: { versionedHashes: Array.from({ length: count }, () => HASH), feePerBlobGas },
    ...more,
  });

describe('the decision', () => {
  it.each<[string, readonly object[], DecisionRequest, string, string | null]>([
    ['a plain payment under such rules', [WALLET_CODE, BLOBS], request(), 'deny', null],
    ['delegation that no rule names', [EVERYTHING, BLOBS], delegation(CODE), 'deny', null],
    ['revoking that no rule names', [EVERYTHING], delegation(NO_DELEGATE), 'deny', null],
    ['delegation that a rule names', [EVERYTHING, WALLET_CODE], delegation(CODE), 'allow', 'code'],
    ['revoking that a rule names', [WALLET_CODE], delegation(NO_DELEGATE), 'allow', 'code'],
    ['another contract', [WALLET_CODE], delegation(ALICE), 'deny', null],
    [
      'delegation below the line of a rule that asks owners',
      [{ ...WALLET_CODE, ...ASKING }],
      delegation(CODE),
      'approve',
      'code',
    ],
    ['blobs at the line for owners', [{ ...BLOBS, ...ASKING }], blobs(1, 9n), 'allow', 'blobs'],
    ['blobs above the line for owners', [{ ...BLOBS, ...ASKING }], blobs(1, 10n), 'approve', 'blobs'],
    ['blobs for nothing', [BLOBS], blobs(1, 0n), 'deny', null],
    ['delegation with value that no rule caps', [WALLET_CODE], delegation(CODE, { value: 1n }), 'deny', 'code'],
    ['delegation with calldata that is not read', [WALLET_CODE], delegation(CODE, { data: '0xdeadbeef' }), 'deny', null],
    [
      'delegation that a rule denies',
      [WALLET_CODE, { id: 'never', effect: 'deny', match: { delegates: [CODE] } }],
      delegation(CODE),
      'deny',
      'never',
    ],
    [
      'another delegate than the denied one',
      [WALLET_CODE, { id: 'never', effect: 'deny', match: { delegates: [CODE] } }],
      delegation(NO_DELEGATE),
      'allow',
      'code',
    ],
    [
      'delegation of a denied type',
      [WALLET_CODE, { id: 'never', effect: 'deny', match: { types: ['eip7702'] } }],
      delegation(CODE),
      'deny',
      'never',
    ],
    [
      'delegation for a caller that a rule denies',
      [WALLET_CODE, { id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } }],
      delegation(CODE, { caller: 'tool' }),
      'deny',
      'no-tools',
    ],
    ['a type without its delegate', [WALLET_CODE, EVERYTHING], request({ type: 'eip7702' }), 'deny', null],
    ['a delegate of another type', [WALLET_CODE, EVERYTHING], request({ delegate: CODE }), 'deny', null],
    ['blobs that no rule names', [EVERYTHING, WALLET_CODE], blobs(1, 1n), 'deny', null],
    ['blobs within every limit', [EVERYTHING, BLOBS], blobs(1, 10n), 'allow', 'blobs'],
    ['the most blobs', [BLOBS], blobs(2, 5n), 'allow', 'blobs'],
    ['a blob too many', [BLOBS], blobs(3, 1n), 'deny', null],
    ['blob gas too dear', [BLOBS], blobs(1, 11n), 'deny', null],
    ['blobs that cost more than the cap', [BLOBS], blobs(2, 6n), 'deny', 'blobs'],
    ['blobs and value, one wei above the cap', [BLOBS], blobs(1, 10n, { value: 1n }), 'deny', 'blobs'],
    ['a type without its blobs', [BLOBS, EVERYTHING], request({ type: 'eip4844' }), 'deny', null],
    ['blobs of another type', [BLOBS, EVERYTHING], blobs(1, 1n, { type: 'eip1559' }), 'deny', null],
    [
      'blobs of a denied type',
      [BLOBS, { id: 'never', effect: 'deny', match: { types: ['eip4844'] } }],
      blobs(1, 1n),
      'deny',
      'never',
    ],
  ])('%s', (_, rules, asked, outcome, rule) => {
    expect(decide(parse(...rules), asked, new SpendingWindow())).toMatchObject({ outcome, rule });
  });

  it.each<[readonly string[] | undefined, DecisionRequest, string]>([
    [undefined, blobs(1, 1n), 'deny'],
    [undefined, delegation(CODE), 'deny'],
    [['eip7702'], blobs(1, 1n), 'deny'],
    [['eip4844'], delegation(CODE), 'deny'],
    [['eip4844'], blobs(1, 1n), 'allow'],
    [['eip7702'], delegation(CODE), 'allow'],
  ])('on a chain that takes %o of the newer types (%#)', (takes, asked, outcome) => {
    const decision = decide(parseOn(taking(takes), BLOBS, WALLET_CODE), asked, new SpendingWindow());
    expect(decision.outcome).toBe(outcome);
    if (decision.outcome === 'deny') expect(decision.reason).toContain(`takes the type ${asked.type}`);
  });

  it('counts what blobs cost, exact to one wei', () => {
    const usage = new SpendingWindow();
    const decision = decide(parse(BLOBS), blobs(1, 4n, { value: 3n }), usage);
    const spent = BLOB_GAS * 4n + 3n;
    expect(decision).toMatchObject({ outcome: 'allow', counters: [{ asset: 'native', before: 0n, after: spent }] });
    if (decision.outcome === 'deny') throw new Error('checked above');
    usage.add('one', { rule: 'blobs', time: request().time, spends: decision.spends });
    const room = BLOB_GAS * 10n - spent;
    const [fits, above] = [room, room + 1n].map((sum) =>
      decide(parse(BLOBS), blobs(1, 5n, { value: sum - BLOB_GAS * 5n }), usage),
    );
    expect([fits?.outcome, above?.outcome]).toEqual(['allow', 'deny']);
  });
});

describe('the policy', () => {
  it('that names neither keeps the hash that owners signed before there was either', () => {
    const tips = {
      ...{ id: 'tips', effect: 'allow', caps: [{ asset: 'native', at_most: '10000000000000000' }] },
      match: { types: ['legacy', 'eip1559'], recipients: ['0x86693cbe3f2581df512635823f46f0d593d96dba'] },
    };
    const policy = {
      v: 'assay-operator-policy/1',
      chains: { '84532': { rpc_urls: ['https://sepolia.base.org'], max_fee_per_gas: '2000000000' } },
      rules: [tips, { id: 'factory', effect: 'allow', match: { creates: ['any'] } }],
    };
    expect(policyHash(parseSigningPolicy(JSON.stringify(policy)))).toBe(
      '0x60a77925ee6ac4d2622578f337ded39029c371ec5e60ac53bb808b6eb42c6e28',
    );
  });

  it.each<[string, object, string]>([
    ['creation with blobs', { match: { creates: ['any'], blobs: BLOBS.match.blobs } }, 'creates without blobs'],
    ['delegation with blobs', { match: { delegates: [CODE], blobs: BLOBS.match.blobs } }, 'delegates without blobs'],
    ['creation with delegation', { match: { creates: ['any'], delegates: [CODE] } }, 'creates without delegates'],
    ['blobs to deny', { effect: 'deny', match: { blobs: BLOBS.match.blobs } }, 'by types'],
    ['no blobs', { match: { blobs: { at_most: 0, max_fee_per_blob_gas: '1' } } }, 'at_most'],
    ['blobs without a price', { match: { blobs: { at_most: 1 } } }, 'max_fee_per_blob_gas'],
    ['no delegates', { match: { delegates: [] } }, 'delegates'],
    ['a delegate that is no address', { match: { delegates: ['any'] } }, 'address'],
  ])('refuses %s', async (_, members, words) => {
    await expectRefusal(() => parse({ id: 'one', effect: 'allow', ...members }), 'operator/policy-malformed', [words]);
  });

  it('says in words what such rules mean', () => {
    const revoking = { ...WALLET_CODE, ...ASKING, id: 'revoke', match: { delegates: [NO_DELEGATE] } };
    const { chains, rules, always } = explainPolicy(
      parse(WALLET_CODE, BLOBS, { ...WALLET_CODE, id: 'never', effect: 'deny' }, revoking),
    );
    expect(chains[0]).toContain('It takes transactions of type eip4844 and eip7702.');
    expect(rules.map(({ summary }) => summary)).toEqual([
      'Allows delegation (EIP-7702): the code of the delegate can spend everything the wallet has.',
      'Allows transactions with blobs, spending at most 0.00000000000131072 of the native coin (1310720 wei).',
      'Denies delegation (EIP-7702).',
      'Allows delegation (EIP-7702), spending nothing.',
    ]);
    expect(rules[3]?.conditions).toEqual(['Delegation may be revoked.', 'Owners must approve each delegation.']);
    expect(rules[0]?.conditions).toEqual([
      `The code of ${CODE} may run as the wallet: it can spend everything the wallet has, whatever caps say. Delegation may be revoked.`,
    ]);
    expect(rules[1]?.conditions[0]).toBe(
      'With at most 2 blobs, at most 0.00000000000000001 of the native coin (10 wei) for one blob gas.',
    );
    expect(rules[2]?.conditions).toEqual([`The delegate is ${CODE} or ${NO_DELEGATE}.`]);
    expect(always.join(' ')).toContain('Contract creation, blobs and EIP-7702 delegation are denied');
  });
});

describe('the signed transaction', () => {
  const account = privateKeyToAccount(`0x${'22'.repeat(32)}`);
  const common = { chainId: 84_532, nonce: 7, to: ALICE, value: 0n, data: '0x', gas: 50_000n } as const;
  const fees = { feePerGas: 9n, priorityFeePerGas: 1n };

  it('with an authorisation comes back as it went, and both signatures are the account’s', async () => {
    const authorization = { chainId: 84_532, delegate: CODE, nonce: 8 };
    const signature = await account.sign({ hash: authorizationDigest(authorization) });
    const authorizations = [{ ...authorization, signature }];
    const unsigned: UnsignedTransaction = { ...common, ...fees, type: 'eip7702', authorizations };
    const signed = serializeSigned(unsigned, await account.sign({ hash: transactionDigest(unsigned) }));
    const read = await parseSignedTransaction(signed);
    expect(read).toMatchObject({ ...unsigned, from: account.address.toLowerCase() });
    expect(recoverSigner(authorizationDigest(authorization), read.authorizations?.[0]?.signature ?? '0x')).toBe(read.from);
  });

  it('with blobs comes back as it went', async () => {
    const unsigned: UnsignedTransaction = {
      ...{ ...common, ...fees, type: 'eip4844' },
      blobs: { versionedHashes: [HASH, HASH], feePerBlobGas: 4n },
    };
    const signed = serializeSigned(unsigned, await account.sign({ hash: transactionDigest(unsigned) }));
    expect(await parseSignedTransaction(signed)).toMatchObject({ ...unsigned, from: account.address.toLowerCase() });
  });

  it.each(['eip4844', 'eip7702'] as const)('of type %s without a recipient is refused', async (type) => {
    const unsigned: UnsignedTransaction = {
      ...{ ...common, ...fees, type, to: null },
      blobs: { versionedHashes: [HASH], feePerBlobGas: 4n },
    };
    const signed = serializeSigned(unsigned, await account.sign({ hash: transactionDigest(unsigned) }));
    await expectRefusal(() => parseSignedTransaction(signed), 'operator/transaction-malformed', ['transaction']);
  });
});
