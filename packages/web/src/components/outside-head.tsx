import { counted } from '@assay/encoding/counted';
import type { ShownAgent } from 'assay/owners';
import type { JSX } from 'preact';
import type { OwnedState } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { printable } from '../state/text-safety.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';

interface OutsideHeadProps {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}
type Head = ShownAgent['outside_head'];

/** Entries that the witness says it remembers, where owners did not waive the witness. Its refusal is not signed. */
function refusedSize({ witness, acknowledged }: Head): number | null {
  return acknowledged.without_witness ? null : (witness?.refused_size ?? null);
}

/** Whether somebody outside remembers more of the log than the agent has. */
export function signsNothing(head: Head): boolean {
  return head.behind !== null || refusedSize(head) !== null;
}

function acknowledgement({ config }: OwnedState, size: number, withoutWitness: boolean): OwnerChange {
  const { version, change_hash: previousHash } = config.outside_head.acknowledged;
  const links = { version: version + 1, previousHash, expiry: expiryFrom(Date.now()) };
  return {
    message: { type: 'AcknowledgeHead', fields: { agentId: config.agent_id, size, withoutWitness, ...links } },
    signatures: [],
  };
}

/** Who remembers the log outside of the agent. */
export function OutsideMemory({ owned, onChange }: OutsideHeadProps): JSX.Element {
  const { witness, acknowledged, behind } = owned.config.outside_head;
  if (witness === null) return <>what chains and callers remember</>;
  const { name: given, cosigned_size: size } = witness;
  const name = printable(given);
  if (acknowledged.without_witness)
    return (
      <div class="stack-sm" data-witness="waived">
        <p>owners let the wallet sign without the witness {name}</p>
        {behind === null && (
          <Button small onClick={() => onChange(acknowledgement(owned, acknowledged.size, false))}>
            Ask the witness again
          </Button>
        )}
      </div>
    );
  return (
    <span data-witness={size ?? 'silent'}>
      {size === null
        ? `the witness ${name}; nothing cosigned since the start`
        : `${counted(size, 'entry', 'entries')}, cosigned by ${name}`}
    </span>
  );
}

/** Somebody outside remembers more of the log: what that means, and the way to go on. */
export function Behind({ owned, onChange }: OutsideHeadProps): JSX.Element | null {
  const { behind, witness, acknowledged } = owned.config.outside_head;
  const refused = refusedSize(owned.config.outside_head);
  const acknowledge = (size: number, withoutWitness: boolean): void => onChange(acknowledgement(owned, size, withoutWitness));
  if (behind !== null)
    return (
      <Notice tone="fail" title="The data directory was put back" role="alert">
        <p>
          A memory outside has {counted(behind.size, 'entry', 'entries')} that this log does not continue. Nothing is signed.
          Restore the newest data; if it is lost, owners acknowledge that: policies, pauses and counters of the lost time are
          gone.
        </p>
        <div class="row">
          <Button
            kind="danger"
            onClick={() => acknowledge(Math.max(behind.size, acknowledged.size), acknowledged.without_witness)}
          >
            Acknowledge the lost entries
          </Button>
          {witness !== null && !acknowledged.without_witness && behind.size > acknowledged.size && (
            <Button kind="danger" onClick={() => acknowledge(behind.size, true)}>
              Acknowledge them, and sign without the witness
            </Button>
          )}
        </div>
      </Notice>
    );
  if (witness === null || refused === null) return null;
  return (
    <Notice tone="fail" title="The witness does not cosign this log" role="alert">
      <p>
        {printable(witness.name)} says that it remembers {refused} entries that this log does not continue. Its refusal is not
        signed. Nothing is signed. Find out whether the data directory was put back, and restore the newest data. If it is lost,
        owners let the wallet sign without the witness.
      </p>
      <div class="row">
        <Button kind="danger" onClick={() => acknowledge(acknowledged.size, true)}>
          Sign without the witness
        </Button>
      </div>
    </Notice>
  );
}
