/** Messages and typed data: what a policy allows, what permits, authorisations and Permit2 spend, and what is no typed data at all. */

import { expectRefusal, PERMIT_TYPES } from '@assay/testing';
import { hashTypedData, maxUint256 } from 'viem';
import { describe, expect, test } from 'vitest';
import { decide } from './decision.ts';
import type { Hex } from './hex.ts';
import { parseSigningPolicy } from './policy.ts';
import { decideSignature, type SignatureRequest } from './signature-decision.ts';
import { SpendingWindow } from './spending-window.ts';
import { parseTypedData } from './typed-data.ts';

const fill = (byte: string): Hex => `0x${byte.repeat(20)}`;
const [WALLET, ALICE, MALLORY, TOKEN, ORDERS, PERMIT2] = ['01', 'a1', 'ee', '70', '0d', '22'].map(fill) as [
  Hex,
  Hex,
  Hex,
  Hex,
  Hex,
  Hex,
];
const TIME = 1_799_834_400;
const field = (name: string, type: string) => ({ name, type });
const DOMAIN = { name: 'USD Coin', version: '2', chainId: 84_532, verifyingContract: TOKEN };

const permit = (value: unknown, more: object = {}) => ({
  domain: DOMAIN,
  types: PERMIT_TYPES,
  primaryType: 'Permit',
  message: { owner: WALLET, spender: ALICE, value, nonce: 0, deadline: TIME + 600 },
  ...more,
});
const daiPermit = (allowed: boolean) => ({
  domain: DOMAIN,
  types: {
    Permit: [
      field('holder', 'address'),
      field('spender', 'address'),
      field('nonce', 'uint256'),
      field('expiry', 'uint256'),
      field('allowed', 'bool'),
    ],
  },
  primaryType: 'Permit',
  message: { holder: WALLET, spender: ALICE, nonce: 0, expiry: 0, allowed },
});
const authorization = (primaryType: string, value: string) => ({
  domain: DOMAIN,
  types: {
    [primaryType]: [
      field('from', 'address'),
      field('to', 'address'),
      field('value', 'uint256'),
      field('validAfter', 'uint256'),
      field('validBefore', 'uint256'),
      field('nonce', 'bytes32'),
    ],
  },
  primaryType,
  message: { from: WALLET, to: ALICE, value, validAfter: 0, validBefore: TIME, nonce: `0x${'07'.repeat(32)}` },
});
const detail = (amount: string) => ({ token: TOKEN, amount, expiration: TIME, nonce: 0 });
const DETAILS = [
  field('token', 'address'),
  field('amount', 'uint160'),
  field('expiration', 'uint48'),
  field('nonce', 'uint48'),
];
const permit2 = (primaryType: 'PermitSingle' | 'PermitBatch', details: unknown) => ({
  domain: { name: 'Permit2', chainId: 84_532, verifyingContract: PERMIT2 },
  types: {
    [primaryType]: [
      field('details', primaryType === 'PermitBatch' ? 'PermitDetails[]' : 'PermitDetails'),
      field('spender', 'address'),
      field('sigDeadline', 'uint256'),
    ],
    PermitDetails: DETAILS,
  },
  primaryType,
  message: { details, spender: ALICE, sigDeadline: TIME },
});
const transferFrom = (primaryType: 'PermitTransferFrom' | 'PermitBatchTransferFrom', permitted: unknown) => ({
  domain: { name: 'Permit2', chainId: 84_532, verifyingContract: PERMIT2 },
  types: {
    [primaryType]: [
      field('permitted', primaryType === 'PermitTransferFrom' ? 'TokenPermissions' : 'TokenPermissions[]'),
      field('spender', 'address'),
      field('nonce', 'uint256'),
      field('deadline', 'uint256'),
    ],
    TokenPermissions: [field('token', 'address'), field('amount', 'uint256')],
  },
  primaryType,
  message: { permitted, spender: ALICE, nonce: 1, deadline: TIME },
});
const order = (verifyingContract: Hex = ORDERS) => ({
  domain: { name: 'Orders', chainId: 84_532, verifyingContract },
  types: { Order: [field('id', 'uint256')] },
  primaryType: 'Order',
  message: { id: 7 },
});

const CHAINS = { 84532: { rpc_urls: ['http://127.0.0.1:8545'], max_fee_per_gas: '1' } };
const parse = (rules: readonly object[]) =>
  parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains: CHAINS, rules }));
const CAP = [{ asset: TOKEN, at_most: '100' }];
const POLICY = parse([
  { id: 'no-mallory', effect: 'deny', match: { beneficiaries: [MALLORY] } },
  { id: 'no-secrets', effect: 'deny', match: { message: { starts_with: ['secret'] } } },
  { id: 'transfers', effect: 'allow', match: { recipients: [TOKEN] }, caps: [{ asset: TOKEN, at_most: '1000000' }] },
  { id: 'permits', effect: 'allow', match: { paths: ['typed-data'], beneficiaries: [ALICE, MALLORY] }, caps: CAP },
  {
    id: 'orders',
    effect: 'allow',
    match: {
      paths: ['typed-data'],
      typed_data: [{ primary_type: 'Order', verifying_contract: ORDERS, chain_id: 84_532 }],
    },
  },
  { id: 'greetings', effect: 'allow', match: { paths: ['message'], message: { starts_with: ['hello ', 'secret '] } } },
]);

const ANY_ORDER = {
  id: 'any-order',
  effect: 'allow',
  match: {
    paths: ['typed-data'],
    typed_data: [84_532, null].map((chain) => ({ primary_type: 'Order', chain_id: chain })),
  },
};
const typed = (document: unknown): SignatureRequest => ({
  path: 'typed-data',
  data: parseTypedData(document),
  caller: 'key',
  time: TIME,
});
const said = (text: string): SignatureRequest => ({ path: 'message', text, caller: 'key', time: TIME });

describe('what typed data spends', () => {
  test.each([
    ['a permit', permit('5'), [5n]],
    ['a permit in hex', permit('0x10'), [16n]],
    ['a permit of everything', permit(String(maxUint256)), [maxUint256]],
    ["Dai's permit", daiPermit(true), [maxUint256]],
    ["Dai's permit, taken back", daiPermit(false), [0n]],
    ['an authorisation to transfer', authorization('TransferWithAuthorization', '6'), [6n]],
    ['an authorisation to receive', authorization('ReceiveWithAuthorization', '7'), [7n]],
    ['Permit2, one', permit2('PermitSingle', detail('8')), [8n]],
    ['Permit2, many', permit2('PermitBatch', [detail('8'), detail('9')]), [8n, 9n]],
    ['Permit2, a transfer', transferFrom('PermitTransferFrom', { token: TOKEN, amount: '3' }), [3n]],
    [
      'Permit2, transfers',
      transferFrom('PermitBatchTransferFrom', [
        { token: TOKEN, amount: '3' },
        { token: TOKEN, amount: '4' },
      ]),
      [3n, 4n],
    ],
    ['an order', order(), null],
    [
      'a permit with another member',
      {
        ...permit('5'),
        types: { Permit: [...permit('5').types.Permit, field('x', 'uint8')] },
        message: { ...permit('5').message, x: 1 },
      },
      null,
    ],
  ])('%s', (_name, document, amounts) => {
    const { spends, digest } = parseTypedData(document);
    expect(digest).toBe(hashTypedData(document as never));
    expect(spends?.map(({ amount }) => amount) ?? null).toEqual(amounts);
    for (const spend of spends ?? []) expect(spend).toMatchObject({ asset: TOKEN, beneficiary: ALICE });
  });

  test.each([
    [
      'a struct that the signature would not cover',
      { ...permit('5'), types: { ...permit('5').types, Other: [field('x', 'uint8')] } },
    ],
    ['no message', { ...permit('5'), message: undefined }],
    ['an unknown primary type', { ...permit('5'), primaryType: 'Other' }],
    ['the domain as primary type', { ...permit('5'), primaryType: 'EIP712Domain' }],
    ['a missing field', { ...permit('5'), message: { owner: WALLET } }],
    ['an amount that is too large', permit((maxUint256 + 1n).toString())],
    ['an amount that is negative', permit('-1')],
    ['an address that is none', { ...permit('5'), message: { ...permit('5').message, spender: '0x12' } }],
    ['another member', { ...permit('5'), more: 1 }],
    [
      'a domain that is not as its type says',
      { ...permit('5'), types: { ...permit('5').types, EIP712Domain: [field('name', 'string')] } },
    ],
    ['the domain of owners', { ...permit('5'), domain: { name: 'Assay operator', version: '1' } }],
  ])('%s is refused', async (_name, document) => {
    await expectRefusal(() => parseTypedData(document), 'operator/message-malformed', ['typed_data']);
  });
});

describe('the decision', () => {
  const deny = (reason: string, rule: string | null = null) => ({
    outcome: 'deny',
    rule,
    reason: expect.stringContaining(reason),
  });
  test.each([
    ['no policy', null, said('hello you'), deny('no policy')],
    ['a permit below its cap', POLICY, typed(permit('100')), { outcome: 'allow', rule: 'permits' }],
    [
      'typed data for every contract, where one is denied',
      parse([{ id: 'not-orders', effect: 'deny', match: { recipients: [ORDERS] } }, ANY_ORDER]),
      typed({ ...order(), domain: { name: 'Orders', chainId: 84_532 } }),
      deny('a rule denies', 'not-orders'),
    ],
    [
      'typed data for every chain, where one is denied',
      parse([{ id: 'not-here', effect: 'deny', match: { chain_ids: [84_532] } }, ANY_ORDER]),
      typed({ ...order(), domain: { name: 'Orders' } }),
      deny('a rule denies', 'not-here'),
    ],
    [
      'typed data for every contract',
      parse([ANY_ORDER]),
      typed({ ...order(), domain: { name: 'Orders', chainId: 84_532 } }),
      { outcome: 'allow', rule: 'any-order' },
    ],
    ['a permit above its cap', POLICY, typed(permit('101')), deny('100', 'permits')],
    [
      'a permit of everything under a cap for transfers',
      parse([{ id: 't', effect: 'allow', match: { recipients: [TOKEN] }, caps: CAP }]),
      typed(permit('1')),
      deny('no rule'),
    ],
    ["Dai's permit", POLICY, typed(daiPermit(true)), deny('100', 'permits')],
    [
      'a batch of which the sum is above',
      POLICY,
      typed(permit2('PermitBatch', [detail('60'), detail('60')])),
      deny('100', 'permits'),
    ],
    [
      'a permit for one who is denied',
      POLICY,
      typed({ ...permit('5'), message: { ...permit('5').message, spender: MALLORY } }),
      deny('a rule denies', 'no-mallory'),
    ],
    [
      'a permit of a token without a cap',
      POLICY,
      typed(permit('5', { domain: { ...DOMAIN, verifyingContract: ORDERS } })),
      deny('no cap', 'permits'),
    ],
    [
      'a permit on a chain that the policy does not name',
      POLICY,
      typed(permit('5', { domain: { ...DOMAIN, chainId: 1 } })),
      deny('no chain 1'),
    ],
    [
      'a permit without a chain',
      POLICY,
      typed(permit('5', { domain: { name: 'x', verifyingContract: TOKEN } })),
      deny('names no chain'),
    ],
    ['an order that a rule names', POLICY, typed(order()), { outcome: 'allow', rule: 'orders' }],
    ['an order of another contract', POLICY, typed(order(TOKEN)), deny('not known')],
    [
      'a permit in a rule for orders',
      parse([
        {
          id: 'o',
          effect: 'allow',
          match: {
            paths: ['typed-data'],
            typed_data: [{ primary_type: 'Permit', verifying_contract: TOKEN, chain_id: 84_532 }],
          },
        },
      ]),
      typed(permit('1')),
      deny('no cap', 'o'),
    ],
    ['a message that begins as wanted', POLICY, said('hello you'), { outcome: 'allow', rule: 'greetings' }],
    ['a message that a rule denies', POLICY, said('secret hello'), deny('a rule denies', 'no-secrets')],
    ['a login text', POLICY, said('evil.example wants you to sign in with your Ethereum account:'), deny('no rule')],
    [
      'a message, by a rule without texts',
      parse([{ id: 'm', effect: 'allow', match: { paths: ['message'] } }]),
      said('x'),
      deny('no rule'),
    ],
    [
      'a tool, where tools are denied',
      parse([
        { id: 'no-tools', effect: 'deny', match: { callers: ['tool'] } },
        { id: 'm', effect: 'allow', match: { paths: ['message'], message: { one_of: ['x'] } } },
      ]),
      { ...said('x'), caller: 'tool' } as const,
      deny('a rule denies', 'no-tools'),
    ],
    [
      'a permit that needs an approval',
      parse([
        { id: 'a', effect: 'allow', match: { paths: ['typed-data'] }, caps: CAP, approval: { asset: TOKEN, above: '10' } },
      ]),
      typed(permit('11')),
      deny('approval', 'a'),
    ],
    [
      'a permit that needs an approval, although a later rule would not ask for one',
      parse([
        { id: 'a', effect: 'allow', match: { paths: ['typed-data'] }, caps: CAP, approval: { asset: TOKEN, above: '10' } },
        { id: 'b', effect: 'allow', match: { paths: ['typed-data'] }, caps: CAP },
      ]),
      typed(permit('11')),
      deny('approval', 'a'),
    ],
  ])('%s', (_name, policy, request, wanted) => {
    expect(decideSignature(policy, request, new SpendingWindow())).toMatchObject(wanted);
  });

  test('signatures and transactions share a cap', () => {
    const shared = parse([
      { id: 'both', effect: 'allow', match: { paths: ['transaction', 'typed-data'], recipients: [TOKEN] }, caps: CAP },
    ]);
    const usage = new SpendingWindow();
    const first = decideSignature(shared, typed(permit('70')), usage);
    if (first.outcome !== 'allow') throw new Error('expected to be allowed');
    usage.add('signature/1', { rule: first.rule, time: TIME, spends: first.spends });
    const transfer = {
      chainId: 84_532,
      type: 'eip1559',
      to: TOKEN,
      value: 0n,
      gas: 60_000n,
      feePerGas: 1n,
      caller: 'key',
      time: TIME,
    } as const;
    const data = (amount: number): Hex =>
      `0xa9059cbb${ALICE.slice(2).padStart(64, '0')}${amount.toString(16).padStart(64, '0')}`;
    expect(decide(shared, { ...transfer, data: data(31) }, usage)).toMatchObject({ outcome: 'deny', rule: 'both' });
    expect(decide(shared, { ...transfer, data: data(30) }, usage)).toMatchObject({ outcome: 'allow' });
  });

  test('a rule for messages or typed data allows no transaction', () => {
    const transfer = {
      chainId: 84_532,
      type: 'eip1559',
      to: ALICE,
      value: 0n,
      data: '0x',
      gas: 21_000n,
      feePerGas: 1n,
      caller: 'key',
      time: TIME,
    } as const;
    for (const match of [{ paths: ['message'] }, { message: { one_of: ['x'] } }, { typed_data: [{ primary_type: 'Order' }] }])
      expect(decide(parse([{ id: 'r', effect: 'allow', match }]), transfer, new SpendingWindow()).outcome).toBe('deny');
  });
});
