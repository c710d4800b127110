/** What a policy allows: a table of requests, and caps that are exact to one wei over thousands of random runs. */

import { utf8 } from '@assay/encoding/bytes';
import { expectRefusal } from '@assay/testing';
import fc from 'fast-check';
import { encodeFunctionData, maxUint256, parseAbi } from 'viem';
import { describe, expect, it } from 'vitest';
import { decodeSpending } from './calldata.ts';
import { type Decision, type DecisionRequest, decide } from './decision.ts';
import { bytesOf, type Hex, keccakOf } from './hex.ts';
import { parseSigningPolicy, policyHash, type SigningPolicy } from './policy.ts';
import { SpendingWindow } from './spending-window.ts';

const fill = (byte: string, length = 20): Hex => `0x${byte.repeat(length)}`;
const ALICE = fill('a1');
const MALLORY = fill('ee');
const TOKEN = fill('70');
const PERMIT2 = '0x000000000022d473030f116ddee9f6b43ac78ba3';
const VOTES = fill('90');
/** Wednesday, 2027-01-13, 10:00 UTC. */
const NOON = 1_799_834_400;
const CHAIN = { rpc_urls: ['http://127.0.0.1:8545'], max_fee_per_gas: '2000000000' };
const parse = (rules: readonly object[], chains: object = { '84532': CHAIN }) =>
  parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains, rules }));

const CODE: Hex = '0x600a600c600039600a6000f3602a60005260206000f3';
const POLICY = parse(
  [
    { id: 'no-tools', effect: 'deny', match: { creates: ['any'], callers: ['tool'] } },
    { id: 'factory', effect: 'allow', match: { chain_ids: [84_532], creates: [keccakOf(bytesOf(CODE))] } },
    {
      id: 'any-code',
      effect: 'allow',
      match: { chain_ids: [8453], creates: ['any'] },
      caps: [{ asset: 'native', at_most: '7' }],
    },
    { id: 'no-mallory', effect: 'deny', match: { recipients: [MALLORY] } },
    {
      id: 'eth',
      effect: 'allow',
      match: {
        chain_ids: [84_532],
        recipients: [ALICE],
        value_at_most: '60',
        hours_utc: { from: 8, to: 18 },
        callers: ['key'],
      },
      caps: [{ asset: 'native', at_most: '100' }],
      rate: { at_most: 3, window_seconds: 60 },
      approval: { above: '50' },
    },
    { id: 'token', effect: 'allow', match: { beneficiaries: [ALICE] }, caps: [{ asset: TOKEN, at_most: '1000' }] },
    {
      id: 'votes',
      effect: 'allow',
      match: {
        recipients: [VOTES],
        function: 'function vote(uint256 id, bool yes)',
        arguments: [{ index: 0, one_of: ['7', '8'] }],
      },
    },
  ],
  { '84532': CHAIN, '8453': CHAIN },
);

const request = (more: Partial<DecisionRequest> = {}): DecisionRequest => ({
  chainId: 84_532,
  type: 'eip1559',
  to: ALICE,
  value: 10n,
  data: '0x',
  gas: 21_000n,
  feePerGas: 1_000_000_000n,
  caller: 'key',
  time: NOON,
  ...more,
});
const creation = (data: Hex, more: Partial<DecisionRequest> = {}) =>
  request({ to: null, value: 0n, gas: 90_000n, data, ...more });
const call = (signature: string, args: readonly unknown[]): Hex =>
  encodeFunctionData({ abi: parseAbi([signature] as never), args: args as never } as never);
const toToken = (signature: string, args: readonly unknown[], more: Partial<DecisionRequest> = {}) =>
  request({ to: TOKEN, value: 0n, gas: 60_000n, data: call(signature, args), ...more });
const TRANSFER = 'function transfer(address to, uint256 amount)';
const transfer = (amount: bigint, to: Hex = ALICE) => toToken(TRANSFER, [to, amount]);
const EMPTY = new SpendingWindow();
const word = (text: string): string => text.padStart(64, '0');

describe('the decision', () => {
  it.each<[string, DecisionRequest, string, string | null]>([
    ['a small payment', request(), 'allow', 'eth'],
    ['at the line of approval', request({ value: 50n }), 'allow', 'eth'],
    ['above it', request({ value: 51n }), 'approve', 'eth'],
    ['above the value of one transaction', request({ value: 61n }), 'deny', null],
    ['a recipient that a rule denies', request({ to: MALLORY }), 'deny', 'no-mallory'],
    ['a recipient of no rule', request({ to: fill('b0') }), 'deny', null],
    ['another chain', request({ chainId: 1 }), 'deny', null],
    ['contract creation', request({ to: null }), 'deny', null],
    ['creation of code that a rule names', creation(CODE), 'allow', 'factory'],
    ['creation of that code with a byte behind', creation(`${CODE}00`), 'deny', null],
    ['a call with that code as data', request({ to: fill('b0'), value: 0n, data: CODE }), 'deny', null],
    ['creation with value that no rule caps', creation(CODE, { value: 1n }), 'deny', 'factory'],
    ['creation on another chain of the policy', creation(CODE, { chainId: 8453 }), 'allow', 'any-code'],
    ['creation of any code, with value', creation('0x00', { chainId: 8453, value: 7n }), 'allow', 'any-code'],
    ['above the cap', creation('0x00', { chainId: 8453, value: 8n }), 'deny', 'any-code'],
    ['creation that a rule denies by its caller', creation(CODE, { caller: 'tool' }), 'deny', 'no-tools'],
    ['gas too dear', request({ feePerGas: 2_000_000_001n }), 'deny', null],
    ['too much gas', request({ gas: 1_000_001n }), 'deny', null],
    ['out of hours', request({ time: NOON + 9 * 3600 }), 'deny', null],
    ['a caller that the rule does not name', request({ caller: 'tool' }), 'deny', null],
    ['a token transfer', transfer(1000n), 'allow', 'token'],
    ['one unit above the cap', transfer(1001n), 'deny', 'token'],
    ['to somebody else', transfer(1n, MALLORY), 'deny', null],
    ['an endless allowance', toToken('function approve(address,uint256)', [ALICE, maxUint256]), 'deny', 'token'],
    ['an allowance within the cap', toToken('function approve(address,uint256)', [ALICE, 10n]), 'allow', 'token'],
    ['more allowance', toToken('function increaseAllowance(address,uint256)', [ALICE, 1001n]), 'deny', 'token'],
    [
      'spending for another',
      toToken('function transferFrom(address,address,uint256)', [fill('b0'), ALICE, 1001n]),
      'deny',
      'token',
    ],
    [
      'a permit',
      toToken('function permit(address,address,uint256,uint256,uint8,bytes32,bytes32)', [
        ALICE,
        ALICE,
        1001n,
        1n,
        27,
        fill('00', 32),
        fill('00', 32),
      ]),
      'deny',
      'token',
    ],
    [
      'Permit2, whose token is an argument',
      toToken('function approve(address,address,uint160,uint48)', [TOKEN, ALICE, 1001n, 1], { to: PERMIT2 }),
      'deny',
      'token',
    ],
    [
      'Permit2 for a token without a cap',
      toToken('function approve(address,address,uint160,uint48)', [VOTES, ALICE, 1n, 1]),
      'deny',
      'token',
    ],
    [
      'a function of a rule',
      request({ to: VOTES, value: 0n, data: call('function vote(uint256,bool)', [7n, true]) }),
      'allow',
      'votes',
    ],
    [
      'another argument',
      request({ to: VOTES, value: 0n, data: call('function vote(uint256,bool)', [9n, true]) }),
      'deny',
      null,
    ],
    [
      'the function with native value',
      request({ to: VOTES, value: 1n, data: call('function vote(uint256,bool)', [7n, true]) }),
      'deny',
      'votes',
    ],
    ['unknown calldata', request({ data: '0xdeadbeef' }), 'deny', null],
    ['bytes behind a transfer', request({ to: TOKEN, value: 0n, data: `${transfer(1n).data}00` }), 'deny', null],
    ['a cut transfer', request({ to: TOKEN, value: 0n, data: transfer(1n).data.slice(0, -2) as Hex }), 'deny', null],
    [
      'dirty address bytes',
      request({ to: TOKEN, value: 0n, data: `0xa9059cbb${'01'.repeat(12)}${ALICE.slice(2)}${word('1')}` }),
      'deny',
      null,
    ],
    ['several calls in one', toToken('function multicall(bytes[])', [[transfer(1n).data]]), 'deny', null],
  ])('%s', (_name, asked, outcome, rule) => {
    expect(decide(POLICY, asked, EMPTY)).toMatchObject({ outcome, rule });
  });

  const BATCH = 'function pay(address[] to, (uint256 units, bool now) order, int256 change, address last)';
  const batch = (change: bigint): Hex => call(BATCH, [[ALICE], { units: 1n, now: true }, change, ALICE]);

  /** Such a policy may be in force from before it was refused. */
  it.each<[string, string, object, Hex, readonly string[]]>([
    ['a list', BATCH, { index: 0, one_of: [MALLORY] }, batch(1n), ['deny']],
    ['a struct', BATCH, { index: 1, one_of: ['1'] }, batch(1n), ['deny']],
    ['an index beyond the arguments', BATCH, { index: 4, one_of: ['1'] }, batch(1n), ['deny']],
    ['an order of addresses', BATCH, { index: 3, at_most: '1' }, batch(1n), ['deny']],
    ['a number below zero', BATCH, { index: 2, at_most: '1' }, batch(-1n), ['deny']],
    ['bytes behind', BATCH, { index: 3, one_of: [MALLORY] }, `${batch(1n)}00`, ['deny']],
    ['no signature', 'pay(address)', { index: 0, one_of: [ALICE] }, batch(1n), ['deny']],
    ['the address', BATCH, { index: 3, one_of: [ALICE] }, batch(1n), ['deny', 'allow']],
    ['another address', BATCH, { index: 3, one_of: [MALLORY] }, batch(1n), []],
    ['a larger number', BATCH, { index: 2, at_most: '1' }, batch(2n), []],
    ['another function', 'function vote(uint256 id)', { index: 0, one_of: ['1'] }, batch(1n), []],
  ])('what cannot be compared fits a rule that denies, and none that allows: %s', (_, signature, argument, data, fitting) => {
    const match = { function: signature, arguments: [argument] };
    const decided = (...rules: readonly object[]): Decision => {
      const policy = { ...POLICY, rules: rules.map((rule, index) => ({ id: `rule-${index}`, caps: [], ...rule })) };
      return decide(policy as unknown as SigningPolicy, request({ to: VOTES, value: 0n, data }), EMPTY);
    };
    const any = { effect: 'allow', match: { function: BATCH } };
    expect(decided({ effect: 'deny', match }, any).rule).toBe(fitting.includes('deny') ? 'rule-0' : 'rule-1');
    expect(decided({ effect: 'allow', match }).outcome).toBe(fitting.includes('allow') ? 'allow' : 'deny');
  });

  it('denies everything without a policy', () => {
    expect(decide(null, request(), EMPTY)).toEqual({ outcome: 'deny', rule: null, reason: 'no policy is in force' });
  });

  it('counts the rate, and what leaves the window', () => {
    const window = new SpendingWindow();
    for (let n = 0; n < 3; n += 1) window.add(`t${n}`, { rule: 'eth', time: NOON, spends: [{ asset: 'native', amount: 30n }] });
    expect(decide(POLICY, request(), window)).toMatchObject({
      outcome: 'deny',
      reason: expect.stringContaining('3 transactions'),
    });
    const later = request({ time: NOON + 61 });
    expect(decide(POLICY, later, window)).toMatchObject({
      outcome: 'allow',
      counters: [{ before: 90n, after: 100n, cap: 100n }],
    });
    expect(decide(POLICY, { ...later, value: 11n }, window)).toMatchObject({ outcome: 'deny', rule: 'eth' });
    window.remove('t0');
    expect(decide(POLICY, { ...later, value: 11n }, window).outcome).toBe('allow');
    window.forget(NOON);
    expect(window.count('eth', 0)).toBe(0);
  });

  it('reads the example of the seed', () => {
    const data =
      '0xa9059cbb00000000000000000000000000693cbe3f2581df512635823f46f0d593d96dba0000000000000000000000000000000000000000000000000000048c27395000';
    expect(decodeSpending(TOKEN, data)).toEqual({
      name: 'transfer',
      spends: [{ asset: TOKEN, amount: 5_000_000_000_000n, beneficiary: '0x00693cbe3f2581df512635823f46f0d593d96dba' }],
    });
  });

  it('never lets a window hold more than its cap', { timeout: 120_000 }, () => {
    const steps = fc.array(fc.tuple(fc.bigInt(1n, 60n), fc.integer({ min: 0, max: 40_000 }), fc.boolean()), { maxLength: 40 });
    const policy = parse([{ id: 'eth', effect: 'allow', caps: [{ asset: 'native', at_most: '100' }] }]);
    fc.assert(
      fc.property(steps, (moves) => {
        const window = new SpendingWindow();
        const made: { time: number; value: bigint }[] = [];
        let time = NOON;
        for (const [index, [value, passed, dropped]] of moves.entries()) {
          time += passed;
          const decision = decide(policy, request({ value, time }), window);
          const inWindow = made.filter((each) => each.time > time - 86_400).reduce((sum, each) => sum + each.value, 0n);
          expect(decision.outcome).toBe(inWindow + value <= 100n ? 'allow' : 'deny');
          if (decision.outcome !== 'allow') continue;
          window.add(String(index), { rule: 'eth', time, spends: decision.spends });
          if (dropped) window.remove(String(index));
          else made.push({ time, value });
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('the policy', () => {
  it.each<[string, unknown, string]>([
    ['another version', { v: 'assay-operator-policy/2', chains: {}, rules: [] }, 'v:'],
    ['a chain that is no number', { v: 'assay-operator-policy/1', chains: { base: CHAIN }, rules: [] }, 'chains.base'],
    [
      'an amount with a fraction',
      { v: 'assay-operator-policy/1', chains: { 1: { ...CHAIN, max_fee_per_gas: '1.5' } }, rules: [] },
      'decimal',
    ],
    [
      'a second node that is the first',
      { v: 'assay-operator-policy/1', chains: { 1: { ...CHAIN, confirming_rpc_url: CHAIN.rpc_urls[0] } }, rules: [] },
      'confirm itself',
    ],
    ...[
      'https://RPC.example/',
      'https://rpc.example:443',
      'https://rpc.example./#second',
      'https://key@rpc.example',
      'http://rpc.example//',
      'https://rpc.example/v2/key',
    ].map((second): [string, unknown, string] => [
      `a second node that is the first, as ${second}`,
      {
        v: 'assay-operator-policy/1',
        chains: { 1: { ...CHAIN, rpc_urls: ['https://rpc.example'], confirming_rpc_url: second } },
        rules: [],
      },
      'confirm itself',
    ]),
    [
      'a node whose address does not parse',
      { v: 'assay-operator-policy/1', chains: { 1: { ...CHAIN, rpc_urls: ['https://rpc.example:port'] } }, rules: [] },
      'parsed',
    ],
    [
      'a second node without an address',
      { v: 'assay-operator-policy/1', chains: { 1: { ...CHAIN, confirming_rpc_url: 'base' } }, rules: [] },
      'https',
    ],
    ['an unknown member', { v: 'assay-operator-policy/1', chains: {}, rules: [{ id: 'a', effect: 'allow', cap: 1 }] }, 'cap'],
    [
      'a rule twice',
      { v: 'assay-operator-policy/1', chains: {}, rules: [1, 2].map(() => ({ id: 'a', effect: 'allow' })) },
      'twice',
    ],
    [
      'arguments of no function',
      { v: 'assay-operator-policy/1', chains: {}, rules: [{ id: 'a', effect: 'allow', match: { arguments: [{ index: 0 }] } }] },
      'function',
    ],
    ...(
      [
        ['no signature', 'vote(uint256)', {}, 'signature'],
        ['an event', 'event Voted(uint256 id)', {}, 'signature'],
        ['an index beyond its arguments', 'function vote(uint256 id)', { index: 1 }, 'below 1'],
        ['a list', 'function pay(address[] to)', { index: 0, one_of: ['0x'] }, 'address[]'],
        ['a struct', 'function pay((address to, uint256 units) order)', { index: 0, one_of: ['0x'] }, 'tuple'],
        [
          'an address that is not in lower case',
          'function pay(address to)',
          { index: 0, one_of: [`0x${'AB'.repeat(20)}`] },
          '0xAB',
        ],
        ['a number in hex', 'function vote(uint256 id)', { index: 0, one_of: ['0x7'] }, '0x7'],
        ['an order of addresses', 'function pay(address to)', { index: 0, at_most: '7' }, 'at_most'],
      ] as const
    ).flatMap(([name, signature, argument, word]) =>
      ['allow', 'deny'].map((effect): [string, unknown, string] => {
        const match = { function: signature, ...('index' in argument ? { arguments: [argument] } : {}) };
        const rules = [{ id: 'a', effect, match }];
        return [`a function to ${effect} with ${name}`, { v: 'assay-operator-policy/1', chains: {}, rules }, word];
      }),
    ),
    [
      'creation with recipients',
      {
        v: 'assay-operator-policy/1',
        chains: {},
        rules: [{ id: 'a', effect: 'allow', match: { creates: ['any'], recipients: [ALICE] } }],
      },
      'without recipients',
    ],
    [
      'an address that is mistyped',
      {
        v: 'assay-operator-policy/1',
        chains: {},
        rules: [{ id: 'a', effect: 'allow', match: { recipients: ['0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'] } }],
      },
      'EIP-55',
    ],
  ])('refuses %s', async (_name, value, word) => {
    await expectRefusal(() => parseSigningPolicy(utf8(JSON.stringify(value))), 'operator/policy-malformed', [word]);
  });

  it('refuses what is no JSON, and has one hash however it is written', async () => {
    await expectRefusal(() => parseSigningPolicy('{'), 'operator/policy-malformed', ['JSON']);
    expect(policyHash(parse([{ id: 'a', effect: 'allow' }]))).toBe(
      policyHash(parse([{ effect: 'allow', id: 'a', match: {}, caps: [] }])),
    );
  });
});
