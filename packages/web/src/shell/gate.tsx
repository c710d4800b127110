import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Field } from '../components/field.tsx';
import { Notice } from '../components/notice.tsx';
import { VerdictView } from '../components/verdict.tsx';
import { type Connection, reconnect, useConnection, useKey } from '../state/connection.ts';
import { durationOf, instantOf } from '../state/instants.ts';
import { ConsentNotice } from './consent.tsx';

type Verified = Extract<Connection, { state: 'verified' }>;

interface GateProps {
  readonly children: (verified: Verified) => ComponentChildren;
  /** Around what is in the way, for pages whose head depends on their content. */
  readonly fallback?: (obstacle: JSX.Element) => ComponentChildren;
}

/**
 * Draws its content once the agent is verified; until then what is in the way, and what to do about it.
 * @example <Gate>{({ agent }) => <ReceiptList agent={agent} />}</Gate>
 */
export function Gate({ children, fallback = (obstacle) => obstacle }: GateProps): JSX.Element {
  const connection = useConnection();
  return <>{connection.state === 'verified' ? children(connection) : fallback(<Obstacle connection={connection} />)}</>;
}

/** What stands between the visitor and the agent. */
export function Obstacle({ connection }: { readonly connection: Exclude<Connection, Verified> }): JSX.Element {
  switch (connection.state) {
    case 'connecting':
      return (
        <Card>
          <p aria-live="polite">Verifying the agent in this browser…</p>
          <div class="skeleton" />
          <div class="skeleton" />
        </Card>
      );
    case 'insecure':
      return <InsecurePage />;
    case 'down':
      return <AgentIsDown />;
    case 'key-needed':
      return <KeyForm rejected={connection.rejected} />;
    case 'failed':
      return (
        <Notice tone="fail" title="The connection failed" role="alert">
          <p>{connection.reason}</p>
          <div class="row">
            <Button icon="retry" onClick={() => void reconnect()}>
              Try again
            </Button>
          </div>
        </Notice>
      );
    case 'refused':
      if (connection.simulator !== null) return <ConsentNotice simulator={connection.simulator} />;
      return (
        <Card title="This agent does not verify. Nothing was sent to it.">
          {connection.clockLead !== null && <ClocksApart lead={connection.clockLead} />}
          <VerdictView verdict={connection.verdict} />
          <div class="row">
            <Button icon="retry" onClick={() => void reconnect()}>
              Verify again
            </Button>
          </div>
        </Card>
      );
  }
}

/** Evidence is dated; a device whose clock is wrong takes it for expired, or for not yet valid. */
function ClocksApart({ lead }: { readonly lead: number }): JSX.Element {
  const now = Date.now();
  return (
    <Notice tone="open" title={`Two clocks differ by ${durationOf(Math.round(Math.abs(lead) / 60_000) * 60)}`}>
      <p>
        This device says {instantOf(now)}, the agent says {instantOf(now + lead)}. Evidence is valid for a time, so a wrong
        clock makes it fail. If this device’s clock is wrong, set it, then verify again; otherwise the agent’s operator must.
      </p>
    </Notice>
  );
}

function AgentIsDown(): JSX.Element {
  return (
    <Card>
      <div role="status">
        <EmptyState
          icon="plug"
          title="The agent is down"
          action={
            <Button icon="retry" onClick={() => void reconnect()}>
              Try now
            </Button>
          }
        >
          Nothing answers at <code>{location.host}</code>. Start it with <code>npm start</code>; this page goes on by itself
          when it is back. What was acknowledged is kept.
        </EmptyState>
      </div>
    </Card>
  );
}

/** Browsers give cryptography to `https:` and to this machine only. */
function InsecurePage(): JSX.Element {
  const port = location.port === '' ? '80' : location.port;
  return (
    <Notice tone="fail" title="This page cannot verify anything over plain HTTP" role="alert">
      <p>
        The browser switches cryptography off for <code>{location.origin}</code>, because the page came unencrypted from another
        machine: anybody on the way could have changed it. Nothing was sent.
      </p>
      <p>Open it in one of these ways:</p>
      <ul>
        <li>
          over HTTPS, with a reverse proxy and <code>ASSAY_PUBLIC_URL</code>
        </li>
        <li>
          through a tunnel: <code>{`ssh -L 8000:127.0.0.1:${port} ${location.hostname}`}</code>, then{' '}
          <code>http://127.0.0.1:8000</code>
        </li>
      </ul>
    </Notice>
  );
}

function KeyForm({ rejected }: { readonly rejected: boolean }): JSX.Element {
  const [key, setKey] = useState('');
  return (
    <Card title="This agent asks for an API key">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void useKey(key.trim());
        }}
      >
        <Field
          id="api-key"
          label="API key"
          hint="Kept in this tab only. It leaves sealed to the verified agent and goes nowhere else."
          fault={rejected ? 'The agent does not take this key. Ask its operator for the value of ASSAY_API_KEY.' : ''}
        >
          <input
            class="input mono"
            type="password"
            autocomplete="off"
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </Field>
        <div>
          <Button type="submit" kind="primary" icon="key">
            Use this key
          </Button>
        </div>
      </form>
    </Card>
  );
}
