import type { Agent } from 'assay';
import { languageName } from 'assay/story';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Badge } from '../components/badge.tsx';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Code } from '../components/code.tsx';
import { Hash } from '../components/hash.tsx';
import { ModelOffer } from '../components/model-offer.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Gate } from '../shell/gate.tsx';
import type { AgentStatus } from '../state/agent-reader.ts';
import { refreshStatus } from '../state/connection.ts';
import { durationOf, instantOf } from '../state/instants.ts';
import { getText } from '../state/public-files.ts';

/** What the agent is made of, for people; the raw document behind it. */
export function StatusPage(): JSX.Element {
  useEffect(() => void refreshStatus(), []);
  return (
    <Page
      title="Status"
      lead="What this agent is made of, in its own words. The hardware claims are verified in your browser."
      actions={
        <Button icon="retry" onClick={() => void refreshStatus()}>
          Refresh
        </Button>
      }
    >
      <Gate>{({ agent, status }) => <StatusView agent={agent} status={status} />}</Gate>
    </Page>
  );
}

function StatusView({ agent, status }: { readonly agent: Agent; readonly status: AgentStatus }): JSX.Element {
  const { tee, model, sandbox, keyset, log, warnings } = status;
  return (
    <>
      {warnings.length > 0 && (
        <Notice tone="open" title="Know this first">
          <ul>
            {warnings.map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        </Notice>
      )}
      <div class="tiles">
        <Card title="Agent" actions={<Badge tone={status.status === 'ok' ? 'pass' : 'open'}>{status.status}</Badge>}>
          <dl class="facts">
            <dt>Version</dt>
            <dd>{status.version}</dd>
            <dt>Up for</dt>
            <dd title={status.started_at}>{durationOf(status.uptime_seconds)}</dd>
            <dt>Tasks running</dt>
            <dd>{status.tasks_running}</dd>
            <dt>Store</dt>
            <dd>{status.store.name}</dd>
          </dl>
        </Card>
        <Card title="TEE" actions={tee.simulated ? <Badge tone="open">SIMULATED</Badge> : <Badge tone="pass">hardware</Badge>}>
          <dl class="facts">
            <dt>Kind</dt>
            <dd>{tee.name}</dd>
            {tee.simulated && (
              <>
                <dt>Imitates</dt>
                <dd>{TEE_NAMES[agent.attested.verdict.claims.type] ?? agent.attested.verdict.claims.type}</dd>
              </>
            )}
            <dt>Keyset</dt>
            <dd>
              <Hash value={status.keyset_digest} what="keyset digest" />
            </dd>
            <dt>Valid until</dt>
            <dd>{instantOf(keyset.not_after * 1000)}</dd>
            <dt>Next keyset</dt>
            <dd>{keyset.failure ?? instantOf(keyset.next_at * 1000)}</dd>
          </dl>
        </Card>
        <Card title="Model" actions={<Badge tone={modelTone(model)}>{modelWord(model)}</Badge>}>
          <dl class="facts">
            <dt>Provider</dt>
            <dd>{model.provider}</dd>
            <dt>Name</dt>
            <dd>{model.model === '' ? 'none' : model.model}</dd>
            <dt>State</dt>
            <dd>{model.detail}</dd>
          </dl>
        </Card>
        <Card title="Sandbox" actions={<Badge tone={sandbox.lane === 'opening' ? 'active' : 'pass'}>{sandbox.lane}</Badge>}>
          <dl class="facts">
            <dt>Isolation</dt>
            <dd>{ISOLATION_WORDS[sandbox.isolation] ?? sandbox.isolation}</dd>
            <dt>Languages</dt>
            <dd>{sandbox.languages.map(languageName).join(', ') || '—'}</dd>
            <dt>Network</dt>
            <dd>{networkOf(sandbox.network)}</dd>
            {sandbox.environment_digest !== null && (
              <>
                <dt>Environment</dt>
                <dd>
                  <Hash value={sandbox.environment_digest} what="digest of the environment" />
                </dd>
              </>
            )}
          </dl>
        </Card>
      </div>
      <ModelOffer agent={agent} status={status} />
      <LogCard origin={log.origin} />
      <details>
        <summary>Raw JSON</summary>
        <Code text={JSON.stringify(status, null, 2)} language="json" />
      </details>
    </>
  );
}

const TEE_NAMES: Readonly<Record<string, string>> = {
  nitro: 'AWS Nitro Enclaves',
  tdx: 'Intel TDX',
  sgx: 'Intel SGX',
  'sev-snp': 'AMD SEV-SNP',
  dstack: 'dstack on Intel TDX',
};

const ISOLATION_WORDS: Readonly<Record<string, string>> = {
  ns: 'Linux namespaces',
  reduced: 'reduced: Landlock, without namespaces',
  wasm: 'WebAssembly',
};

function LogCard({ origin }: { readonly origin: string }): JSX.Element {
  const [checkpoint, setCheckpoint] = useState('');
  useEffect(() => void getText('log/checkpoint').then(setCheckpoint, () => undefined), []);
  return (
    <Card title="Log">
      <dl class="facts">
        <dt>Origin</dt>
        <dd>{origin}</dd>
        <dt>Entries</dt>
        <dd>{checkpoint.split('\n')[1] ?? '—'}</dd>
      </dl>
      {checkpoint !== '' && (
        <details>
          <summary>Newest checkpoint</summary>
          <Code text={checkpoint} language="text" />
        </details>
      )}
    </Card>
  );
}

function modelTone({ recorded, reachable }: AgentStatus['model']): 'pass' | 'fail' | 'open' {
  if (recorded) return 'open';
  return reachable ? 'pass' : 'fail';
}

function modelWord({ recorded, reachable }: AgentStatus['model']): string {
  if (recorded) return 'recorded demos only';
  return reachable ? 'reachable' : 'unreachable';
}

function networkOf({ mode, hosts }: AgentStatus['sandbox']['network']): string {
  if (mode === 'none') return 'closed for code';
  const listed = hosts.join(', ');
  if (mode === 'listed') return `open to ${listed}`;
  return `only hosts that a request names${listed === '' ? '' : `, and ${listed}`}`;
}
