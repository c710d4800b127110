import type { Agent } from 'assay';
import type { ShownVariable } from 'assay/owners';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { pathTo } from '../state/base.ts';
import type { OwnedState } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { printable } from '../state/text-safety.ts';
import { Badge } from './badge.tsx';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';

interface VariablesProps {
  readonly agent: Agent;
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}

/** The variables that the manifest declares, and the way to set one. */
export function Variables({ agent, owned, onChange }: VariablesProps): JSX.Element {
  const [edited, setEdited] = useState<ShownVariable | null>(null);
  const { variables } = owned.config;
  return (
    <Card title={`Variables (${variables.length})`}>
      <p class="hint">
        Owners set them with signatures. A hidden value leaves this browser sealed to the enclave; it is never shown.
      </p>
      <ul class="owned-list">
        {variables.map((variable) => (
          <li key={variable.name} data-variable={variable.name} data-version={variable.version}>
            <div class="stack-sm">
              <span class="row">
                <strong class="mono">{printable(variable.name)}</strong>
                <Badge tone={variable.visibility === 'public' ? 'active' : 'plain'}>{variable.visibility}</Badge>
                {variable.mutability === 'immutable' && <Badge tone="open">immutable</Badge>}
              </span>
              <span class="hint">
                {variable.version === 0 ? 'Never set' : `Version ${variable.version}`}
                {variable.receipt_id !== null && variable.version > 0 && (
                  <>
                    {' · '}
                    <a href={pathTo(`receipts/${variable.receipt_id}`)}>receipt</a>
                  </>
                )}
              </span>
              {variable.visibility === 'public' && variable.value != null && (
                <pre class="output">{variable.value === '' ? '(empty)' : printable(variable.value)}</pre>
              )}
            </div>
            {!(variable.mutability === 'immutable' && variable.version > 0) && (
              <Button small onClick={() => setEdited(variable)}>
                Set<span class="hidden"> {variable.name}</span>
              </Button>
            )}
          </li>
        ))}
      </ul>
      {edited !== null && (
        <SetVariable
          agent={agent}
          owned={owned}
          variable={edited}
          onClose={() => setEdited(null)}
          onChange={(change) => {
            setEdited(null);
            onChange(change);
          }}
        />
      )}
    </Card>
  );
}

interface SetVariableProps extends VariablesProps {
  readonly variable: ShownVariable;
  readonly onClose: () => void;
}

function SetVariable({ agent, owned, variable, onChange, onClose }: SetVariableProps): JSX.Element {
  const [value, setValue] = useState(variable.value ?? '');
  const [makePublic, setPublic] = useState(false);
  const [makeImmutable, setImmutable] = useState(false);
  const [fault, setFault] = useState('');
  const prepare = async (): Promise<void> => {
    try {
      const { variableEntry } = await import('../owners/index.ts');
      const { agent_id: agentId, control } = owned.config;
      const entry = await variableEntry({
        ...{ agentId, keyset: agent.attested.keyset, current: variable, value, makePublic, makeImmutable },
        ...{ policyHash: control.policy.policy_hash, expiry: expiryFrom(Date.now()) },
      });
      onChange({ ...entry, signatures: [] });
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Dialog
      title={`Set ${variable.name}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" onClick={() => void prepare()}>
            Continue
          </Button>
        </>
      }
    >
      <Field id="variable-value" label="Value" fault={fault}>
        <textarea
          class="input mono"
          rows={4}
          spellcheck={false}
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
        />
      </Field>
      {variable.visibility === 'hidden' && (
        <label class="check-line">
          <input type="checkbox" checked={makePublic} onChange={(event) => setPublic(event.currentTarget.checked)} />
          Show it to everybody from now on; there is no way back
        </label>
      )}
      {variable.mutability === 'mutable' && (
        <label class="check-line">
          <input type="checkbox" checked={makeImmutable} onChange={(event) => setImmutable(event.currentTarget.checked)} />
          Never change it again; there is no way back
        </label>
      )}
    </Dialog>
  );
}
