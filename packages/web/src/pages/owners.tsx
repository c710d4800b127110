import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Field } from '../components/field.tsx';
import { Hash } from '../components/hash.tsx';
import { Notice } from '../components/notice.tsx';
import { Behind, OutsideMemory, signsNothing } from '../components/outside-head.tsx';
import { OwnerSet } from '../components/owner-set.tsx';
import { Page } from '../components/page.tsx';
import { SignChange } from '../components/sign-change.tsx';
import { EndsWhatWaits, PolicyWords, SigningPolicyCard } from '../components/signing-policy.tsx';
import { Paid, PendingApprovals, Transactions } from '../components/transactions.tsx';
import { Variables } from '../components/variables.tsx';
import { Gate } from '../shell/gate.tsx';
import { pathTo } from '../state/base.ts';
import { type OwnedState, useOwnedAgent } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { readChange } from '../state/read-change.ts';
import { printable } from '../state/text-safety.ts';

/** What the owners of this agent set, allow and approve, signed with the wallet of this browser. */
export function OwnersPage(): JSX.Element {
  return (
    <Page
      title="Owners"
      lead="Variables, policy, approvals and transactions. Only signatures of the owners change anything, not this machine’s operator."
    >
      <Gate>{({ agent }) => <Owned agent={agent} />}</Gate>
    </Page>
  );
}

function Owned({ agent }: { readonly agent: Agent }): JSX.Element {
  const { owned, reload } = useOwnedAgent(agent);
  switch (owned.state) {
    case 'reading':
      return (
        <Card>
          <p aria-live="polite">Reading what the owners set…</p>
          <div class="skeleton" />
        </Card>
      );
    case 'absent':
      return (
        <Card>
          <EmptyState icon="key" title="This agent has no owners">
            Owners are Ethereum addresses that sign what an agent may know and spend. Write a manifest that names them, set{' '}
            <code>ASSAY_OPERATOR_MANIFEST</code> to its file, and start the agent again; docs/operator.md shows how.
          </EmptyState>
        </Card>
      );
    case 'foreign':
      return (
        <Notice tone="fail" title="Do not sign for this agent" role="alert">
          <p>
            It calls itself <code>{owned.agentId}</code>, but its attested keyset names another agent. What you sign could serve
            somebody else.
          </p>
        </Notice>
      );
    case 'failed':
      return (
        <Notice tone="fail" title="The owners’ state could not be read" role="alert">
          <p>{owned.fault}</p>
          <div class="row">
            <Button icon="retry" onClick={reload}>
              Try again
            </Button>
          </div>
        </Notice>
      );
    case 'read':
      return <OwnedView agent={agent} owned={owned} onReload={reload} />;
  }
}

interface OwnedViewProps {
  readonly agent: Agent;
  readonly owned: OwnedState;
  readonly onReload: () => void;
}

function OwnedView({ agent, owned, onReload }: OwnedViewProps): JSX.Element {
  const [change, setChange] = useState<OwnerChange | null>(null);
  const [receipt, setReceipt] = useState('');
  return (
    <>
      {receipt !== '' && (
        <Notice tone="pass" title="Done" role="status">
          <p>
            <a href={pathTo(`receipts/${receipt}`)} data-receipt={receipt}>
              Its receipt
            </a>{' '}
            says who signed.
          </p>
        </Notice>
      )}
      <Behind owned={owned} onChange={setChange} />
      <PendingApprovals owned={owned} onChange={setChange} />
      <div class="tiles">
        <AgentCard owned={owned} onChange={setChange} />
        <OtherOwners owned={owned} onChange={setChange} />
      </div>
      <Variables agent={agent} owned={owned} onChange={setChange} />
      <SigningPolicyCard owned={owned} onChange={setChange} />
      <Transactions agent={agent} owned={owned} />
      {change !== null && (
        <SignChange
          key={JSON.stringify(change.message)}
          agent={agent}
          owned={owned}
          change={change}
          onClose={() => setChange(null)}
          onDone={(receiptId) => {
            setChange(null);
            setReceipt(receiptId);
            onReload();
          }}
        >
          <Meaning change={change} owned={owned} />
        </SignChange>
      )}
    </>
  );
}

/** What stands behind the hashes of a message. */
function Meaning({ change, owned }: { readonly change: OwnerChange; readonly owned: OwnedState }): JSX.Element | null {
  const { message } = change;
  if (message.type === 'SetPolicy')
    return (
      <>
        <EndsWhatWaits pending={owned.pending} />
        {change.policy !== undefined ? (
          <details>
            <summary>What the policy says</summary>
            <PolicyWords policy={change.policy} />
          </details>
        ) : (
          <p>It takes the policy away: nothing is signed then.</p>
        )}
      </>
    );
  if (message.type === 'SetVariable')
    return change.value === undefined ? (
      <p>
        The value is sealed to the agent, so it is not shown here.
        {message.fields.visibility === 'public' && ' Everybody reads it once it is set.'}
      </p>
    ) : (
      <pre class="output">{linesOf(change.value)}</pre>
    );
  if (message.type !== 'ApproveTransaction') return null;
  const waiting = owned.pending.find(({ hash }) => hash === message.fields.transactionHash);
  if (waiting === undefined) return <p>No transaction with this hash waits at this agent. Do not sign.</p>;
  return <Paid {...waiting} chain={waiting.chain_id} delegate={waiting.delegates_to} open />;
}

/** A text of another owner, line by line. */
function linesOf(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function AgentCard({
  owned,
  onChange,
}: {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}): JSX.Element {
  const { tee_name: name, agent_id: agentId, wallet, control, outside_head: head } = owned.config;
  const { addresses, threshold } = control.owners;
  const { paused, version, change_hash: previousHash } = control.paused;
  const turn = (): void => {
    const fields = { agentId, paused: !paused, version: version + 1, previousHash, expiry: expiryFrom(Date.now()) };
    onChange({ message: { type: 'SetPaused', fields }, signatures: [] });
  };
  return (
    <Card
      title={printable(name)}
      actions={<SigningBadge paused={paused} behind={signsNothing(head)} allowed={owned.config.policy !== null} />}
    >
      <dl class="facts">
        <dt>Agent id</dt>
        <dd>
          <Hash value={agentId} what="agent id" />
        </dd>
        <dt>Wallet</dt>
        <dd>{wallet.address === null ? 'none' : <Hash value={wallet.address} what="wallet address" />}</dd>
        <dt>Wallet’s key</dt>
        <dd>{wallet.kept ? 'outlives a restart' : 'ends with this process, and the funds with it'}</dd>
        <dt>Remembered outside</dt>
        <dd>
          <OutsideMemory owned={owned} onChange={onChange} />
        </dd>
        <dt>Owners</dt>
        <dd>
          {threshold} of {addresses.length} must sign
          {addresses.map((address) => (
            <code key={address} class="signer">
              {address}
            </code>
          ))}
        </dd>
      </dl>
      <div>
        <Button kind={paused ? 'primary' : 'danger'} onClick={turn}>
          {paused ? 'Resume signing' : 'Pause signing'}
        </Button>
      </div>
      <OwnerSet key={control.owners.version} owned={owned} onChange={onChange} />
    </Card>
  );
}

interface SigningBadgeProps {
  readonly paused: boolean;
  readonly behind: boolean;
  /** There is a policy. */
  readonly allowed: boolean;
}

function SigningBadge({ paused, behind, allowed }: SigningBadgeProps): JSX.Element {
  if (paused) return <Badge tone="fail">signing is paused</Badge>;
  if (behind) return <Badge tone="fail">signs nothing</Badge>;
  return allowed ? (
    <Badge tone="pass">signs what the policy allows</Badge>
  ) : (
    <Badge tone="open">signs nothing: no policy</Badge>
  );
}

/** A change that another owner began, in JSON. */
function OtherOwners({
  owned,
  onChange,
}: {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}): JSX.Element {
  const [text, setText] = useState('');
  const [fault, setFault] = useState('');
  const open = async (): Promise<void> => {
    try {
      onChange(await readChange(text, owned.config, Math.floor(Date.now() / 1000)));
      setFault('');
      setText('');
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Card title="Sign another owner’s change">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void open();
        }}
      >
        <Field
          id="others-change"
          label="The change, as it was copied"
          hint="You see what it says before you sign."
          fault={fault}
        >
          <textarea
            class="input mono"
            rows={4}
            required
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </Field>
        <div>
          <Button type="submit">Read it</Button>
        </div>
      </form>
    </Card>
  );
}
