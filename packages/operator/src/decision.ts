/**
 * The one decision about a transaction (spec/operator.md §11): a pure function of policy, request and what was spent before, so that
 * anyone can make it again from a receipt.
 */

import { GAS_PER_BLOB } from './blob-sidecar.ts';
import { decodeArguments, decodeSpending, type Spend, selectorOf } from './calldata.ts';
import { functionOf } from './function-signature.ts';
import { bytesOf, type Hex, keccakOf } from './hex.ts';
import type { Asset, ChainSettings, PolicyRule, SigningPolicy } from './policy.ts';
import type { BlobFields, TransactionType } from './transaction.ts';

/** Who asks. `tool`: a model, through a tool call of a prompt. */
export type Caller = 'key' | 'token' | 'tool';

/** A transaction as it is to be decided, complete but for its signature. */
export interface DecisionRequest {
  readonly chainId: number;
  readonly type: TransactionType;
  /** `null` creates a contract, which only a rule with `creates` allows. */
  readonly to: Hex | null;
  readonly value: bigint;
  /** Lower-case hex; `0x` for none. */
  readonly data: Hex;
  readonly gas: bigint;
  /** Highest price of one gas that the transaction pays. */
  readonly feePerGas: bigint;
  /** Of `eip7702`, and of it alone: the contract whose code is to run as the wallet, or the zero address, which revokes. */
  readonly delegate?: Hex | undefined;
  /** Of `eip4844`, and of it alone. */
  readonly blobs?: BlobFields | undefined;
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

/** What a policy says about one transaction. */
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
  if (request.feePerGas > BigInt(chain.max_fee_per_gas))
    return deny(`the price of gas is ${request.feePerGas}, at most ${chain.max_fee_per_gas} is allowed`);
  if (request.gas > BigInt(chain.max_gas)) return deny(`gas is ${request.gas}, at most ${chain.max_gas} is allowed`);
  if ((request.type === 'eip7702') !== (request.delegate !== undefined) || (request.type === 'eip4844') !== hasBlobs(request))
    return deny(`a transaction of type ${request.type} has other members`);
  if (!takes(chain, request.type))
    return deny(`the policy does not say that chain ${request.chainId} takes the type ${request.type} (\`takes\`)`);
  if (request.blobs?.feePerBlobGas === 0n) return deny('the price of blob gas is 0, and no chain takes less than 1');
  const call = callOf(request);
  const denying = policy.rules.find((rule) => rule.effect === 'deny' && matches(rule, request, call.spends));
  if (denying !== undefined) return deny('a rule denies it', denying.id);
  const allowing = policy.rules.filter(
    (rule) =>
      rule.effect === 'allow' && matches(rule, request, call.spends) && (call.decoded || rule.match.function !== undefined),
  );
  if (allowing.length === 0) return deny(unnamed(request, call.decoded));
  let refusal: Decision | null = null;
  for (const rule of allowing) {
    const decision = underRule(rule, request.time, call.spends, usage);
    // What a delegate spends shows in no amount, so that no line for approvals is low enough.
    if (decision.outcome === 'allow' && request.delegate !== undefined && rule.approval !== undefined)
      return { ...decision, outcome: 'approve' };
    if (decision.outcome !== 'deny') return decision;
    refusal ??= decision;
  }
  return refusal ?? deny('no rule allows it');
}

/** Nodes of a chain without a newer type refuse it, and every later transaction waits behind it. */
function takes({ takes: newer = [] }: ChainSettings, type: TransactionType): boolean {
  return (type !== 'eip4844' && type !== 'eip7702') || newer.includes(type);
}

const hasBlobs = ({ blobs }: DecisionRequest): boolean => blobs !== undefined && blobs.versionedHashes.length > 0;

function unnamed({ to, delegate, blobs }: DecisionRequest, decoded: boolean): string {
  if (to === null) return 'the transaction creates a contract, and no rule names that';
  if (delegate !== undefined) return `it lets the code of ${delegate} run as the wallet, and no rule allows that`;
  if (blobs !== undefined) return 'it carries blobs, and no rule allows these';
  return decoded ? 'no rule allows it' : 'its calldata cannot be decoded, and no rule names its function';
}

/**
 * The most that the blobs of a transaction cost, wei.
 * @example blobFeeOf({ versionedHashes, feePerBlobGas })
 */
export function blobFeeOf({ versionedHashes, feePerBlobGas }: BlobFields): bigint {
  return GAS_PER_BLOB * BigInt(versionedHashes.length) * feePerBlobGas;
}

/**
 * The native value, the price of blobs and what the calldata spends. Creation code runs as the new contract, which has nothing of the wallet
 * but the value.
 */
function callOf({ to, value, data, blobs }: DecisionRequest): { readonly decoded: boolean; readonly spends: readonly Spend[] } {
  const amounts = [value, blobs === undefined ? 0n : blobFeeOf(blobs)].filter((amount) => amount > 0n);
  const native = amounts.map((amount): Spend => ({ asset: 'native', amount, beneficiary: null }));
  if (data === '0x' || to === null) return { decoded: true, spends: native };
  const decoded = decodeSpending(to, data);
  return decoded === null ? { decoded: false, spends: native } : { decoded: true, spends: [...native, ...decoded.spends] };
}

function matches({ effect, match }: PolicyRule, request: DecisionRequest, spends: readonly Spend[]): boolean {
  const { chainId, type, to, value, data, caller, time } = request;
  return (
    (match.paths === undefined || match.paths.includes('transaction')) &&
    match.message === undefined &&
    match.typed_data === undefined &&
    amongst(match.chain_ids, chainId) &&
    amongst(match.types, type) &&
    fitsCreation(match.creates, effect, request) &&
    fitsDelegate(match.delegates, effect, request) &&
    fitsBlobs(match.blobs, effect, request) &&
    amongst(match.recipients, to as string) &&
    fitsReceivers({ effect, match }, spends) &&
    amongst(match.selectors, selectorOf(data) as string) &&
    (match.value_at_most === undefined || value <= BigInt(match.value_at_most)) &&
    inTime(match, time) &&
    amongst(match.callers, caller) &&
    fitsFunction(match, effect, data)
  );
}

/** A rule that names creation is for creation alone; one that does not may still deny it. */
function fitsCreation(
  creates: PolicyRule['match']['creates'],
  effect: PolicyRule['effect'],
  { to, data }: DecisionRequest,
): boolean {
  if (creates === undefined) return to !== null || effect === 'deny';
  return to === null && (creates.includes('any') || creates.includes(keccakOf(bytesOf(data))));
}

/** A rule that names delegates is for delegation alone; one that does not may still deny it. */
function fitsDelegate(
  delegates: PolicyRule['match']['delegates'],
  effect: PolicyRule['effect'],
  { delegate }: DecisionRequest,
): boolean {
  if (delegates === undefined) return delegate === undefined || effect === 'deny';
  return delegate !== undefined && delegates.includes(delegate);
}

/** A rule that names blobs is for transactions with blobs alone; one that does not may still deny them. */
function fitsBlobs(limits: PolicyRule['match']['blobs'], effect: PolicyRule['effect'], { blobs }: DecisionRequest): boolean {
  if (limits === undefined) return blobs === undefined || effect === 'deny';
  return (
    blobs !== undefined &&
    blobs.versionedHashes.length <= limits.at_most &&
    blobs.feePerBlobGas <= BigInt(limits.max_fee_per_blob_gas)
  );
}

/**
 * A list that a rule leaves out holds everything.
 * @example amongst(undefined, 'anything') // true
 */
export function amongst<Value>(list: readonly Value[] | undefined, found: Value): boolean {
  return list === undefined || list.includes(found);
}

/**
 * Whether those who receive tokens, or may spend them, are those of the rule: all of them for a rule that allows, one of them for a rule that denies.
 * @example fitsReceivers(rule, spends)
 */
export function fitsReceivers({ effect, match }: Pick<PolicyRule, 'effect' | 'match'>, spends: readonly Spend[]): boolean {
  const { beneficiaries } = match;
  if (beneficiaries === undefined) return true;
  const receivers = spends.flatMap(({ beneficiary }) => (beneficiary === null ? [] : [beneficiary]));
  const named = receivers.filter((receiver) => beneficiaries.includes(receiver));
  return named.length > 0 && (effect === 'deny' || named.length === receivers.length);
}

/**
 * Whether a time lies in the hours and on the days of a rule.
 * @example inTime({ hours_utc: { from: 9, to: 17 } }, Date.now() / 1000)
 */
export function inTime({ hours_utc: hours, weekdays_utc: days }: PolicyRule['match'], time: number): boolean {
  const at = new Date(time * 1000);
  return (hours === undefined || inHours(at.getUTCHours(), hours)) && amongst(days, at.getUTCDay());
}

/** A span that ends before it begins goes over midnight. */
function inHours(hour: number, { from, to }: { readonly from: number; readonly to: number }): boolean {
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}

/** What cannot be compared fits a rule that denies, and no rule that allows. */
function fitsFunction(
  { function: signature, arguments: wanted = [] }: PolicyRule['match'],
  effect: PolicyRule['effect'],
  data: Hex,
): boolean {
  if (signature === undefined) return true;
  const unknown = effect === 'deny';
  const called = functionOf(signature);
  if (called === null) return unknown;
  if (called.selector !== selectorOf(data)) return false;
  const args = decodeArguments(signature, data);
  if (args === null) return unknown;
  return wanted.every(({ index, one_of: oneOf, at_most: most }) => {
    const found = args[index];
    if (found === undefined || found === null) return unknown;
    if (oneOf !== undefined && !oneOf.includes(found)) return false;
    if (most === undefined) return true;
    return /^[0-9]+$/.test(found) ? BigInt(found) <= BigInt(most) : unknown;
  });
}

/**
 * The decision of one rule that matched: its rate, its caps, its line for approvals. `time`: epoch seconds.
 * @example underRule(rule, Math.floor(Date.now() / 1000), spends, usage).outcome
 */
export function underRule(rule: PolicyRule, time: number, spends: readonly Spend[], usage: Usage): Decision {
  const { id, caps, rate, approval } = rule;
  const deny = (reason: string): Decision => ({ outcome: 'deny', rule: id, reason });
  const uncapped = spends.find(({ asset }) => !caps.some((cap) => cap.asset === asset));
  if (uncapped !== undefined) return deny(`it spends ${uncapped.asset}, for which the rule has no cap`);
  if (rate !== undefined && usage.count(id, time - rate.window_seconds) >= rate.at_most)
    return deny(`${rate.at_most} transactions in ${rate.window_seconds} s are made already`);
  const counters: Counter[] = [];
  for (const { asset, at_most: most, window_seconds: window } of caps) {
    const amount = amountOf(spends, asset);
    if (amount === 0n) continue;
    const before = usage.spent(id, asset as Asset, time - window);
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
