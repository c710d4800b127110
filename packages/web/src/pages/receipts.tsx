import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Badge } from '../components/badge.tsx';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Gate } from '../shell/gate.tsx';
import { readJson } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';
import { agoOf, instantOf } from '../state/instants.ts';
import type { ReceiptList, ReceiptSummary } from '../state/receipt-list.ts';

const PAGE_SIZE = 50;

/** Every receipt of the agent, newest first. */
export function ReceiptsPage(): JSX.Element {
  return (
    <Page title="Receipts" lead="Every piece of work leaves one: signed, logged, and checkable by anyone.">
      <Gate>{({ agent }) => <Receipts agent={agent} />}</Gate>
    </Page>
  );
}

function Receipts({ agent }: { readonly agent: Agent }): JSX.Element {
  const [receipts, setReceipts] = useState<readonly ReceiptSummary[] | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [fault, setFault] = useState('');

  const load = async (before: number | null): Promise<void> => {
    setFault('');
    try {
      const page = await readJson<ReceiptList>(
        agent,
        `api/receipts?limit=${PAGE_SIZE}${before === null ? '' : `&before=${before}`}`,
      );
      setReceipts((known) => (before === null ? page.receipts : [...(known ?? []), ...page.receipts]));
      setNext(page.next);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  useEffect(() => void load(null), [agent]);

  if (fault !== '')
    return (
      <Notice tone="fail" title="The receipts could not be read" role="alert">
        <p>{fault}</p>
      </Notice>
    );
  if (receipts === null) return <Card>Reading the receipts…</Card>;
  if (receipts.length === 0)
    return (
      <Card>
        <EmptyState
          icon="receipt"
          title="No receipts yet"
          action={
            <ButtonLink kind="primary" href={pathTo('developer')}>
              Run a task
            </ButtonLink>
          }
        >
          The first task, question or code run leaves the first one.
        </EmptyState>
      </Card>
    );
  return (
    <>
      <Card flush>
        <div class="table-scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Task</th>
                <th scope="col">Outcome</th>
                <th scope="col">When</th>
                <th scope="col">Log entry</th>
              </tr>
            </thead>
            <tbody>
              {receipts.map((receipt) => (
                <tr key={receipt.receipt_id}>
                  <td>
                    <a href={pathTo(`receipts/${receipt.receipt_id}`)}>{receipt.task}</a>
                  </td>
                  <td>
                    <Badge tone={receipt.state === 'sealed' ? 'pass' : 'open'}>{receipt.state}</Badge>
                  </td>
                  <td title={instantOf(receipt.served_at * 1000)}>{agoOf(receipt.served_at * 1000, Date.now())}</td>
                  <td class="mono">{receipt.log_index ?? '—'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      {next !== null && (
        <div>
          <Button onClick={() => void load(next)}>Older receipts</Button>
        </div>
      )}
    </>
  );
}
