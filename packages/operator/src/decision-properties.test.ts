/** Laws of every decision, over random policies and transactions: what is not allowed is denied, denial wins, caps are exact and only narrow. */

import fc from 'fast-check';
import { encodeFunctionData, parseAbi } from 'viem';
import { describe, expect, it } from 'vitest';
import { type Decision, type DecisionRequest, decide } from './decision.ts';
import type { Hex } from './hex.ts';
import { parseSigningPolicy, type SigningPolicy } from './policy.ts';
import { SpendingWindow } from './spending-window.ts';

const CHAIN_ID = 84_532;
const TIME = 1_799_834_400;
const DAY = 86_400;
const ADDRESSES = ['a1', 'b2', 'c3', 'd4'].map((byte): Hex => `0x${byte.repeat(20)}`);
const TOKEN_CALLS = parseAbi([
  'function transfer(address to, uint256 amount)',
  'function approve(address spender, uint256 amount)',
  'function multicall(bytes[] calls)',
  'function pay(address[] to, uint256 units)',
]);

const address = fc.constantFrom(...ADDRESSES);
const some = <Value>(value: fc.Arbitrary<Value>) => fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
const amount = fc.integer({ min: 0, max: 200 });
/** An object without the members that are `undefined`, as JSON has it. */
const record = (model: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(model, { requiredKeys: [] });

const ofFunction = fc.constantFrom(
  { function: 'function transfer(address to, uint256 amount)' },
  ...[
    { index: 0, one_of: ADDRESSES.slice(0, 2) },
    { index: 1, at_most: '100' },
  ].map((argument) => ({
    ...{ function: 'function transfer(address to, uint256 amount)', arguments: [argument] },
  })),
  { function: 'function pay(address[] to, uint256 units)', arguments: [{ index: 1, at_most: '100' }] },
);
/** What no calldata can be compared with: refused when owners set it, and in force where it was set earlier. */
const unread = fc.constantFrom(
  { function: 'function pay(address[] to, uint256 units)', arguments: [{ index: 0, one_of: ADDRESSES.slice(0, 1) }] },
  { function: 'function pay(address[] to, uint256 units)', arguments: [{ index: 2, at_most: '100' }] },
);
const members = record({
  paths: some(fc.constantFrom('transaction', 'message', 'typed-data')),
  chain_ids: some(fc.constantFrom(CHAIN_ID, 1)),
  types: some(fc.constantFrom('legacy', 'eip1559')),
  recipients: some(address),
  beneficiaries: some(address),
  selectors: some(fc.constantFrom('0xa9059cbb', '0x095ea7b3')),
  value_at_most: amount.map(String),
  hours_utc: fc.constantFrom({ from: 8, to: 18 }, { from: 22, to: 6 }),
  weekdays_utc: some(fc.integer({ min: 0, max: 6 })),
  callers: some(fc.constantFrom('key', 'token', 'tool')),
});
const match = fc.oneof(
  { weight: 3, arbitrary: members },
  { weight: 1, arbitrary: fc.tuple(members, ofFunction).map(([more, named]) => ({ ...more, ...named })) },
  { weight: 1, arbitrary: ofFunction },
);
const cap = fc.record({ asset: fc.constantFrom('native', ...ADDRESSES), at_most: amount.map(String) });
const allowing = fc.record({
  effect: fc.constant('allow'),
  // Seldom more than one member, so that many rules fit.
  match: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: match }),
  caps: fc.array(cap, { maxLength: 4 }),
});
const denying = fc.record({ effect: fc.constant('deny'), match });
const rules = fc.array(fc.oneof({ weight: 3, arbitrary: allowing }, { weight: 1, arbitrary: denying }), { maxLength: 6 });

const calldata = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Hex>('0x') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('transfer', 'approve'), address, amount)
      .map(([functionName, to, units]) =>
        encodeFunctionData({ abi: TOKEN_CALLS, functionName, args: [to, BigInt(units)] } as never),
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(some(address), amount)
      .map(([to, units]) => encodeFunctionData({ abi: TOKEN_CALLS, functionName: 'pay', args: [to, BigInt(units)] })),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes): Hex => `0x${Buffer.from(bytes).toString('hex')}`),
  },
);
const request: fc.Arbitrary<DecisionRequest> = fc.record({
  chainId: fc.constantFrom(CHAIN_ID, CHAIN_ID, CHAIN_ID, 1),
  type: fc.constantFrom('legacy', 'eip1559'),
  to: fc.option(address, { freq: 10 }),
  value: amount.map(BigInt),
  data: calldata,
  gas: fc.constant(60_000n),
  feePerGas: fc.constant(1n),
  caller: fc.constantFrom('key', 'token', 'tool'),
  time: fc.integer({ min: TIME, max: TIME + 7 * DAY }),
});
const spent = fc.array(fc.tuple(fc.nat(5), fc.constantFrom('native', ...ADDRESSES), amount), { maxLength: 5 });

type Rule = Readonly<Record<string, unknown>>;

function policyOf(given: readonly Rule[]): SigningPolicy {
  const chains = { [CHAIN_ID]: { rpc_urls: ['http://127.0.0.1:8545'], max_fee_per_gas: '10' } };
  const named = given.map((rule, index) => ({ id: `rule-${index}`, ...rule }));
  return parseSigningPolicy(JSON.stringify({ v: 'assay-operator-policy/1', chains, rules: named }));
}

function usageOf(entries: readonly (readonly [number, string, number])[], time: number): SpendingWindow {
  const usage = new SpendingWindow();
  for (const [index, [rule, asset, units]] of entries.entries())
    usage.add(String(index), { rule: `rule-${rule}`, time, spends: [{ asset: asset as Hex, amount: BigInt(units) }] });
  return usage;
}

/** 0 signs nothing, 1 asks owners, 2 signs. */
const strength = ({ outcome }: Decision): number => ['deny', 'approve', 'allow'].indexOf(outcome);

describe('every decision', () => {
  it('denies what no rule allows, and what any rule denies, wherever the rule stands', () => {
    let allowed = 0;
    fc.assert(
      fc.property(rules, request, spent, fc.nat(6), (given, asked, used, place) => {
        const usage = usageOf(used, asked.time);
        const decision = decide(policyOf(given), asked, usage);
        if (decision.outcome !== 'deny') {
          allowed += 1;
          expect(given[Number(decision.rule?.slice('rule-'.length))]?.effect).toBe('allow');
        }
        expect(decide(policyOf(given.filter(({ effect }) => effect === 'deny')), asked, usage).outcome).toBe('deny');
        const denied = [...given.slice(0, place), { effect: 'deny', match: {} }, ...given.slice(place)];
        expect(decide(policyOf(denied), asked, usage).outcome).toBe('deny');
      }),
      { numRuns: 2000 },
    );
    expect(allowed).toBeGreaterThan(50);
  });

  it('allows no more when a rule that denies is added, a cap is lowered, or more was spent', () => {
    fc.assert(
      fc.property(rules, request, spent, denying, spent, fc.nat(50), (given, asked, used, more, later, less) => {
        const before = strength(decide(policyOf(given), asked, usageOf(used, asked.time)));
        expect(strength(decide(policyOf([...given, more]), asked, usageOf(used, asked.time)))).toBeLessThanOrEqual(before);
        const lowered = given.map((rule) => ({
          ...rule,
          ...('caps' in rule
            ? { caps: rule.caps.map((each) => ({ ...each, at_most: String(Math.max(0, Number(each.at_most) - less)) })) }
            : {}),
        }));
        expect(strength(decide(policyOf(lowered), asked, usageOf(used, asked.time)))).toBeLessThanOrEqual(before);
        const usage = usageOf([...used, ...later], asked.time);
        expect(strength(decide(policyOf(given), asked, usage))).toBeLessThanOrEqual(before);
      }),
      { numRuns: 2000 },
    );
  });

  it('denies a call with arguments that a rule that denies cannot compare, whatever allows it', () => {
    const calls = fc
      .tuple(some(address), amount)
      .map(([to, units]) => encodeFunctionData({ abi: TOKEN_CALLS, functionName: 'pay', args: [to, BigInt(units)] }));
    let allowed = 0;
    fc.assert(
      fc.property(rules, request, calls, unread, (given, asked, data, named) => {
        const call: DecisionRequest = { ...asked, chainId: CHAIN_ID, to: ADDRESSES[0] ?? null, value: 0n, data };
        const open = { effect: 'allow', match: { function: 'function pay(address[] to, uint256 units)' } };
        const policy = policyOf([...given, open]);
        if (decide(policy, call, usageOf([], call.time)).outcome === 'allow') allowed += 1;
        const set = policyOf([{ effect: 'deny', match: {} }]).rules.map((rule) => ({ ...rule, id: 'earlier', match: named }));
        const earlier = { ...policy, rules: [...policy.rules, ...set] } as SigningPolicy;
        expect(decide(earlier, call, usageOf([], call.time)).outcome).toBe('deny');
      }),
      { numRuns: 500 },
    );
    expect(allowed).toBeGreaterThan(50);
  });

  it('is exact to one wei at every cap, for native value and tokens alike', () => {
    fc.assert(
      fc.property(fc.bigInt(1n, 2n ** 255n), fc.bigInt(0n, 2n ** 255n), address, fc.boolean(), (room, before, to, native) => {
        const asset = native ? 'native' : to;
        const policy = policyOf([{ effect: 'allow', caps: [{ asset, at_most: String(before + room) }] }]);
        const usage = new SpendingWindow();
        usage.add('earlier', { rule: 'rule-0', time: TIME, spends: [{ asset, amount: before }] });
        const outcome = (units: bigint): string =>
          decide(
            policy,
            {
              ...{ chainId: CHAIN_ID, type: 'eip1559', to, gas: 60_000n, feePerGas: 1n, caller: 'key', time: TIME },
              value: native ? units : 0n,
              data: native ? '0x' : encodeFunctionData({ abi: TOKEN_CALLS, functionName: 'transfer', args: [to, units] }),
            },
            usage,
          ).outcome;
        expect([outcome(room), outcome(room + 1n)]).toEqual(['allow', 'deny']);
      }),
      { numRuns: 500 },
    );
  });

  it('counts a transaction that waits in every window', () => {
    const policy = policyOf([{ effect: 'allow', caps: [{ asset: 'native', at_most: '100' }] }]);
    const usage = new SpendingWindow();
    usage.add('waits', { rule: 'rule-0', time: Number.POSITIVE_INFINITY, spends: [{ asset: 'native', amount: 60n }] });
    const asked = (value: bigint, time: number): string =>
      decide(
        policy,
        {
          ...{ chainId: CHAIN_ID, type: 'eip1559', to: ADDRESSES[0] ?? null, gas: 21_000n, feePerGas: 1n, caller: 'key' },
          ...{ data: '0x', value, time },
        },
        usage,
      ).outcome;
    for (const time of [TIME, TIME + DAY, TIME + 400 * DAY])
      expect([asked(40n, time), asked(41n, time)]).toEqual(['allow', 'deny']);
    usage.forget(TIME + 400 * DAY);
    expect(asked(41n, TIME + 400 * DAY)).toBe('deny');
  });
});
