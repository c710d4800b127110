import type { Hex } from 'assay/owners';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { OwnedState } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { Button } from './button.tsx';
import { Field } from './field.tsx';

interface OwnerSetProps {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}

/** What is wrong with each field; empty for nothing. */
interface Fault {
  readonly owners: string;
  readonly threshold: string;
}
const NO_FAULT: Fault = { owners: '', threshold: '' };
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** Another set of owners, or another number that must sign: what would change, before owners sign it. */
export function OwnerSet({ owned, onChange }: OwnerSetProps): JSX.Element {
  const { owners } = owned.config.control;
  const [text, setText] = useState(owners.addresses.join('\n'));
  const [threshold, setThreshold] = useState(String(owners.threshold));
  const [fault, setFault] = useState<Fault>(NO_FAULT);
  const typed = text.split(/[\s,]+/).filter((each) => each !== '');
  const given = typed.map((each) => each.toLowerCase() as Hex);
  const added = given.filter((each) => !owners.addresses.includes(each));
  const removed = owners.addresses.filter((each) => !given.includes(each));
  const prepare = async (): Promise<void> => {
    const { hasWrongChecksum } = await import('../owners/index.ts');
    const found = faultIn(typed, Number(threshold), hasWrongChecksum);
    setFault(found);
    if (found !== NO_FAULT) return;
    const fields = {
      agentId: owned.config.agent_id,
      owners: given,
      threshold: Number(threshold),
      version: owners.version + 1,
      previousHash: owners.change_hash,
      expiry: expiryFrom(Date.now()),
    };
    onChange({ message: { type: 'SetOwners', fields }, signatures: [] });
  };
  return (
    <details data-owners-version={owners.version}>
      <summary>Change the owners</summary>
      <form
        class="stack panel-more"
        onSubmit={(event) => {
          event.preventDefault();
          void prepare();
        }}
      >
        <Field
          id="owner-addresses"
          label="Owners"
          hint={`One address a line. ${owners.threshold} of the present owners must sign the change.`}
          fault={fault.owners}
        >
          <textarea
            class="input mono"
            rows={Math.max(3, given.length + 1)}
            required
            spellcheck={false}
            value={text}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setFault(NO_FAULT);
            }}
          />
        </Field>
        <Field id="owner-threshold" label="How many must sign from then on" fault={fault.threshold}>
          <input
            class="input"
            type="number"
            min={1}
            max={64}
            required
            value={threshold}
            onInput={(event) => {
              setThreshold(event.currentTarget.value);
              setFault(NO_FAULT);
            }}
          />
        </Field>
        <ul class="hint" data-owners-difference>
          {added.map((address) => (
            <li key={address}>
              Adds <code class="signer">{address}</code>
            </li>
          ))}
          {removed.map((address) => (
            <li key={address}>
              Removes <code class="signer">{address}</code>
            </li>
          ))}
          {Number(threshold) !== owners.threshold && (
            <li>
              {threshold} must sign in place of {owners.threshold}
            </li>
          )}
          <li>If too few keys are left to reach this number, nothing can be changed any more: keep one owner more.</li>
        </ul>
        <div>
          <Button type="submit">Continue to signing</Button>
        </div>
      </form>
    </details>
  );
}

function faultIn(typed: readonly string[], threshold: number, isMistyped: (address: string) => boolean): Fault {
  const owners = (why: string): Fault => ({ owners: why, threshold: '' });
  const given = typed.map((each) => each.toLowerCase());
  const wrong = typed.find((each) => !ADDRESS.test(each));
  if (wrong !== undefined) return owners(`Expected 0x and 40 hex characters, got ${wrong.slice(0, 60)}.`);
  const mistyped = typed.find(isMistyped);
  if (mistyped !== undefined) return owners(`${mistyped} is mistyped: its checksum (EIP-55) is another. Copy it again.`);
  if (given.length === 0) return owners('Expected at least one owner.');
  if (new Set(given).size !== given.length) return owners('Expected each owner once.');
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= given.length) return NO_FAULT;
  return { owners: '', threshold: `Expected a number from 1 to ${given.length} that must sign.` };
}
