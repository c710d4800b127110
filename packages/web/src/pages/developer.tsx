import type { RunResult } from 'assay';
import { errorLine } from 'assay/story';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Attempt } from '../components/attempt.tsx';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Code } from '../components/code.tsx';
import { ModelOffer } from '../components/model-offer.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Steps } from '../components/steps.tsx';
import { TaskForm } from '../components/task-form.tsx';
import { TaskResultView } from '../components/task-result.tsx';
import { ConsentDialog, ConsentInPanel } from '../shell/consent.tsx';
import { Obstacle } from '../shell/gate.tsx';
import { pathTo } from '../state/base.ts';
import { acceptSimulator, type Connection, openConnection, type SimulatorRoot, useConnection } from '../state/connection.ts';
import type { RecordedDemo } from '../state/local-models.ts';
import { useTask } from '../state/run-task.ts';
import type { TaskRequest } from '../state/task-request.ts';
import type { TaskView } from '../state/task-steps.ts';
import { END_WORDS } from '../state/task-words.ts';

interface Pending {
  readonly request: TaskRequest;
  readonly simulator: SimulatorRoot;
}

/** Describe a task, watch it, and check its receipt: the panel of the seed. */
export function DeveloperPage(): JSX.Element {
  const connection = useConnection();
  const task = useTask();
  const [demo, setDemo] = useState<RecordedDemo | null>(null);
  const [pending, setPending] = useState<Pending | null>(null);

  /**
   * The task leaves only after the agent verified, sealed. `accepted` is the simulator that the panel explained above the button which
   * was clicked: that click is the consent. A simulator that was not explained there is asked about first.
   */
  const run = async (request: TaskRequest, accepted: SimulatorRoot | null = null): Promise<void> => {
    const opened = await (accepted === null ? openConnection() : acceptSimulator(accepted));
    if (opened.state === 'verified') task.start(opened.agent, request);
    else if (opened.state === 'refused' && opened.simulator !== null) setPending({ request, simulator: opened.simulator });
  };

  const { view, progress, id, result, fault, busy } = task;
  const consented = askedInPanel(connection);
  const blocked = connection.state !== 'verified' && connection.state !== 'connecting' && consented === null;
  return (
    <Page
      title="Run a task"
      lead="Your browser verifies the agent, sends the task sealed to its attested key, and checks the receipt itself."
    >
      {blocked && <Obstacle connection={connection} />}
      {connection.state === 'verified' && <ModelOffer agent={connection.agent} status={connection.status} onDemo={setDemo} />}
      <div class="columns">
        <TaskForm
          busy={busy}
          demo={demo}
          consent={consented === null ? null : <ConsentInPanel />}
          onSubmit={(request) => void run(request, consented)}
        />
        <div class="stack">
          {fault !== '' && (
            <Notice tone="fail" title="The task did not run" role="alert">
              <p>{fault}</p>
            </Notice>
          )}
          {view.steps.length === 0 && fault === '' && <WhatHappens />}
          {view.recorded && view.code !== '' && (
            <Notice tone="open" title="Recorded answer" role="status">
              <p>
                No model is connected: this code was recorded for the demo and its sample files. No model ran for this request.
              </p>
            </Notice>
          )}
          {view.steps.length > 0 && (
            <Card
              title="Steps"
              actions={
                <span class="row">
                  {busy && (
                    <Button small onClick={task.cancel}>
                      Cancel
                    </Button>
                  )}
                  {id !== null && (
                    <ButtonLink small icon="link" href={pathTo(`tasks/${id}`)}>
                      Page of this task
                    </ButtonLink>
                  )}
                </span>
              }
            >
              <Steps steps={view.steps} />
            </Card>
          )}
          <Output view={view} result={result} endCode={progress.end?.code ?? null} />
          {view.code !== '' && (
            <Card title="Code">
              <Code text={result?.code ?? view.code} language={view.language} />
            </Card>
          )}
          {progress.attempts.slice(0, -1).map((attempt) => (
            <Attempt key={attempt.attempt} attempt={attempt} open={false} alone={false} />
          ))}
          {result && <TaskResultView result={result} />}
          {result && <BundleCheck bundle={result.bundle} />}
        </div>
      </div>
      {pending !== null && (
        <ConsentDialog
          simulator={pending.simulator}
          onClose={() => setPending(null)}
          onAccepted={() => {
            setPending(null);
            void run(pending.request);
          }}
        />
      )}
    </Page>
  );
}

/** The simulator that the panel may ask about: one that is met for the first time. A changed root is asked about on its own. */
function askedInPanel(connection: Connection): SimulatorRoot | null {
  if (connection.state !== 'refused' || connection.simulator === null) return null;
  return connection.simulator.replaces ? null : connection.simulator;
}

function WhatHappens(): JSX.Element {
  return (
    <Card title="What happens">
      <ol class="stack-sm">
        <li>This browser verifies the agent from its raw evidence.</li>
        <li>The task leaves sealed: only the attested agent can read it.</li>
        <li>The model writes code; the sandbox runs it. A failure goes back to the model.</li>
        <li>The agent seals a receipt and logs it. This browser checks both.</li>
      </ol>
    </Card>
  );
}

interface OutputProps {
  readonly view: TaskView;
  readonly result: RunResult | null;
  /** Why the task did not succeed. */
  readonly endCode: string | null;
}

function Output({ view, result, endCode }: OutputProps): JSX.Element | null {
  if (view.stdout === '' && view.stderr === '' && result === null) return null;
  const stderr = result?.stderr ?? view.stderr;
  const stdout = result?.stdout ?? view.stdout;
  return (
    <>
      {result !== null && result.outcome !== 'succeeded' && (
        <Failure error={result.error.message} view={view} stderr={stderr} endCode={endCode} />
      )}
      <Card title="Output">
        {stdout === '' ? (
          <p class="hint">{result === null ? 'Nothing was printed so far.' : 'The program printed nothing.'}</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard
          <pre class="output" data-output tabIndex={0}>
            {stdout}
          </pre>
        )}
        {result !== null && result.value !== null && result.value !== '' && (
          <p class="mono">
            Result: <span data-value>{result.value}</span>
          </p>
        )}
        {stderr !== '' && (
          <details open={result !== null && result.outcome !== 'succeeded'}>
            <summary>Standard error</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard */}
            <pre class="output" data-stderr tabIndex={0}>
              {stderr}
            </pre>
          </details>
        )}
      </Card>
    </>
  );
}

interface FailureProps extends Pick<OutputProps, 'view' | 'endCode'> {
  readonly error: string;
  readonly stderr: string;
}

/** Says how it ended; the error itself only where neither a step nor standard error has it. */
function Failure({ error, view, stderr, endCode }: FailureProps): JSX.Element {
  const line = errorLine(error);
  const told = view.steps.some(({ detail }) => detail === line);
  const words = endCode === null ? '' : (END_WORDS[endCode] ?? endCode);
  return (
    <Notice tone="fail" title="The task failed" role="alert">
      {words !== '' && <p>{words}</p>}
      {(!told || words === '') && <p>{line}</p>}
      {error.trim() !== line && !stderr.includes(error.trim()) && (
        <details>
          <summary>Whole error</summary>
          <pre class="output">{error}</pre>
        </details>
      )}
    </Notice>
  );
}
