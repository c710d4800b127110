import '../style/theme.css';
import { type Verdict, verdictOf } from 'assay';
import { type JSX, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Layout } from '../components/layout.tsx';
import { UnverifiedAgent } from '../components/unverified-agent.tsx';
import { apiKey, getJson, setApiKey } from '../state/agent-connection.ts';
import { getText } from '../state/public-files.ts';

type Members = Readonly<Record<string, unknown>>;

function Facts({ members }: { readonly members: Members }): JSX.Element {
  return (
    <dl>
      {Object.entries(members).map(([name, value]) => (
        <>
          <dt key={name}>{name.replaceAll('_', ' ')}</dt>
          <dd class="mono">
            {typeof value === 'object' && value !== null ? (
              <pre>{JSON.stringify(value, null, 2)}</pre>
            ) : value === true ? (
              'yes'
            ) : value === false ? (
              'no'
            ) : (
              String(value)
            )}
          </dd>
        </>
      ))}
    </dl>
  );
}

function StatusPage(): JSX.Element {
  const [status, setStatus] = useState<Members | null>(null);
  const [checkpoint, setCheckpoint] = useState('');
  const [key, setKey] = useState(apiKey());
  const [fault, setFault] = useState('');

  const [refused, setRefused] = useState<Verdict | null>(null);

  const load = (): void => {
    setFault('');
    setRefused(null);
    getJson<Members>('api/status').then(setStatus, (error: unknown) => {
      const verdict = verdictOf(error);
      if (verdict === null) setFault(String(error));
      else setRefused(verdict);
    });
    getText('./log/checkpoint').then(setCheckpoint, () => undefined);
  };
  useEffect(load, []);

  const simulated = (status?.tee as Members | undefined)?.simulated === true;
  return (
    <Layout page="status">
      <h1>Status</h1>
      {fault !== '' && (
        <div class="verdict is-fail" role="alert">
          {fault}
        </div>
      )}
      {refused !== null && <UnverifiedAgent verdict={refused} onNamed={load} />}
      {simulated && (
        <div class="verdict is-fail" role="status">
          <strong>Simulated TEE</strong>
          <p>This agent runs without trusted hardware. Its evidence has the real structure and no security.</p>
        </div>
      )}
      {status && (
        <div class="columns">
          {Object.entries(status).map(([name, value]) => (
            <section key={name} class="card" aria-label={name}>
              <h2>{name.replaceAll('_', ' ')}</h2>
              {typeof value === 'object' && value !== null ? (
                <Facts members={value as Members} />
              ) : (
                <p class="mono">{String(value)}</p>
              )}
            </section>
          ))}
        </div>
      )}
      {checkpoint !== '' && (
        <section class="card" aria-label="Log">
          <h2>Newest checkpoint of the log</h2>
          <pre>{checkpoint}</pre>
        </section>
      )}
      <section class="card" aria-label="API key">
        <h2>API key</h2>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setApiKey(key);
            load();
          }}
        >
          <div class="field">
            <label for="key">Key, when this agent demands one</label>
            <input
              id="key"
              type="password"
              autocomplete="off"
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
            <p class="hint">
              Kept in this tab only. It leaves sealed, after this browser verified the agent, and goes to this agent only.
            </p>
          </div>
          <button type="submit">Use</button>
        </form>
      </section>
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<StatusPage />, root);
