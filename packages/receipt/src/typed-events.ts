/**
 * The events of a receipt as a union that `type` narrows (spec/receipt.md §2, §3). An event of another type, or with other fields, is an
 * {@link UnknownEvent}: readers ignore it.
 *
 * Not checked: the receipt's signature, and hashes against bytes.
 */

import type { Json } from '@assay/encoding/json';
import type { ReceiptEvent } from './events.ts';

/** What a field holds; `?`: absent or `null` where there is nothing to say. */
type Field = 'text' | 'number' | 'flag' | 'text?' | 'number?' | 'flag?';

const EVENT_FIELDS = {
  'request.received': { body_hash: 'text' },
  'response.returned': { body_hash: 'text', form: 'text?' },
  'task.received': { task_id: 'text', task: 'text', nonce: 'text?' },
  'model.called': {
    ...{ provider: 'text', model: 'text', provenance: 'text', attempt: 'number?', url: 'text?', session_id: 'text?' },
    ...{ model_hash: 'text?', profile_hash: 'text?', transcript_hash: 'text?' },
    ...{ prompt_hash: 'text?', request_hash: 'text?', response_hash: 'text?', finish_reason: 'text?', error: 'text?' },
  },
  'model.loaded': { model: 'text', model_hash: 'text', profile_hash: 'text' },
  'log.loss-acknowledged': { signed_size: 'number', signed_root: 'text', found_size: 'number', acknowledged_at: 'number' },
  'clock.compared': { agent_ms: 'number', platform_ms: 'number', drift_ms: 'number' },
  'payloads.erased': { receipt_id: 'text', erased_at: 'number' },
  'data-key.rotated': { from: 'text', to: 'text', rotated_at: 'number' },
  'version.floor-raised': { version: 'text', floor: 'text', previous: 'text?' },
  'fleet.listed': { agents: 'number', fleet_hash: 'text' },
  'upstream.signed': {
    ...{ session_id: 'text', chat_id: 'text', signing_address: 'text', signing_algo: 'text', signature_hash: 'text' },
    ...{ request_hash: 'text', response_hash: 'text', simulated: 'flag', sealed: 'text?', attempt: 'number?' },
  },
  'upstream.sealed': {
    ...{ session_id: 'text', sealed: 'text', encapsulated_key: 'text', response_nonce: 'text' },
    ...{ request_hash: 'text', response_hash: 'text', simulated: 'flag', attempt: 'number?' },
  },
  'code.proposed': { attempt: 'number', language: 'text', code_hash: 'text' },
  'code.reviewed': {
    ...{ attempt: 'number', decision: 'text', proposed_hash: 'text', code_hash: 'text?', review_hash: 'text?' },
  },
  'code.generated': { language: 'text', code_hash: 'text', source: 'text', attempt: 'number?' },
  'code.executed': {
    ...{ language: 'text', code_hash: 'text', claim_hash: 'text', status: 'text', lane: 'text', isolation: 'text' },
    ...{ stdout_hash: 'text', stderr_hash: 'text', environment_hash: 'text', reproducibility: 'text' },
    ...{ attempt: 'number?', exit_code: 'number?', stdin_hash: 'text?', network_hash: 'text?', error_hash: 'text?' },
  },
  'code.missing': { attempt: 'number', code: 'text', error_hash: 'text' },
  'tool.called': { tool: 'text', arguments_hash: 'text', status: 'text', call_id: 'text?', result_hash: 'text?' },
  'file.read': { path: 'text', content_hash: 'text', bytes: 'number' },
  'file.written': { path: 'text', content_hash: 'text', bytes: 'number' },
  'file.collected': { path: 'text', content_hash: 'text', bytes: 'number', media_type: 'text', attempt: 'number?' },
  'network.fetched': { transcript_hash: 'text', exchanges: 'number', attempt: 'number?' },
  'variable.set': {
    ...{ form: 'text', agent_id: 'text', name: 'text', visibility: 'text', mutability: 'text', version: 'number' },
    ...{ change: 'text', previous: 'text', value_commitment: 'text', policy: 'text' },
  },
  'variable.refused': { agent_id: 'text', code: 'text', left_out: 'number' },
  'owners.changed': { agent_id: 'text', version: 'number', change: 'text', previous: 'text', threshold: 'number' },
  'policy.changed': { agent_id: 'text', version: 'number', change: 'text', previous: 'text', policy: 'text' },
  'signing.paused': { agent_id: 'text', version: 'number', change: 'text', previous: 'text', paused: 'flag' },
  'decision.made': {
    ...{ agent_id: 'text', path: 'text', outcome: 'text', policy: 'text', policy_version: 'number', caller: 'text' },
    ...{ rule: 'text?', request_hash: 'text?', cause: 'text?', reason: 'text?', action: 'text?' },
  },
  'approval.requested': { approval: 'text', chain_id: 'text', needed: 'number' },
  'authorization.signed': {
    ...{ chain_id: 'text', signer: 'text', delegate: 'text', account_nonce: 'number', digest: 'text', signature_hash: 'text' },
  },
  'transaction.signed': {
    ...{ chain_id: 'text', from: 'text', to: 'text?', creates: 'text?', value: 'text', account_nonce: 'number' },
    ...{
      unsigned_digest: 'text',
      signed_hash: 'text',
      transaction_id: 'text',
      policy: 'text',
      simulation: 'text',
      rollback: 'text',
      blob_fee: 'text?',
    },
  },
  'transaction.sent': { transaction_id: 'text', cites: 'text', taken: 'flag', reason: 'text?' },
  'transaction.included': { transaction_id: 'text', chain_id: 'text', cites: 'text', block_number: 'text', success: 'flag' },
  'transaction.replaced': {
    ...{ transaction_id: 'text', chain_id: 'text', cites: 'text', replaced_by: 'text', block_number: 'text', block: 'text' },
    ...{ confirmations: 'number', confirmed_by: 'text' },
  },
  'state.written': { collection: 'text', generation: 'number', state_hash: 'text' },
  'state.anchored': { anchor: 'text', name: 'text', size: 'number', root: 'text', checkpoint_hash: 'text' },
  'state.behind': { agent_id: 'text', anchor: 'text', size: 'number', checkpoint_hash: 'text' },
  'head.acknowledged': { agent_id: 'text', version: 'number', size: 'number', without_witness: 'flag?' },
  'state.acknowledged': { agent_id: 'text', version: 'number', chain_id: 'text', account_nonce: 'number' },
  'operator.refused': { agent_id: 'text', message: 'text', code: 'text', left_out: 'number' },
  'contract.audited': {
    ...{ audit_hash: 'text', build_hash: 'text', input_hash: 'text', analyzer: 'text', policy: 'text', passed: 'flag' },
    ...{ dependencies: 'text', findings: 'number', uncounted: 'number', highest_impact: 'text?' },
  },
  'contract.linted': {
    ...{ outcome: 'text', linter: 'text?', lint_hash: 'text?', findings: 'number?', reason: 'text?' },
    ...{ sources: 'number?', unread: 'number?' },
  },
  'finding.claimed': { claims_hash: 'text', invariant: 'text?', case_hash: 'text?', observations_hash: 'text?' },
  'finding.demonstrated': { claims_hash: 'text', invariant: 'text', case_hash: 'text', observations_hash: 'text' },
  'contract.built': {
    ...{ build_hash: 'text', input_hash: 'text', settings_hash: 'text', compiler: 'text', compiler_hash: 'text' },
    ...{ compiler_integrity: 'text', contracts: 'number', provenance_hash: 'text?' },
  },
  'transcript.bound': {
    ...{ session_id: 'text', index: 'number', previous_hash: 'text?', attestation_hash: 'text', model_hash: 'text' },
    ...{ session_nonce: 'text', channel: 'text' },
  },
  'transcripts.bundled': { session_id: 'text', count: 'number', last_hash: 'text?' },
  'comparison.planned': { plan_hash: 'text', key_hash: 'text', tier: 'text' },
  'models.compared': { plan_hash: 'text', record_hash: 'text', verdict: 'text', queries: 'number', cites: 'text' },
  'task.completed': { result_hash: 'text', retries: 'number?' },
  'task.failed': { code: 'text', error_hash: 'text?', retries: 'number?' },
  'payload.kept': { name: 'text', media_type: 'text', bytes: 'number', hash: 'text' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

type Values = {
  readonly text: string;
  readonly number: number;
  readonly flag: boolean;
  readonly 'text?': string | null | undefined;
  readonly 'number?': number | null | undefined;
  readonly 'flag?': boolean | null | undefined;
};
type FieldsOf<Type extends KnownEventType> = (typeof EVENT_FIELDS)[Type];

export type KnownEventType = keyof typeof EVENT_FIELDS;

/** An event of this type, its fields of their types. */
export type EventOf<Type extends KnownEventType> = { readonly type: Type } & {
  readonly [Name in keyof FieldsOf<Type>]: FieldsOf<Type>[Name] extends Field ? Values[FieldsOf<Type>[Name]] : never;
};

/** Real types have a dot, so that this one is none of them. */
export interface UnknownEvent {
  readonly type: 'unknown';
  readonly event: ReceiptEvent;
}

export type TypedEvent = { [Type in KnownEventType]: EventOf<Type> }[KnownEventType] | UnknownEvent;

/**
 * The event by its type.
 * @example
 * for (const event of receipt.event_log.map(typedEvent)) if (event.type === 'file.collected') console.log(event.path, event.bytes);
 */
export function typedEvent(event: ReceiptEvent): TypedEvent {
  const fields: Readonly<Record<string, Field>> | undefined = Object.hasOwn(EVENT_FIELDS, event.type)
    ? EVENT_FIELDS[event.type as KnownEventType]
    : undefined;
  const fits = fields !== undefined && Object.entries(fields).every(([name, field]) => holds(event[name], field));
  return fits ? (event as unknown as TypedEvent) : { type: 'unknown', event };
}

/**
 * The events of one type, in order.
 * @example eventsOf(receipt.event_log, 'model.called').map(({ model }) => model)
 */
export function eventsOf<Type extends KnownEventType>(events: readonly ReceiptEvent[], type: Type): readonly EventOf<Type>[] {
  return events.map(typedEvent).filter((event): event is EventOf<Type> & TypedEvent => event.type === type);
}

function holds(value: Json | undefined, field: Field): boolean {
  if (field.endsWith('?') && (value === undefined || value === null)) return true;
  if (field.startsWith('text')) return typeof value === 'string';
  return typeof value === (field.startsWith('number') ? 'number' : 'boolean');
}
