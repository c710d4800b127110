import type { Agent } from 'assay';
import type { JSX } from 'preact';
import {
  type LocalModel,
  type LocalModels,
  type ModelFetch,
  type ModelFetching,
  useLocalModels,
} from '../state/local-models.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';
import { Progress } from './progress.tsx';

/** Where no model is connected: fetch one that runs on the agent's machine, with its progress; or connect one. */
export function ModelOffer({ agent }: { readonly agent: Agent }): JSX.Element | null {
  const fetching = useLocalModels(agent);
  const { local, fault } = fetching;
  if (local === null && fault === '') return null;
  if (local?.connected === true) return null;
  return (
    <Notice tone="open" title={local?.fetch?.status === 'running' ? 'A model is being fetched' : 'No model is connected'}>
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
      {local !== null && <Offer local={local} fetching={fetching} />}
    </Notice>
  );
}

function Offer({ local, fetching }: { readonly local: LocalModels; readonly fetching: ModelFetching }): JSX.Element {
  const { engine, models, fetch } = local;
  const offered = models.find(({ recommended }) => recommended) ?? models[0];
  if (fetch?.status === 'running') return <Running fetch={fetch} models={models} onCancel={fetching.cancel} />;
  const ready = models.find(({ fetched }) => fetched);
  return (
    <div class="stack-sm">
      {ready === undefined ? (
        <p>Only the recorded demos are answered, for example “Calculate the factorial of 10”.</p>
      ) : (
        <p data-fetched>
          {ready.title} is on the agent’s machine. Restart the agent with <code>npm start</code> to use it.
        </p>
      )}
      {fetch?.status === 'failed' && (
        <p class="field-fault" role="alert">
          {fetch.error === null ? 'The fetch failed.' : `${fetch.error.code}: ${fetch.error.message}`}
        </p>
      )}
      {fetch?.status === 'cancelled' && <p>The fetch was cancelled. What has come is kept; it goes on from there.</p>}
      {!engine.supported && <p>No model can run on the agent’s own machine: {engine.detail}</p>}
      {engine.supported && ready === undefined && offered !== undefined && (
        <div class="row">
          <Button kind="primary" icon="download" onClick={() => fetching.start(offered.name)}>
            {fetch === null ? 'Fetch' : 'Try again:'} {shortTitle(offered)} ({megabytes(offered.bytes)})
          </Button>
          <span class="hint">{offered.licence}. Its digest is checked, and named in every receipt.</span>
        </div>
      )}
      <p class="hint">
        Or connect one: set <code>OLLAMA_HOST</code>, <code>OPENAI_BASE_URL</code> or <code>OPENAI_API_KEY</code> and start the
        agent again.
      </p>
    </div>
  );
}

const STEPS: Readonly<Record<ModelFetch['step'], string>> = {
  engine: 'Installing the engine',
  model: 'Fetching the model',
  checking: 'Checking the digest',
};

function Running({
  fetch,
  models,
  onCancel,
}: {
  readonly fetch: ModelFetch;
  readonly models: readonly LocalModel[];
  readonly onCancel: () => void;
}): JSX.Element {
  const { step, bytes_done: done, bytes_total: total, source, name } = fetch;
  const title = models.find((model) => model.name === name)?.title ?? name;
  return (
    <div class="stack-sm">
      <Progress
        label={`${STEPS[step]}: ${title}`}
        done={done}
        total={total}
        note={total === 0 ? '' : `${megabytes(done)} of ${megabytes(total)}`}
      />
      <div class="row-apart">
        <span class="hint">{source === null ? '' : `From ${source}`}</span>
        <Button small onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </div>
  );
}

function shortTitle({ title }: LocalModel): string {
  return title.replace(/ Instruct$/, '');
}

/** As the sizes of files are shown: 1 MB has 2^20 bytes. */
function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
