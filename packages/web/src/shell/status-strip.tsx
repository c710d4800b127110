import type { JSX } from 'preact';
import { Dot, type Tone } from '../components/badge.tsx';
import { type Connection, useConnection } from '../state/connection.ts';

interface Item {
  readonly label: 'TEE' | 'Model' | 'Sandbox' | 'Connection';
  readonly value: string;
  readonly tone: Tone;
}

/** What the agent is made of and whether it verified, on every page. */
export function StatusStrip(): JSX.Element {
  const items = itemsOf(useConnection());
  return (
    <ul class="strip" aria-label="The agent">
      {items.map(({ label, value, tone }) => (
        <li key={label} data-strip={label.toLowerCase()} data-tone={tone}>
          <Dot tone={tone} />
          <span class="label">{label}</span>
          <span class={`value is-${tone}`} title={value}>
            {value}
          </span>
        </li>
      ))}
    </ul>
  );
}

function itemsOf(connection: Connection): readonly Item[] {
  if (connection.state !== 'verified') {
    const simulated = connection.state === 'refused' && connection.simulator !== null;
    const tee: readonly Item[] = simulated ? [{ label: 'TEE', value: 'SIMULATED', tone: 'open' }] : [];
    return [...tee, { label: 'Connection', ...WAITING[connection.state], ...(simulated ? UNACCEPTED : {}) }];
  }
  const { agent, status } = connection;
  const { tee, model, sandbox } = status;
  return [
    tee.simulated || agent.attested.verdict.simulated
      ? { label: 'TEE', value: 'SIMULATED', tone: 'open' }
      : { label: 'TEE', value: tee.name, tone: 'pass' },
    modelItem(model),
    {
      label: 'Sandbox',
      value: sandbox.lane === 'opening' ? 'opening…' : sandbox.lane,
      tone: sandbox.lane === 'opening' ? 'active' : 'pass',
    },
    { label: 'Connection', value: 'Verified', tone: agent.attested.verdict.simulated ? 'open' : 'pass' },
  ];
}

const UNACCEPTED = { value: 'Waiting for you', tone: 'open' } as const;

const WAITING: Readonly<Record<Exclude<Connection['state'], 'verified'>, Pick<Item, 'value' | 'tone'>>> = {
  connecting: { value: 'Verifying…', tone: 'active' },
  insecure: { value: 'Plain HTTP', tone: 'fail' },
  down: { value: 'Agent is down', tone: 'fail' },
  refused: { value: 'Not verified', tone: 'fail' },
  failed: { value: 'Failed', tone: 'fail' },
  'key-needed': { value: 'Needs the API key', tone: 'open' },
};

function modelItem(model: Extract<Connection, { state: 'verified' }>['status']['model']): Item {
  if (model.recorded) return { label: 'Model', value: 'Demos only', tone: 'open' };
  if (!model.reachable) return { label: 'Model', value: `${model.model || model.provider}, unreachable`, tone: 'fail' };
  return { label: 'Model', value: model.model || model.provider, tone: 'pass' };
}
