import type { ExplainedPolicy, SigningPolicy } from 'assay/owners';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { OwnedState } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { printable } from '../state/text-safety.ts';
import { Badge } from './badge.tsx';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Code } from './code.tsx';
import { Field } from './field.tsx';
import { Hash } from './hash.tsx';

interface SigningPolicyProps {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}

/** The policy in force, in words and as it is; and a new one, read before it is signed. */
export function SigningPolicyCard({ owned, onChange }: SigningPolicyProps): JSX.Element {
  const { policy, control } = owned.config;
  return (
    <Card
      title="Policy"
      actions={
        <Badge tone={policy === null ? 'open' : 'plain'}>
          {policy === null ? 'none: nothing is signed' : `version ${control.policy.version}`}
        </Badge>
      }
    >
      {policy === null ? (
        <p>Without a policy the agent signs nothing, neither transactions nor messages. Owners set one below.</p>
      ) : (
        <>
          <PolicyWords policy={policy} />
          <p class="hint">
            Hash <Hash value={control.policy.policy_hash} what="policy hash" />
          </p>
          <details>
            <summary>As JSON</summary>
            <Code text={JSON.stringify(policy, null, 2)} language="json" />
          </details>
        </>
      )}
      <NewPolicy key={control.policy.version} owned={owned} onChange={onChange} />
    </Card>
  );
}

/** A policy rule by rule. */
export function PolicyWords({ policy }: { readonly policy: SigningPolicy }): JSX.Element | null {
  const [words, setWords] = useState<ExplainedPolicy | null>(null);
  useEffect(() => {
    let current = true;
    void import('../owners/index.ts').then(({ explainPolicy }) => {
      if (current) setWords(explainPolicy(policy));
    });
    return () => {
      current = false;
    };
  }, [policy]);
  if (words === null) return <div class="skeleton" />;
  return (
    <div class="stack-sm policy-words" data-policy-words>
      <ul class="owned-list">
        {words.rules.map(({ id, effect, summary, conditions }) => (
          <li key={id} data-rule={id}>
            <div class="stack-sm">
              <span class="row">
                <Badge tone={effect === 'allow' ? 'pass' : 'fail'}>{effect}</Badge>
                <strong class="mono">{id}</strong>
              </span>
              <p>{printable(summary)}</p>
              {conditions.length > 0 && (
                <ul class="hint">
                  {conditions.map((sentence) => (
                    <li key={sentence}>{printable(sentence)}</li>
                  ))}
                </ul>
              )}
            </div>
          </li>
        ))}
      </ul>
      <ul class="hint">
        {[...words.chains, ...words.always].map((sentence) => (
          <li key={sentence}>{printable(sentence)}</li>
        ))}
      </ul>
    </div>
  );
}

/** What setting a policy does beyond its rules. */
export function EndsWhatWaits({ pending }: Pick<OwnedState, 'pending'>): JSX.Element {
  const waiting =
    pending.length === 0
      ? 'None waits now.'
      : pending.length === 1
        ? 'One waits now; it ends.'
        : `${pending.length} wait now; they end.`;
  return (
    <p class="hint" data-ends-what-waits={pending.length}>
      Setting a policy, also the same one again, ends every transaction that waits for an approval of owners. {waiting}
    </p>
  );
}

function NewPolicy({ owned, onChange }: SigningPolicyProps): JSX.Element {
  const [text, setText] = useState('');
  const [fault, setFault] = useState('');
  const [parsed, setParsed] = useState<SigningPolicy | null>(null);
  const read = async (given: string): Promise<void> => {
    setText(given);
    setParsed(null);
    setFault('');
    if (given.trim() === '') return;
    const { parseSigningPolicy } = await import('../owners/index.ts');
    try {
      setParsed(parseSigningPolicy(given));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  const prepare = async (policy: SigningPolicy): Promise<void> => {
    const { policyHash } = await import('../owners/index.ts');
    const { agent_id: agentId, control } = owned.config;
    const { version, change_hash: previousHash } = control.policy;
    const fields = {
      agentId,
      policyHash: policyHash(policy),
      version: version + 1,
      previousHash,
      expiry: expiryFrom(Date.now()),
    };
    onChange({ message: { type: 'SetPolicy', fields }, signatures: [], policy });
  };
  return (
    <details>
      <summary>{owned.config.policy === null ? 'Set a policy' : 'Set another policy'}</summary>
      <div class="stack panel-more">
        <Field id="policy-text" label="Policy as JSON" hint="docs/operator.md has three worked examples." fault={fault}>
          <textarea
            class="input mono code-editor"
            rows={8}
            spellcheck={false}
            value={text}
            onInput={(event) => void read(event.currentTarget.value)}
          />
        </Field>
        <div class="row">
          <input
            class="input"
            type="file"
            accept=".json,application/json"
            aria-label="Policy file"
            onChange={(event) => void event.currentTarget.files?.[0]?.text().then(read)}
          />
        </div>
        <EndsWhatWaits pending={owned.pending} />
        {parsed !== null && (
          <section class="stack-sm" aria-label="What the new policy says">
            <h3>It says</h3>
            <PolicyWords policy={parsed} />
            <div>
              <Button kind="primary" onClick={() => void prepare(parsed)}>
                Continue to signing
              </Button>
            </div>
          </section>
        )}
      </div>
    </details>
  );
}
