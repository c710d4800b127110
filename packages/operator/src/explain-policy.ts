/** A policy in plain words, rule by rule, for owners who are about to sign it. Says what the rules say; decides nothing. */

import { withoutTrailing } from '@assay/encoding/text-ends';
import { NO_DELEGATE } from './authorization.ts';
import type { Asset, ChainSettings, PolicyRule, SigningPolicy } from './policy.ts';
import { secondNodeOf } from './second-node.ts';

/** One rule in sentences. */
export interface ExplainedRule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  /** One sentence, whole. */
  readonly summary: string;
  /** What must fit, and what is counted; a sentence each. */
  readonly conditions: readonly string[];
}

/** A policy in sentences. */
export interface ExplainedPolicy {
  /** A sentence a chain. */
  readonly chains: readonly string[];
  readonly rules: readonly ExplainedRule[];
  /** What holds whatever the rules say. */
  readonly always: readonly string[];
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const CALLERS: Readonly<Record<string, string>> = {
  key: 'callers with the API key',
  token: 'callers with secret_token',
  tool: 'a tool call of a model',
};
const NATIVE_DECIMALS = 18;

/**
 * The policy as sentences.
 * @example explainPolicy(parseSigningPolicy(text)).rules[0]?.summary // 'Allows transactions to 0x8669…6dba.'
 */
export function explainPolicy(policy: SigningPolicy): ExplainedPolicy {
  return {
    chains: Object.entries(policy.chains).map(([id, chain]) => {
      const nodes = chain.rpc_urls.join(', ');
      const second = secondOf(chain);
      const most = amountOf('native', chain.max_fee_per_gas);
      const newer = chain.takes === undefined ? '' : ` It takes transactions of type ${chain.takes.join(' and ')}.`;
      return `Chain ${id}, through ${nodes}. An inclusion counts after ${count(chain.confirmations, 'block')}${second}. One gas costs at most ${most}, one transaction takes at most ${chain.max_gas} gas.${newer}`;
    }),
    rules: policy.rules.map((rule) => ({
      id: rule.id,
      effect: rule.effect,
      summary: summaryOf(rule),
      conditions: [...conditionsOf(rule), ...countersOf(rule)],
    })),
    always: [
      'What no rule allows is denied; a rule that denies wins.',
      'Calldata that cannot be decoded is denied, unless a rule names its function.',
      'Contract creation, blobs and EIP-7702 delegation are denied, unless a rule names them. What blobs cost counts as spent.',
      'Allowances, permits and authorisations count as much as transfers.',
    ],
  };
}

/** Who must agree to an inclusion. Policies of earlier releases may name a node of `rpc_urls`, which does not confirm itself. */
function secondOf(chain: ChainSettings): string {
  const alone = chain.rpc_urls.filter((url) => secondNodeOf(chain, url) === null);
  const counts = 'so a payment that is cancelled counts until its window ends';
  if (alone.length === chain.rpc_urls.length) return `: no second node has to agree, ${counts}`;
  const through = alone.length === 0 ? '' : `, but not for what goes through ${either(alone)}, ${counts}`;
  return `, and ${chain.confirming_rpc_url} must agree${through}`;
}

type Kind = 'transaction' | 'message' | 'typed-data';

const KINDS: readonly Kind[] = ['transaction', 'message', 'typed-data'];
const SIGNATURES = { message: 'signatures of messages', 'typed-data': 'signatures of typed data' } as const;
const ONLY_TRANSACTIONS = ['types', 'creates', 'delegates', 'blobs', 'selectors', 'function', 'value_at_most'] as const;
const NOT_OF_MESSAGES = ['chain_ids', 'recipients', 'beneficiaries', 'typed_data'] as const;

/** What a rule can fit (`decision.ts`, `signature-decision.ts`). */
function kindsOf({ effect, match }: PolicyRule): readonly Kind[] {
  const named: readonly Kind[] = match.paths ?? (effect === 'deny' ? KINDS : ['transaction']);
  const has = (members: readonly (keyof PolicyRule['match'])[]): boolean =>
    members.some((member) => match[member] !== undefined);
  const fits: Readonly<Record<Kind, boolean>> = {
    transaction: !has(['message', 'typed_data']),
    message: !has([...ONLY_TRANSACTIONS, ...NOT_OF_MESSAGES]) && (effect === 'deny' || match.message !== undefined),
    'typed-data': !has([...ONLY_TRANSACTIONS, 'message']),
  };
  return KINDS.filter((kind) => named.includes(kind) && fits[kind]);
}

function summaryOf(rule: PolicyRule): string {
  const { effect, match, caps } = rule;
  const kinds = kindsOf(rule);
  const verb = effect === 'deny' ? 'Denies' : 'Allows';
  if (kinds.length === 0) return `${verb} nothing: no request has all that the rule wants.`;
  if (effect === 'deny' && isEmpty(match)) return 'Denies everything.';
  const what = both(kinds.map((kind) => (kind === 'transaction' ? transactionsOf(match) : SIGNATURES[kind])));
  const to = match.recipients === undefined ? '' : ` to ${either(match.recipients.map(short))}`;
  if (effect === 'deny') return `Denies ${what}${to}.`;
  if (match.delegates?.some((each) => each !== NO_DELEGATE) === true)
    return `Allows ${what}${to}: the code of the delegate can spend everything the wallet has.`;
  if (kinds.every((kind) => kind === 'message')) return `Allows ${what}.`;
  const spends =
    caps.length === 0
      ? ', spending nothing'
      : `, spending ${both(caps.map((cap) => `at most ${amountOf(cap.asset, cap.at_most)}`))}`;
  return `Allows ${what}${to}${spends}.`;
}

function transactionsOf({ function: signature, creates, delegates, blobs }: PolicyRule['match']): string {
  if (creates !== undefined) return 'contract creation';
  if (delegates !== undefined) return 'delegation (EIP-7702)';
  if (blobs !== undefined) return 'transactions with blobs';
  return signature === undefined ? 'transactions' : `calls of ${signature.replace(/^function /, '')}`;
}

/** What is signed without a transaction (spec/operator.md §11). */
function signatureConditionsOf({ effect, match }: PolicyRule, kinds: readonly Kind[]): readonly string[] {
  const { message, typed_data: types, paths } = match;
  const lines: string[] = [];
  if (message?.one_of !== undefined) lines.push(`The message is ${either(message.one_of.map(quoted))}.`);
  if (message?.starts_with !== undefined) lines.push(`The message starts with ${either(message.starts_with.map(quoted))}.`);
  if (paths?.includes('message') === true && !kinds.includes('message'))
    lines.push('No message fits: a rule that allows messages needs `message`, and nothing that messages lack.');
  if (types !== undefined) lines.push(`The typed data is ${either(types.map(typeOf))}.`);
  if (effect === 'allow' && types === undefined && kinds.includes('typed-data'))
    lines.push('Of typed data, only the permits and authorisations that are known.');
  return lines;
}

type TypedDataRule = NonNullable<PolicyRule['match']['typed_data']>[number];

function typeOf({ primary_type: type, verifying_contract: contract, chain_id: chain }: TypedDataRule): string {
  const where = contract === null ? 'a domain without a contract' : `contract ${contract}`;
  return `${quoted(type)} of ${where}${chain === null ? ' and without a chain' : ` on chain ${chain}`}`;
}

function conditionsOf(rule: PolicyRule): readonly string[] {
  const { effect, match } = rule;
  const kinds = kindsOf(rule);
  const lines: (string | null)[] = [
    ...signatureConditionsOf(rule, kinds),
    match.chain_ids === undefined ? null : `On chain ${either(match.chain_ids.map(String))}.`,
    match.types === undefined ? null : `Of type ${either(match.types)}.`,
    match.creates === undefined || match.creates.includes('any') ? null : `Of code with hash ${either(match.creates)}.`,
    match.delegates === undefined ? null : delegationOf(match.delegates, effect),
    match.blobs === undefined
      ? null
      : `With at most ${count(match.blobs.at_most, 'blob')}, at most ${amountOf('native', match.blobs.max_fee_per_blob_gas)} for one blob gas.`,
    match.recipients === undefined ? null : recipientsOf(match.recipients, kinds),
    match.beneficiaries === undefined ? null : `Tokens go to, or may be spent by, ${either(match.beneficiaries)}.`,
    match.selectors === undefined ? null : `The call has selector ${either(match.selectors)}.`,
    ...(match.arguments ?? []).map(({ index, one_of: values, at_most: most }) => {
      const one = values === undefined ? '' : ` is ${either(values)}`;
      return `Argument ${index + 1}${one}${most === undefined ? '' : `${one === '' ? '' : ' and'} is at most ${most}`}.`;
    }),
    match.value_at_most === undefined ? null : `One transaction sends at most ${amountOf('native', match.value_at_most)}.`,
    match.hours_utc === undefined ? null : `From ${match.hours_utc.from}:00 to ${match.hours_utc.to}:00 UTC.`,
    match.weekdays_utc === undefined ? null : `On ${either(match.weekdays_utc.map((day) => DAYS[day] ?? String(day)))} (UTC).`,
    match.callers === undefined ? null : `Asked for by ${either(match.callers.map((caller) => CALLERS[caller] ?? caller))}.`,
  ];
  return lines.filter((line) => line !== null);
}

function recipientsOf(recipients: readonly string[], kinds: readonly Kind[]): string {
  if (!kinds.includes('typed-data')) return `Sent to ${either(recipients)}.`;
  const sent = kinds.includes('transaction') ? 'Sent to, or of the contract,' : 'The contract of the typed data is';
  return `${sent} ${either(recipients)}.`;
}

function countersOf(rule: PolicyRule): readonly string[] {
  const { match, caps, rate, approval } = rule;
  const kinds = kindsOf(rule);
  const together = kinds.includes('typed-data') || kinds.includes('message') ? 'All that is signed' : 'All transactions';
  const one = together === 'All transactions' ? 'transaction' : 'signature';
  const lines = caps.map(
    ({ asset, at_most: most, window_seconds: window }) =>
      `${together} under this rule together: at most ${amountOf(asset, most)} in ${spanOf(window)}.`,
  );
  if (rate !== undefined) lines.push(`At most ${count(rate.at_most, one)} in ${spanOf(rate.window_seconds)}.`);
  if (approval !== undefined && match.delegates !== undefined) lines.push('Owners must approve each delegation.');
  else if (approval !== undefined)
    lines.push(`Owners must approve a transaction that spends more than ${amountOf(approval.asset, approval.above)}.`);
  if (approval !== undefined && kinds.includes('typed-data'))
    lines.push('Typed data that spends more is denied: owners approve transactions only.');
  return lines;
}

/**
 * An amount for people: the native coin in whole coins with its wei, tokens in their smallest unit, because their decimals are not known.
 * @example amountOf('native', '10000000000000000') // '0.01 of the native coin (10000000000000000 wei)'
 */
export function amountOf(asset: Asset | string, amount: string): string {
  if (asset !== 'native') return `${amount} smallest units of token ${asset}`;
  return `${coinsOf(amount)} of the native coin (${amount} wei)`;
}

/** @example coinsOf('10000000000000000') // '0.01' */
export function coinsOf(wei: string): string {
  const digits = wei.padStart(NATIVE_DECIMALS + 1, '0');
  const fraction = withoutTrailing(digits.slice(-NATIVE_DECIMALS), '0');
  return fraction === '' ? digits.slice(0, -NATIVE_DECIMALS) : `${digits.slice(0, -NATIVE_DECIMALS)}.${fraction}`;
}

/** What delegation means is said with each rule that names it, because caps do not hold for the code of a delegate. */
function delegationOf(delegates: readonly string[], effect: PolicyRule['effect']): string {
  if (effect === 'deny') return `The delegate is ${either(delegates)}.`;
  const contracts = delegates.filter((each) => each !== NO_DELEGATE);
  const revoked = contracts.length < delegates.length ? ['Delegation may be revoked.'] : [];
  if (contracts.length === 0) return revoked.join(' ');
  const code = `The code of ${either(contracts)} may run as the wallet: it can spend everything the wallet has, whatever caps say.`;
  return [code, ...revoked].join(' ');
}

function isEmpty(match: PolicyRule['match']): boolean {
  return Object.values(match).every((member) => member === undefined);
}

function short(address: string): string {
  return address.length > 14 ? `${address.slice(0, 6)}…${address.slice(-4)}` : address;
}

function either(values: readonly string[]): string {
  return values.length < 2 ? (values[0] ?? 'none') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function both(values: readonly string[]): string {
  return values.length < 2 ? (values[0] ?? '') : `${values.slice(0, -1).join(', ')} and ${values.at(-1)}`;
}

/** Text that another party chose, told from the words around it. */
const quoted = (text: string): string => JSON.stringify(text);

function spanOf(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 86_400) return count(seconds / 86_400, 'day');
  if (seconds % 3600 === 0) return count(seconds / 3600, 'hour');
  return seconds % 60 === 0 ? count(seconds / 60, 'minute') : count(seconds, 'second');
}

function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? '' : 's'}`;
}
