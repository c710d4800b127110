/**
 * The one decision about a transaction (spec/operator.md §11): a pure function of policy, request and what was spent before, so that
 * anyone can make it again from a receipt.
 */

import { decodeArguments, decodeSpending, type Spend, selectorOf } from './calldata.ts';
import type { Hex } from './hex.ts';
import type { Asset, PolicyRule, SigningPolicy } from './policy.ts';

/** Who asks. `tool`: a model, through a tool call of a prompt. */
export type Caller = 'key' | 'token' | 'tool';

/** A transaction as it is to be decided, complete but for its signature. */
export interface DecisionRequest {
  readonly chainId: number;
  readonly type: 'legacy' | 'eip1559';
  /** `null` creates a contract, which is denied. */
  readonly to: Hex | null;
  readonly value: bigint;
  /** Lower-case hex; `0x` for none. */
  readonly data: Hex;
  readonly gas: bigint;
  /** Highest price of one gas that the transaction pays. */
  readonly feePerGas: bigint;
  readonly caller: Caller;
  /** Epoch seconds. */
  readonly time: number;
}

/** What transactions under a rule spent: reserved and not yet known to be final as something else. */
export interface Usage {
  /** Spent of `asset` under `rule` after `since` (epoch seconds). */
  spent(rule: string, asset: Asset, since: number): bigint;
  /** Transactions under `rule` after `since`. */
  count(rule: string, since: number): number;
}

/** One counter, before and after. */
export interface Counter {
  readonly asset: Asset;
  readonly before: bigint;
  readonly after: bigint;
  readonly cap: bigint;
}

export type Decision =
  | {
      readonly outcome: 'allow';
      readonly rule: string;
      readonly spends: readonly Spend[];
      readonly counters: readonly Counter[];
    }
  /** Allowed once enough owners approved exactly this transaction. */
  | {
      readonly outcome: 'approve';
      readonly rule: string;
      readonly spends: readonly Spend[];
      readonly counters: readonly Counter[];
    }
  /** `rule`: the one that denied, or whose cap was met; `null` when none matched. */
  | { readonly outcome: 'deny'; readonly rule: string | null; readonly reason: string };

/**
 * Decides.
 * @param policy `null`: none is in force, everything is denied.
 * @example decide(policy, request, usage).outcome // 'deny'
 */
export function decide(policy: SigningPolicy | null, request: DecisionRequest, usage: Usage): Decision {
  const deny = (reason: string, rule: string | null = null): Decision => ({ outcome: 'deny', rule, reason });
  if (policy === null) return deny('no policy is in force');
  const chain = policy.chains[String(request.chainId)];
  if (chain === undefined) return deny(`the policy names no chain ${request.chainId}`);
  if (request.to === null) return deny('the transaction creates a contract');
  if (request.feePerGas > BigInt(chain.max_fee_per_gas))
    return deny(`the price of gas is ${request.feePerGas}, at most ${chain.max_fee_per_gas} is allowed`);
  if (request.gas > BigInt(chain.max_gas)) return deny(`gas is ${request.gas}, at most ${chain.max_gas} is allowed`);
  const call = callOf(request);
  const denying = policy.rules.find((rule) => rule.effect === 'deny' && matches(rule, request, call.spends));
  if (denying !== undefined) return deny('a rule denies it', denying.id);
  const allowing = policy.rules.filter(
    (rule) =>
      rule.effect === 'allow' && matches(rule, request, call.spends) && (call.decoded || rule.match.function !== undefined),
  );
  if (allowing.length === 0)
    return deny(call.decoded ? 'no rule allows it' : 'its calldata cannot be decoded, and no rule names its function');
  let refusal: Decision | null = null;
  for (const rule of allowing) {
    const decision = underRule(rule, request, call.spends, usage);
    if (decision.outcome !== 'deny') return decision;
    refusal ??= decision;
  }
  return refusal ?? deny('no rule allows it');
}

/** The native value and what the calldata spends. */
function callOf({ to, value, data }: DecisionRequest): { readonly decoded: boolean; readonly spends: readonly Spend[] } {
  const native: readonly Spend[] = value === 0n ? [] : [{ asset: 'native', amount: value, beneficiary: null }];
  if (data === '0x') return { decoded: true, spends: native };
  const decoded = to === null ? null : decodeSpending(to, data);
  return decoded === null ? { decoded: false, spends: native } : { decoded: true, spends: [...native, ...decoded.spends] };
}

function matches({ match }: PolicyRule, request: DecisionRequest, spends: readonly Spend[]): boolean {
  const { chainId, type, to, value, data, caller, time } = request;
  const at = new Date(time * 1000);
  const among = <Value>(list: readonly Value[] | undefined, found: Value): boolean =>
    list === undefined || list.includes(found);
  const receivers = spends.flatMap(({ beneficiary }) => (beneficiary === null ? [] : [beneficiary as string]));
  return (
    among(match.chain_ids, chainId) &&
    among(match.types, type) &&
    among(match.recipients, to as string) &&
    (match.beneficiaries === undefined ||
      (receivers.length > 0 && receivers.every((receiver) => match.beneficiaries?.includes(receiver)))) &&
    among(match.selectors, selectorOf(data) as string) &&
    (match.value_at_most === undefined || value <= BigInt(match.value_at_most)) &&
    (match.hours_utc === undefined || inHours(at.getUTCHours(), match.hours_utc)) &&
    among(match.weekdays_utc, at.getUTCDay()) &&
    among(match.callers, caller) &&
    fitsFunction(match, data)
  );
}

/** A span that ends before it begins goes over midnight. */
function inHours(hour: number, { from, to }: { readonly from: number; readonly to: number }): boolean {
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

function fitsFunction({ function: signature, arguments: wanted = [] }: PolicyRule['match'], data: Hex): boolean {
  if (signature === undefined) return true;
  const args = decodeArguments(signature, data);
  if (args === null) return false;
  return wanted.every(({ index, one_of: oneOf, at_most: most }) => {
    const found = args[index];
    if (found === undefined) return false;
    if (oneOf !== undefined && !oneOf.includes(found)) return false;
    return most === undefined || (/^[0-9]+$/.test(found) && BigInt(found) <= BigInt(most));
  });
}

function underRule(rule: PolicyRule, request: DecisionRequest, spends: readonly Spend[], usage: Usage): Decision {
  const { id, caps, rate, approval } = rule;
  const deny = (reason: string): Decision => ({ outcome: 'deny', rule: id, reason });
  const uncapped = spends.find(({ asset }) => !caps.some((cap) => cap.asset === asset));
  if (uncapped !== undefined) return deny(`it spends ${uncapped.asset}, for which the rule has no cap`);
  if (rate !== undefined && usage.count(id, request.time - rate.window_seconds) >= rate.at_most)
    return deny(`${rate.at_most} transactions in ${rate.window_seconds} s are made already`);
  const counters: Counter[] = [];
  for (const { asset, at_most: most, window_seconds: window } of caps) {
    const amount = amountOf(spends, asset);
    if (amount === 0n) continue;
    const before = usage.spent(id, asset as Asset, request.time - window);
    const counter = { asset: asset as Asset, before, after: before + amount, cap: BigInt(most) };
    if (counter.after > counter.cap)
      return deny(`${before} of ${most} ${asset} are spent in ${window} s, and it spends ${amount} more`);
    counters.push(counter);
  }
  const large = approval !== undefined && amountOf(spends, approval.asset) > BigInt(approval.above);
  return { outcome: large ? 'approve' : 'allow', rule: id, spends, counters };
}

function amountOf(spends: readonly Spend[], asset: string): bigint {
  return spends.reduce((sum, spend) => (spend.asset === asset ? sum + spend.amount : sum), 0n);
}
