import type { Agent } from 'assay';
import { coinsOf, type ListedTransaction, type WaitingTransaction } from 'assay/owners';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { readBundle } from '../state/agent-reader.ts';
import { instantOf } from '../state/instants.ts';
import type { OwnedState } from '../state/owned-agent.ts';
import { expiryFrom, type OwnerChange } from '../state/owner-change.ts';
import { printable } from '../state/text-safety.ts';
import { Ago } from './ago.tsx';
import { Badge, type Tone } from './badge.tsx';
import { useBundleVerdict } from './bundle-check.tsx';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Hash } from './hash.tsx';
import { StoryView } from './story.tsx';
import { VerdictNotice } from './verdict.tsx';

const LOOKS: Readonly<Record<ListedTransaction['state'], { readonly word: string; readonly tone: Tone }>> = {
  signed: { word: 'Signed, not taken yet', tone: 'open' },
  sent: { word: 'Sent', tone: 'active' },
  included: { word: 'Included', tone: 'pass' },
  reverted: { word: 'Reverted', tone: 'fail' },
  replaced: { word: 'Replaced', tone: 'open' },
};

interface PendingProps {
  readonly owned: OwnedState;
  readonly onChange: (change: OwnerChange) => void;
}

/** Transactions that wait for owners. */
export function PendingApprovals({ owned, onChange }: PendingProps): JSX.Element | null {
  const { pending, config } = owned;
  if (pending.length === 0) return null;
  const approve = ({ hash, chain_id: chainId, expiry }: WaitingTransaction): void => {
    const fields = {
      agentId: config.agent_id,
      chainId,
      transactionHash: hash,
      expiry: Math.min(expiry, expiryFrom(Date.now())),
    };
    onChange({ message: { type: 'ApproveTransaction', fields }, signatures: [] });
  };
  return (
    <Card title={`Waiting for owners (${pending.length})`} actions={<Badge tone="open">needs you</Badge>}>
      <ul class="owned-list">
        {pending.map((each) => (
          <li key={each.hash} data-pending={each.hash}>
            <Paid {...each} chain={each.chain_id} delegate={each.delegates_to} />
            <span class="hint">until {instantOf(each.expiry * 1000)}</span>
            <Button small kind="primary" onClick={() => approve(each)}>
              Approve
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What the wallet signed, newest first, each with its story. */
export function Transactions({ agent, owned }: { readonly agent: Agent; readonly owned: OwnedState }): JSX.Element {
  const { transactions } = owned;
  return (
    <Card title={`Transactions (${transactions.length})`}>
      {transactions.length === 0 && (
        <p class="hint">
          {owned.config.policy === null
            ? 'None yet. Without a policy nothing is signed.'
            : 'None yet. What the policy allows is signed on request and shown here.'}
        </p>
      )}
      <ul class="owned-list">
        {transactions.map((each) => (
          <li key={each.transaction_hash} data-transaction={each.transaction_hash} data-state={each.state} class="is-tall">
            <div class="row-apart">
              <Paid {...each} chain={each.chain_id} delegate={each.delegates_to} data="0x" />
              <Badge tone={LOOKS[each.state].tone}>{LOOKS[each.state].word}</Badge>
            </div>
            <p class="hint">
              <Ago at={each.time * 1000} />, by rule {printable(each.rule)}, nonce {each.nonce}
              {each.block_number === null ? '' : `, block ${each.block_number}`}
            </p>
            {each.reason !== null && <p class="hint">{printable(each.reason)}</p>}
            <Hash value={each.transaction_hash} what="transaction hash" />
            <Story agent={agent} transaction={each} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What a transaction pays, to whom, and what it lets others do. */
export function Paid({
  to,
  value,
  chain,
  data,
  delegate,
  blobs,
  most_for_blobs: most,
  open = false,
}: {
  readonly to: string | null;
  readonly value: string;
  readonly chain: number;
  readonly data: string;
  readonly delegate: string | null;
  readonly blobs: number;
  readonly most_for_blobs?: string;
  /** The calldata stands open: it is about to be signed. */
  readonly open?: boolean;
}): JSX.Element {
  return (
    <div class="stack-sm">
      <span>
        <strong class="number">{coinsOf(value)}</strong> native coin to <code class="signer">{to ?? 'a new contract'}</code>
      </span>
      <span class="hint">
        {value} wei on chain {chain}
        {data === '0x' ? '' : `, with ${(data.length - 2) / 2} bytes of calldata`}
        {blobs > 0 &&
          `, with ${blobs} ${blobs === 1 ? 'blob' : 'blobs'}${most === undefined ? '' : ` for at most ${most} wei`}`}
      </span>
      {delegate !== null && (
        <span>
          {/^0x0+$/.test(delegate) ? (
            'Ends delegation: no code runs as the wallet any more.'
          ) : (
            <>
              Delegates the wallet: the code of <code class="signer">{delegate}</code> can spend everything it has.
            </>
          )}
        </span>
      )}
      {data !== '0x' && (
        <details open={open}>
          <summary>Calldata</summary>
          <code class="signer">{data}</code>
        </details>
      )}
    </div>
  );
}

function Story({ agent, transaction }: { readonly agent: Agent; readonly transaction: ListedTransaction }): JSX.Element {
  const [opened, setOpened] = useState(false);
  return (
    <details onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>Story</summary>
      {opened && <ToldTransaction agent={agent} transaction={transaction} />}
    </details>
  );
}

/** Decision, signature and end, from receipts that this browser verified. */
function ToldTransaction({
  agent,
  transaction,
}: {
  readonly agent: Agent;
  readonly transaction: ListedTransaction;
}): JSX.Element {
  const { receipt_id: first, final_receipt_id: last } = transaction;
  const [bundle, setBundle] = useState<Uint8Array | null>(null);
  const [fault, setFault] = useState('');
  const verification = useBundleVerdict(bundle);
  useEffect(() => {
    let current = true;
    readBundle(agent, last === null ? first : `${first},${last}`).then(
      (read) => current && setBundle(read),
      (error: unknown) => current && setFault(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      current = false;
    };
  }, [agent, first, last]);
  if (fault !== '') return <p class="field-fault">{fault}</p>;
  if (verification === null) return <div class="skeleton" />;
  return (
    <div class="stack" data-told>
      <VerdictNotice verdict={verification.verdict} />
      {verification.stories.map((story) => (
        <StoryView key={story.receiptId} story={story} />
      ))}
    </div>
  );
}
