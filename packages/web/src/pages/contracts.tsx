import type { Agent, TaskSummary } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Ago } from '../components/ago.tsx';
import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { ContractForm } from '../components/contract-form.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Gate } from '../shell/gate.tsx';
import { pathTo } from '../state/base.ts';
import {
  type ContractDraft,
  type ContractWork,
  contractRequest,
  EMPTY_CONTRACTS,
  hasSources,
} from '../state/contract-draft.ts';
import { startTask } from '../state/started-tasks.ts';
import type { TaskRequest } from '../state/task-request.ts';
import { kindWords, TASK_LOOKS } from '../state/task-words.ts';
import { printable } from '../state/text-safety.ts';

/** Audits and builds of Solidity inside the TEE. */
export function ContractsPage(): JSX.Element {
  return (
    <Page
      title="Contracts"
      lead="Compile Solidity inside the TEE, audit it with Slither, and compare the result with a deployed contract. Each piece of work leaves a receipt."
    >
      <Gate>{({ agent }) => <Contracts agent={agent} />}</Gate>
    </Page>
  );
}

function Contracts({ agent }: { readonly agent: Agent }): JSX.Element {
  const { route } = useLocation();
  const [draft, setDraft] = useState<ContractDraft>(EMPTY_CONTRACTS);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState('');
  const start = async (work: ContractWork): Promise<void> => {
    setBusy(true);
    setFault('');
    try {
      const id = await startTask(agent, contractRequest(work, draft) as unknown as TaskRequest);
      route(pathTo(`contracts/${id}`));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  const ready = hasSources(draft) && !busy;
  return (
    <>
      {fault !== '' && (
        <Notice tone="fail" title="The agent did not take the work" role="alert">
          <p>{fault}</p>
        </Notice>
      )}
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void start('attested_audit');
        }}
      >
        <Card title="Sources">
          <ContractForm draft={draft} onChange={setDraft} />
          <div class="row">
            <Button type="submit" kind="primary" icon="search" disabled={!ready}>
              Audit
            </Button>
            <Button icon="code" disabled={!ready} onClick={() => void start('attested_build')}>
              Build only
            </Button>
            <span class="hint">An audit builds, too.</span>
          </div>
        </Card>
      </form>
      <Earlier agent={agent} />
    </>
  );
}

function Earlier({ agent }: { readonly agent: Agent }): JSX.Element | null {
  const [works, setWorks] = useState<readonly TaskSummary[]>([]);
  useEffect(() => {
    let current = true;
    agent.tasks.list({ type: ['attested_audit', 'attested_build'], limit: 30 }).then(
      ({ tasks }) => current && setWorks(tasks),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [agent]);
  if (works.length === 0) return null;
  return (
    <Card title="Earlier work" flush>
      <ul class="task-list">
        {works.map(({ task_id: id, title, type, status, started_at: started }) => (
          <li key={id} class="task-row" data-task={id}>
            <a class="task-link" href={pathTo(`contracts/${encodeURIComponent(id)}`)}>
              <bdi>{title === type ? kindWords(type) : printable(title)}</bdi>
            </a>
            <span class="task-sub hint">{kindWords(type)}</span>
            <span class="task-state">
              <Badge tone={TASK_LOOKS[status].tone}>{TASK_LOOKS[status].word}</Badge>
            </span>
            <Ago class="task-when hint" at={Date.parse(started)} />
          </li>
        ))}
      </ul>
    </Card>
  );
}
