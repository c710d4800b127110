import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { type AgentStatus, hasModel } from '../state/agent-reader.ts';
import {
  type LocalModel,
  type LocalModels,
  type ModelFetch,
  type ModelFetching,
  type RecordedDemo,
  useLocalModels,
} from '../state/local-models.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';
import { Progress } from './progress.tsx';

interface ModelOfferProps {
  readonly agent: Agent;
  readonly status: AgentStatus;
  /** What is asked for here; demos of the other kind are left out. */
  readonly wants?: 'programs' | 'words';
  /** Puts a demo into the form; without it demos are not listed. */
  readonly onDemo?: (demo: RecordedDemo) => void;
}

/** What to know about the model before asking: that none is connected, and how to get one; or that it is too small for programs. */
export function ModelOffer(props: ModelOfferProps): JSX.Element | null {
  const { provider } = props.status.model;
  return hasModel(props.status) && provider !== 'embedded' ? null : <LocalModelNotice {...props} />;
}

function LocalModelNotice({ agent, status, wants = 'programs', onDemo }: ModelOfferProps): JSX.Element | null {
  const fetching = useLocalModels(agent);
  const { local, fault } = fetching;
  if (local === null && fault === '') return null;
  const runs = local?.models.find(({ name }) => name === status.model.model);
  if (local?.connected === true && wants === 'programs' && runs?.writes === 'words') return <WordsOnly model={runs} />;
  if (local?.connected === true) return null;
  const demos = (local?.demos ?? []).filter(({ language }) => (language === 'chat') === (wants === 'words'));
  return (
    <Notice tone="open" title={local?.fetch?.status === 'running' ? 'A model is being fetched' : 'No model is connected'}>
      {fault !== '' && (
        <p class="field-fault" role="alert">
          {fault}
        </p>
      )}
      {local !== null && local.fetch?.status !== 'running' && onDemo !== undefined && <Demos demos={demos} onDemo={onDemo} />}
      {local !== null && <Offer local={local} fetching={fetching} />}
    </Notice>
  );
}

function WordsOnly({ model }: { readonly model: LocalModel }): JSX.Element {
  return (
    <Notice tone="open" title="This model writes words, not programs">
      <p>
        {model.title} is too small to write programs that run: expect tasks to fail. It answers questions under Ask. For tasks,
        fetch a bigger one: <code>assay model fetch</code>.
      </p>
    </Notice>
  );
}

/** What is answered without a model; a click puts it into the form. */
function Demos({ demos, onDemo }: { readonly demos: readonly RecordedDemo[]; readonly onDemo: (demo: RecordedDemo) => void }) {
  if (demos.length === 0) return null;
  return (
    <div class="stack-sm">
      <p>Only these are answered, from a recording:</p>
      <ul class="demos" aria-label="Recorded demos">
        {demos.map((demo) => (
          <li key={`${demo.language} ${demo.description}`}>
            <button type="button" class="demo" onClick={() => onDemo(demo)}>
              {demo.description}
              {demo.language === 'javascript' && <span class="hint">JavaScript</span>}
              {demo.files.length > 0 && <span class="hint">with a sample file</span>}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Offer({ local, fetching }: { readonly local: LocalModels; readonly fetching: ModelFetching }): JSX.Element {
  const { engine, models, fetch } = local;
  const offered = models.find(({ recommended }) => recommended) ?? models[0];
  if (fetch?.status === 'running') return <Running fetch={fetch} models={models} onCancel={fetching.cancel} />;
  const ready = models.find(({ fetched }) => fetched);
  return (
    <div class="stack-sm">
      {ready !== undefined && (
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
