/**
 * The decision about a message (EIP-191) or typed data (EIP-712) that the wallet is asked to sign (spec/operator.md §11): the same rules,
 * caps and windows as for transactions. A rule takes part only when it names the path; a message must fit its `message`, and typed data that
 * is not known to be a permit or an authorisation must fit its `typed_data`.
 */

import type { Spend } from './calldata.ts';
import { amongst, type Caller, type Decision, fitsReceivers, inTime, type Usage, underRule } from './decision.ts';
import type { PolicyRule, SigningPolicy } from './policy.ts';
import type { TypedData } from './typed-data.ts';

/** What is to be signed, and for whom. */
export type SignatureRequest = { readonly caller: Caller /** Epoch seconds. */; readonly time: number } & (
  | { readonly path: 'message'; readonly text: string }
  | { readonly path: 'typed-data'; readonly data: TypedData }
);

/**
 * Decides about a signature. Approvals cover transactions only: what would need one is denied.
 * @param policy `null`: none is in force, everything is denied.
 * @example decideSignature(policy, { path: 'message', text: 'hello', caller: 'key', time }, usage).outcome // 'deny'
 */
export function decideSignature(policy: SigningPolicy | null, request: SignatureRequest, usage: Usage): Decision {
  const deny = (reason: string, rule: string | null = null): Decision => ({ outcome: 'deny', rule, reason });
  if (policy === null) return deny('no policy is in force');
  const chainId = request.path === 'typed-data' ? request.data.domain.chainId : null;
  if (chainId !== null && policy.chains[String(chainId)] === undefined) return deny(`the policy names no chain ${chainId}`);
  const spends = request.path === 'typed-data' ? request.data.spends : [];
  if (spends === null && request.path === 'typed-data' && request.data.resembles)
    return deny('it has the name of a type that spends, and other members');
  if (spends !== null && spends.length > 0 && chainId === null) return deny('it spends, and its domain names no chain');
  const denying = policy.rules.find((rule) => rule.effect === 'deny' && matches(rule, request, spends ?? []));
  if (denying !== undefined) return deny('a rule denies it', denying.id);
  const allowing = policy.rules.filter(
    (rule) =>
      rule.effect === 'allow' &&
      matches(rule, request, spends ?? []) &&
      (spends !== null || rule.match.typed_data !== undefined),
  );
  if (allowing.length === 0)
    return deny(spends === null ? 'its type is not known, and no rule names it with its domain' : 'no rule allows it');
  let refusal: Decision | null = null;
  for (const rule of allowing) {
    const decision = underRule(rule, request.time, spends ?? [], usage);
    if (decision.outcome === 'allow') return decision;
    // As for a transaction, the first rule whose caps hold decides: a later one is no way around its line.
    if (decision.outcome === 'approve') return deny('it needs an approval of owners, which only transactions have', rule.id);
    refusal ??= decision;
  }
  return refusal ?? deny('no rule allows it');
}

function matches({ effect, match }: PolicyRule, request: SignatureRequest, spends: readonly Spend[]): boolean {
  // A rule that denies takes part on every path that it does not leave out.
  const named = match.paths === undefined ? effect === 'deny' : match.paths.includes(request.path);
  if (!named) return false;
  if (!inTime(match, request.time) || !amongst(match.callers, request.caller)) return false;
  // What only transactions have cannot fit.
  const { types, creates, delegates, blobs, selectors, function: signature, value_at_most: most } = match;
  if ([types, creates, delegates, blobs, selectors, signature, most].some((member) => member !== undefined)) return false;
  return request.path === 'message'
    ? match.chain_ids === undefined &&
        match.recipients === undefined &&
        match.beneficiaries === undefined &&
        match.typed_data === undefined &&
        (match.message === undefined ? effect === 'deny' : fitsText(match.message, request.text))
    : match.message === undefined && fitsData({ effect, match }, request.data, spends);
}

function fitsText(wanted: NonNullable<PolicyRule['match']['message']>, text: string): boolean {
  const { one_of: oneOf, starts_with: startsWith } = wanted;
  return (
    (oneOf === undefined || oneOf.includes(text)) &&
    (startsWith === undefined || startsWith.some((start) => text.startsWith(start)))
  );
}

function fitsData(
  { effect, match }: Pick<PolicyRule, 'effect' | 'match'>,
  { domain, primaryType }: TypedData,
  spends: readonly Spend[],
): boolean {
  const { typed_data: wanted } = match;
  // A domain that leaves its chain or contract out holds on each of them.
  const anywhere = (value: unknown): boolean => effect === 'deny' && value === null;
  if (wanted !== undefined) {
    const named = wanted.some(
      (each) =>
        each.primary_type === primaryType && each.verifying_contract === domain.contract && each.chain_id === domain.chainId,
    );
    if (!named) return false;
  }
  return (
    (anywhere(domain.chainId) || amongst<number | null>(match.chain_ids, domain.chainId)) &&
    (anywhere(domain.contract) || amongst<string | null>(match.recipients, domain.contract)) &&
    fitsReceivers({ effect, match }, spends)
  );
}
