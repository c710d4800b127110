/**
 * Rechecks what owners changed, from the receipts alone (spec/operator.md §7): each change was signed by owners who were in force then, and
 * follows the previous one from the manifest on. The receipts are authentic when the bundle that held them was verified.
 *
 * Not checked: that these are all changes. Versions have no gap up to the last one shown.
 */

import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { z } from 'zod';
import { acceptControl, type ControlState, initialControl } from './control.ts';
import { OperatorError } from './errors.ts';
import { type Hex, hash32Schema, keccakOf, signatureSchema } from './hex.ts';
import { legacyText, verifyLegacyMessage } from './legacy-message.ts';
import { agentId, type Manifest, manifestDigest, parseManifest } from './manifest.ts';
import { parseOwnerMessage } from './owner-message.ts';
import { acceptChange, matchValue, unsetVariable, type VariableState } from './variables.ts';

/** One receipt of an authentic bundle. */
export interface HistoryReceipt {
  readonly receiptId: string;
  /** Epoch seconds by the enclave's clock. */
  readonly time: number;
  /** Subject of the keyset that sealed it. */
  readonly subject: string | null;
  readonly events: readonly ({ readonly type: string } & JsonObject)[];
  /** A kept payload by its name; `null` when it was left out. */
  payload(name: string): Uint8Array | null;
}

/** One change that holds. */
export interface RecheckedChange {
  readonly receiptId: string;
  readonly time: number;
  /** Name of the variable, or `owners`, `policy`, `paused`. */
  readonly subject: string;
  readonly version: number;
  readonly form: 'eip712' | 'legacy';
  /** Empty for a legacy message. */
  readonly signers: readonly Hex[];
}

/** What the history comes to. */
export interface RecheckedHistory {
  readonly agentId: Hex;
  readonly manifest: Manifest;
  readonly changes: readonly RecheckedChange[];
  readonly control: ControlState;
  readonly variables: ReadonlyMap<string, VariableState>;
}

/** The agent held an expiry against its clock a moment before it sealed. Seconds. */
const SEALING_SECONDS = 120;

const agentSchema = z.strictObject({
  manifest: z.unknown(),
  log: z.string(),
  log_keys: z.array(z.string()),
  secret: hash32Schema,
});
const changeSchema = z.looseObject({
  type: z.string(),
  fields: z.unknown(),
  signatures: z.array(signatureSchema).optional(),
  signature: z.string().optional(),
  salt: hash32Schema.optional(),
  value: z.string().optional(),
});
const legacySchema = z.strictObject({
  v: z.literal('assay-legacy-change/1'),
  agentId: hash32Schema,
  name: z.string(),
  version: z.number().int(),
  valueHash: hash32Schema,
  previousHash: hash32Schema,
});

/**
 * The payload that every change keeps, so that its receipt says which manifest the agent id commits to.
 * @example const payload = agentDocument({ manifest, log: 'log.assay/1f', logKeys, secret })
 */
export function agentDocument(parts: {
  readonly manifest: Manifest;
  readonly log: string;
  readonly logKeys: readonly string[];
  readonly secret: Hex;
}): Uint8Array {
  const { manifest, log, logKeys, secret } = parts;
  return utf8(canonicalJson({ manifest: manifest as unknown as JsonObject, log, log_keys: [...logKeys], secret }));
}

/**
 * Rechecks changes in the order of the log.
 * @throws {OperatorError} `operator/history-broken` at the first change that does not hold, with its receipt.
 * @example recheckHistory(receipts).changes.length
 */
export function recheckHistory(receipts: readonly HistoryReceipt[]): RecheckedHistory {
  const [first] = receipts;
  if (first === undefined)
    throw new OperatorError(
      'operator/history-broken',
      'expected receipts of changes, got none; export them with assay variables history',
    );
  const { id, manifest } = agentOf(first);
  const variables = new Map<string, VariableState>();
  const changes: RecheckedChange[] = [];
  let control = initialControl(manifest);
  for (const receipt of receipts) {
    if (agentOf(receipt).id !== id) throw broken(receipt, 'it is of another agent');
    const rules = { manifest, agentId: id, now: receipt.time - SEALING_SECONDS };
    try {
      for (const [index, event] of receipt.events.filter(({ type }) => type === 'variable.set').entries()) {
        const change = changeIn(receipt, `variable-${index + 1}/change.json`);
        const name = String(event.name);
        const current = variables.get(name) ?? unsetVariable(manifest, name);
        const { next, signers } = accepted(change, current, { ...rules, control });
        matchEvent(receipt, event, next, current);
        variables.set(name, next);
        const form = change.type === 'legacy' ? 'legacy' : 'eip712';
        changes.push({ receiptId: receipt.receiptId, time: receipt.time, subject: name, version: next.version, form, signers });
      }
      const changed = receipt.events.find(({ type }) => ['owners.changed', 'policy.changed', 'signing.paused'].includes(type));
      if (changed === undefined) continue;
      const { type, fields, signatures = [] } = changeIn(receipt, 'change.json');
      const message = parseOwnerMessage({ type, fields });
      if (message.type !== 'SetOwners' && message.type !== 'SetPolicy' && message.type !== 'SetPaused')
        throw broken(receipt, `it holds a ${message.type}`);
      const { name, next, signers } = acceptControl(control, message, signatures, rules);
      matchEvent(receipt, changed, next[name], control[name]);
      control = next;
      changes.push({
        receiptId: receipt.receiptId,
        time: receipt.time,
        subject: name,
        version: next[name].version,
        form: 'eip712',
        signers,
      });
    } catch (error) {
      if (!isCoded(error) || error.code === 'operator/history-broken') throw error;
      throw broken(receipt, error.message, error);
    }
  }
  return { agentId: id, manifest, changes, control, variables };
}

function agentOf(receipt: HistoryReceipt): { readonly id: Hex; readonly manifest: Manifest } {
  const bytes = receipt.payload('agent.json');
  if (bytes === null) throw broken(receipt, 'its payload agent.json was left out');
  const checked = agentSchema.safeParse(parseJson(bytes));
  if (!checked.success) throw broken(receipt, 'its payload agent.json is not as specified');
  const { log, log_keys: logKeys, secret } = checked.data;
  const manifest = parseManifest(utf8(canonicalJson(checked.data.manifest)));
  const id = agentId({ manifest: manifestDigest(manifest), log, logKeys, secret });
  if (receipt.subject !== `urn:assay:agent:${id}`) throw broken(receipt, 'the attested keyset names another agent');
  return { id, manifest };
}

type Change = z.output<typeof changeSchema>;

function changeIn(receipt: HistoryReceipt, name: string): Change {
  const bytes = receipt.payload(name);
  if (bytes === null) throw broken(receipt, `its payload ${name} was left out`);
  const checked = changeSchema.safeParse(parseJson(bytes));
  if (!checked.success) throw broken(receipt, `its payload ${name} is not as specified`);
  return checked.data;
}

function accepted(
  change: Change,
  current: VariableState,
  {
    manifest,
    agentId: id,
    now,
    control,
  }: { readonly manifest: Manifest; readonly agentId: Hex; readonly now: number; readonly control: ControlState },
): { readonly next: VariableState; readonly signers: readonly Hex[] } {
  if (change.type === 'legacy') return { next: legacyState(change, current, manifest, id), signers: [] };
  const message = parseOwnerMessage({ type: change.type, fields: change.fields });
  if (message.type !== 'SetVariable')
    throw new OperatorError(
      'operator/message-malformed',
      `expected SetVariable, got ${message.type}; export the receipts again`,
    );
  const rules = { manifest, agentId: id, owners: control.owners.value, policyHash: control.policy.value, now };
  const result = acceptChange(current, { fields: message.fields, signatures: change.signatures ?? [] }, rules);
  if (message.fields.visibility === 'public') matchValue(message.fields, change.salt ?? '0x', change.value ?? '');
  return result;
}

/** A hidden legacy value stays hidden, and with it what its signature covers: only the chain is checked then. */
function legacyState(change: Change, current: VariableState, manifest: Manifest, id: Hex): VariableState {
  const link = legacySchema.parse(change.fields);
  const wanted = {
    v: link.v,
    agentId: id,
    name: current.name,
    version: current.version + 1,
    valueHash: link.valueHash,
    previousHash: current.changeHash,
  };
  if (canonicalJson(link) !== canonicalJson(wanted))
    throw new OperatorError(
      'operator/out-of-order',
      `${current.name}: expected version ${wanted.version}, got ${link.version}; export the receipts again`,
    );
  if (manifest.compatibility === null)
    throw new OperatorError('operator/legacy-refused', 'the manifest takes no legacy messages; do not rely on this history');
  if (current.visibility === 'public') {
    const text = legacyText(manifest.name, current.name, change.value ?? '');
    if (!verifyLegacyMessage(text, change.signature ?? '', manifest.compatibility.operator_public_key))
      throw new OperatorError(
        'operator/signature-invalid',
        'the operator key did not sign the legacy message; do not rely on this history',
      );
    matchValue({ name: current.name, valueHash: link.valueHash }, change.salt ?? '0x', change.value ?? '');
  }
  return { ...current, version: link.version, valueHash: link.valueHash, changeHash: keccakOf(utf8(canonicalJson(link))) };
}

function matchEvent(
  receipt: HistoryReceipt,
  event: JsonObject,
  next: { readonly version: number; readonly changeHash: Hex },
  current: { readonly changeHash: Hex },
): void {
  if (event.version !== next.version || event.change !== next.changeHash || event.previous !== current.changeHash)
    throw broken(receipt, 'its event does not say what its change says');
}

function broken({ receiptId }: HistoryReceipt, why: string, cause?: unknown): OperatorError {
  return new OperatorError(
    'operator/history-broken',
    `the change in ${receiptId} does not hold: ${why}; do not rely on this history`,
    { cause },
  );
}
