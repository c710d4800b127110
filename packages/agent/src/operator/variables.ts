/** Variables of an agent: read by everyone as far as public, changed by owners (spec/operator.md §4 and §6). */

import { type KemKeyPair, openMessage } from '@assay/channel';
import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { ReceiptDraft, SealedReceipt } from '@assay/ledger';
import {
  acceptChange,
  bytesOf,
  type ChangeRules,
  declaredVariable,
  type Hex,
  hexOf,
  keccakOf,
  legacySignatureId,
  legacyText,
  matchValue,
  OperatorError,
  type OwnerFields,
  ownerMessageHash,
  parseTools,
  TOOLS_VARIABLE,
  unsetVariable,
  type VariableState,
  valueHash,
  verifyLegacyMessage,
} from '@assay/operator';
import type { Operator, OperatorRequest } from './operator.ts';
import { coverAnswer, openDraft, sealChangeRefusal } from './owner-receipt.ts';
import type { RowChange } from './sealed-state.ts';

/** HPKE info of sealed values. */
const VALUE_INFO = utf8('assay operator value/1');
const SALT_LENGTH = 32; // bytes

/** A change as it came: signed typed data with the value in clear, or sealed to a channel key of the keyset. */
export interface SignedEntry {
  readonly form: 'eip712';
  readonly fields: OwnerFields<'SetVariable'>;
  readonly signatures: readonly Hex[];
  readonly value:
    | { readonly salt: Hex; readonly text: string }
    | { readonly encapsulated: Uint8Array; readonly ciphertext: Uint8Array };
}

/** A change in the seed's form. */
export interface LegacyEntry {
  readonly form: 'legacy';
  readonly name: string;
  readonly value: string;
  readonly signature: string;
  /** The seed's flag, which its signature does not cover. */
  readonly public?: boolean | undefined;
}

export type VariableEntry = SignedEntry | LegacyEntry;

/** A variable with its value; never shown as it is when hidden. */
interface StoredVariable {
  readonly state: VariableState;
  readonly value: string;
  readonly salt: Hex;
  /** Epoch seconds. */
  readonly setAt: number;
  readonly receiptId: string;
}

/** A variable as everyone may see it. */
export interface ShownVariable extends VariableState {
  /** `null` when hidden. */
  readonly value: string | null;
  /** Commits to `value`; `null` when hidden or never set. */
  readonly salt: Hex | null;
  readonly receiptId: string | null;
}

interface Accepted {
  readonly stored: StoredVariable;
  readonly event: { readonly type: string } & JsonObject;
  readonly kept: JsonObject;
  readonly rows: readonly RowChange[];
}

const rowOf = (name: string): string => `variable/${name}`;

export class Variables {
  readonly #operator: Operator;
  readonly #keys: () => readonly KemKeyPair[];

  /** @param keys X25519 pairs that values may be sealed to, newest first. */
  constructor(operator: Operator, keys: () => readonly KemKeyPair[]) {
    this.#operator = operator;
    this.#keys = keys;
  }

  /** The value in force, for the agent's own use; the declared default before the first change. */
  value(name: string): string {
    return this.#stored(name)?.value ?? declaredVariable(this.#operator.manifest, name).default;
  }

  /** True when the manifest declares it. */
  declares(name: string): boolean {
    return Object.hasOwn(this.#operator.manifest.variables, name);
  }

  /** Every variable, values of hidden ones left out. */
  list(): readonly ShownVariable[] {
    return Object.keys(this.#operator.manifest.variables).map((name) => {
      const stored = this.#stored(name);
      const state = stored?.state ?? unsetVariable(this.#operator.manifest, name);
      const open = state.visibility === 'public';
      return {
        ...state,
        value: open ? this.value(name) : null,
        salt: open ? (stored?.salt ?? null) : null,
        receiptId: stored?.receiptId ?? null,
      };
    });
  }

  /**
   * Makes all changes of a batch or none, in one receipt.
   * @throws {OperatorError} those of `acceptChange`, `operator/value-mismatch`, `operator/legacy-refused`, `operator/message-malformed`;
   * {ChannelError} `channel/decryption-failed`; the ledger's errors.
   */
  set(entries: readonly VariableEntry[], request: OperatorRequest): Promise<SealedReceipt> {
    return this.#operator.inTurn(() => this.#set(entries, request));
  }

  async #set(entries: readonly VariableEntry[], request: OperatorRequest): Promise<SealedReceipt> {
    const { ledger } = this.#operator;
    const names = entries.map((entry) => (entry.form === 'legacy' ? entry.name : entry.fields.name));
    if (new Set(names).size !== names.length)
      throw new OperatorError('operator/message-malformed', 'expected each variable once in a batch; send two requests');
    const draft = openDraft(ledger, 'variable_change', request);
    const accepted: Accepted[] = [];
    try {
      for (const entry of entries) accepted.push(entry.form === 'legacy' ? this.#legacy(entry) : await this.#signed(entry));
    } catch (error) {
      // Names that the manifest does not declare are the caller's own words.
      const declared = names.filter((name) => this.declares(name));
      await sealChangeRefusal(this.#operator, draft, { type: 'variable.refused', names: declared }, error);
      throw error;
    }
    const rows: RowChange[] = [];
    try {
      rows.push(...this.#note(draft, accepted));
      coverAnswer(draft, request);
    } catch (error) {
      await ledger.discard(draft);
      throw error;
    }
    return this.#operator.seal(draft, rows);
  }

  /** Notes changes in their receipt; returns the rows they write. */
  #note(draft: ReceiptDraft, accepted: readonly Accepted[]): readonly RowChange[] {
    draft.payload('agent.json', 'application/json', this.#operator.document);
    const rows: RowChange[] = [];
    for (const [index, { event, kept, stored, rows: more }] of accepted.entries()) {
      draft.append(event);
      draft.payload(`variable-${index + 1}/change.json`, 'application/json', utf8(canonicalJson(kept)));
      const value = { ...stored, receiptId: draft.receiptId } as unknown as JsonObject;
      rows.push({ key: rowOf(stored.state.name), value }, ...more);
    }
    return rows;
  }

  async #signed(entry: SignedEntry): Promise<Accepted> {
    const { fields, signatures } = entry;
    const { next, signers } = acceptChange(this.#state(fields.name), entry, this.#rules());
    const { salt, text } = await this.#opened(entry);
    matchValue(fields, salt, text);
    if (fields.name === TOOLS_VARIABLE) parseTools(text);
    const message = { type: 'SetVariable', fields, signatures: [...signatures] };
    return this.#accepted({ form: 'eip712', next, signers, salt, text, policy: fields.policyHash, message, rows: [] });
  }

  /** The seed's message (spec/operator.md §6). */
  #legacy(entry: LegacyEntry): Accepted {
    const { manifest, control, agentId, state } = this.#operator;
    const { name, value, signature } = entry;
    const refused = (why: string): OperatorError => new OperatorError('operator/legacy-refused', why);
    if (manifest.compatibility === null)
      throw refused('expected a SetVariable message; the manifest does not take the legacy form, sign typed data instead');
    const current = this.#state(name);
    const text = legacyText(manifest.name, name, value);
    if (!verifyLegacyMessage(text, signature, manifest.compatibility.operator_public_key))
      throw new OperatorError(
        'operator/signature-invalid',
        'expected the signature of the operator key over the legacy message, got another; sign tee_name;update_variables;name;value',
      );
    if (declaredVariable(manifest, name).signers === 'threshold' && control.owners.value.threshold > 1)
      throw refused(`${name} needs ${control.owners.value.threshold} owners; sign typed data instead`);
    if (entry.public === true && current.visibility === 'hidden')
      throw refused(`${name} is hidden, and the legacy signature does not cover public; sign typed data instead`);
    if (current.mutability === 'immutable' && current.version > 0)
      throw new OperatorError('operator/immutable', `${name} is immutable and was set; it stays as it is`);
    const usedKey = `legacy/${keccakOf(utf8(legacySignatureId(text, signature))).slice(2)}`;
    if (state.get(usedKey) !== undefined)
      throw new OperatorError('operator/replayed', `this message was used before; sign it again, or sign typed data`);
    const salt = hexOf(crypto.getRandomValues(new Uint8Array(SALT_LENGTH)));
    const version = current.version + 1;
    const commitment = valueHash(bytesOf(salt), value);
    const link = {
      v: 'assay-legacy-change/1',
      agentId,
      name,
      version,
      valueHash: commitment,
      previousHash: current.changeHash,
    };
    const changeHash = keccakOf(utf8(canonicalJson(link)));
    const next: VariableState = { ...current, version, changeHash, valueHash: commitment };
    const shown = current.visibility === 'public' ? { signature } : {};
    const message = { type: 'legacy', fields: link, ...shown };
    const rows = [{ key: usedKey, value: true }];
    return this.#accepted({
      form: 'legacy',
      next,
      signers: [],
      salt,
      text: value,
      policy: control.policy.value,
      message,
      rows,
    });
  }

  #accepted(change: {
    readonly form: 'eip712' | 'legacy';
    readonly next: VariableState;
    readonly signers: readonly Hex[];
    readonly salt: Hex;
    readonly text: string;
    readonly policy: Hex;
    readonly message: JsonObject;
    readonly rows: readonly RowChange[];
  }): Accepted {
    const { form, next, signers, salt, text, policy, message, rows } = change;
    const open = next.visibility === 'public' ? { salt, value: text } : {};
    return {
      stored: { state: next, value: text, salt, setAt: this.#operator.now, receiptId: '' },
      event: {
        type: 'variable.set',
        form,
        agent_id: this.#operator.agentId,
        name: next.name,
        visibility: next.visibility,
        mutability: next.mutability,
        version: next.version,
        change: next.changeHash,
        previous: this.#state(next.name).changeHash,
        value_commitment: next.valueHash,
        policy,
        signers: [...signers],
      },
      kept: { ...message, ...open },
      rows,
    };
  }

  async #opened({ fields, value }: SignedEntry): Promise<{ readonly salt: Hex; readonly text: string }> {
    if ('text' in value) {
      if (fields.visibility === 'hidden')
        throw new OperatorError(
          'operator/message-malformed',
          `${fields.name} is hidden: expected a sealed value, got one in clear; seal it to a channel key of the keyset`,
        );
      return value;
    }
    const additionalData = bytesOf(ownerMessageHash({ type: 'SetVariable', fields }));
    let failure: unknown;
    for (const key of this.#keys()) {
      try {
        const opened = await openMessage(key, { info: VALUE_INFO, additionalData }, value);
        return { salt: hexOf(opened.subarray(0, SALT_LENGTH)), text: decodeUtf8(opened.subarray(SALT_LENGTH)) };
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #rules(): ChangeRules {
    const { manifest, agentId, control, now } = this.#operator;
    return { manifest, agentId, owners: control.owners.value, policyHash: control.policy.value, now };
  }

  #state(name: string): VariableState {
    return this.#stored(name)?.state ?? unsetVariable(this.#operator.manifest, name);
  }

  #stored(name: string): StoredVariable | null {
    return (this.#operator.state.get(rowOf(name)) as unknown as StoredVariable | undefined) ?? null;
  }
}
