import type { ComparisonFrame, ComparisonOutcome, ComparisonProgress, ComparisonStep } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useReducer } from 'preact/hooks';
import { Card } from '../components/card.tsx';
import { ComparisonChart } from '../components/comparison-chart.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Progress } from '../components/progress.tsx';
import { pathTo } from '../state/base.ts';

/** What has been heard of the comparison. */
interface Followed {
  readonly connection: 'opening' | 'open' | 'lost';
  /** What is done before the first query. */
  readonly note: string;
  readonly frame: ComparisonFrame | null;
  readonly steps: readonly ComparisonStep[];
  readonly ended: { readonly outcome: ComparisonOutcome; readonly record: string; readonly last: boolean } | null;
  /** How a watch ended. */
  readonly watched: Watched | null;
}

type Watched = Pick<Extract<ComparisonProgress, { readonly type: 'watched' }>, 'changed' | 'scores'>;

type Heard = ComparisonProgress | { readonly type: 'opened' | 'lost' };

const NOTHING: Followed = { connection: 'opening', note: '', frame: null, steps: [], ended: null, watched: null };

function follow(state: Followed, heard: Heard): Followed {
  switch (heard.type) {
    case 'opened':
      return { ...NOTHING, connection: 'open' }; // what happened so far comes again
    case 'lost':
      return { ...state, connection: 'lost' };
    case 'note':
      return { ...state, note: heard.text };
    case 'plan':
      return { ...state, frame: heard.frame, steps: [], ended: null };
    case 'step':
      return { ...state, steps: [...state.steps, heard.step] };
    case 'ended':
      return { ...state, ended: heard };
    case 'watched':
      return { ...state, watched: heard };
  }
}

/** Draws the comparison that `assay compare --live` runs on this machine. */
export function ComparisonPage(): JSX.Element {
  const [state, hear] = useReducer(follow, NOTHING);
  useEffect(() => {
    const source = new EventSource(pathTo('comparison/events'));
    source.onopen = () => hear({ type: 'opened' });
    source.onerror = () => hear({ type: 'lost' });
    source.onmessage = ({ data }) => {
      const heard = JSON.parse(String(data)) as ComparisonProgress;
      hear(heard);
      if (heard.type === 'watched' || (heard.type === 'ended' && heard.last)) source.close();
    };
    return () => source.close();
  }, []);
  const { connection, frame, steps, ended, watched, note } = state;
  return (
    <Page title="Comparison" lead="Is it the same model? Drawn from this machine's own comparison, while it runs.">
      {watched !== null && <WatchEnd watched={watched} />}
      {frame === null ? (
        <Card>
          {watched !== null ? (
            <p>No query was asked.</p>
          ) : connection === 'lost' ? (
            <EmptyState icon="plug" title="No comparison runs here">
              Start one with <code>assay compare --live</code>; this page goes on by itself.
            </EmptyState>
          ) : (
            <p aria-live="polite">{note === '' ? 'Waiting for the comparison…' : `${sentence(note)}…`}</p>
          )}
        </Card>
      ) : (
        <Running frame={frame} steps={steps} ended={ended} lost={connection === 'lost' && ended === null && watched === null} />
      )}
    </Page>
  );
}

interface RunningProps extends Pick<Followed, 'steps' | 'ended'> {
  readonly frame: ComparisonFrame;
  readonly lost: boolean;
}

function Running({ frame, steps, ended, lost }: RunningProps): JSX.Element {
  const last = steps.at(-1);
  return (
    <>
      {lost && (
        <Notice tone="fail" title="The comparison was interrupted" role="alert">
          <p>Nothing more is heard of it. What was drawn is no verdict.</p>
        </Notice>
      )}
      {ended !== null && <Verdict {...ended} />}
      <Card title={`${frame.candidate} against ${frame.reference}`}>
        {ended === null && (
          <Progress
            label="Queries"
            done={steps.length}
            total={frame.maxQueries}
            note={`${steps.length}, at most ${frame.maxQueries}`}
          />
        )}
        <ComparisonChart path={{ ...frame, steps, outcome: ended?.outcome ?? null }} />
        {last !== undefined && (
          <p class="hint" aria-live="off">
            Last query: {last.score === null ? 'no score' : `score ${last.score.toFixed(3)}`}.
          </p>
        )}
      </Card>
    </>
  );
}

/** The alarm of a watch, or that there was none. */
function WatchEnd({ watched: { changed, scores } }: { readonly watched: Watched }): JSX.Element {
  return (
    <Notice tone={changed ? 'fail' : 'open'} title={changed ? 'CHANGED' : 'No change was proved'} role="alert">
      <p>
        {changed
          ? 'The answers over all rounds prove a change of the model.'
          : 'The watch ended, and its rounds prove no change.'}{' '}
        The scores of its rounds are in <span class="mono">{scores}</span>: they are the word of the program that compared.
      </p>
    </Notice>
  );
}

function Verdict({ outcome, record, last }: NonNullable<Followed['ended']>): JSX.Element {
  const isCoarse = outcome.verdict === 'SAME' && outcome.coarse;
  const tone = outcome.verdict === 'DIFFERENT' ? 'fail' : outcome.verdict === 'SAME' && !isCoarse ? 'pass' : 'open';
  return (
    <Notice tone={tone} title={isCoarse ? 'SAME (coarse)' : outcome.verdict}>
      <p>{outcome.basis}</p>
      {last ? (
        <p class="hint">
          The record is <span class="mono">{record}</span>. This drawing is the word of the program that compared;{' '}
          <code>assay verify</code>, or the page “Verify”, computes it again.
        </p>
      ) : (
        <p class="hint">
          One round of a watch. Its scores are kept in <span class="mono">{record}</span>; they are the word of the program that
          compared.
        </p>
      )}
    </Notice>
  );
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
