import type { RunResult } from 'assay';
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
import { ConsentDialog } from '../shell/consent.tsx';
import { Obstacle } from '../shell/gate.tsx';
import { hasModel } from '../state/agent-reader.ts';
import { pathTo } from '../state/base.ts';
import { openConnection, type SimulatorRoot, useConnection } from '../state/connection.ts';
import { useTask } from '../state/run-task.ts';
import type { TaskRequest } from '../state/task-request.ts';
import type { TaskView } from '../state/task-steps.ts';

interface Pending {
  readonly request: TaskRequest;
  readonly simulator: SimulatorRoot;
}

/** Describe a task, watch it, and check its receipt: the panel of the seed. */
export function DeveloperPage(): JSX.Element {
  const connection = useConnection();
  const task = useTask();
  const [pending, setPending] = useState<Pending | null>(null);

  /** The task leaves only after the agent verified, sealed. */
  const run = async (request: TaskRequest): Promise<void> => {
    const opened = await openConnection();
    if (opened.state === 'verified') task.start(opened.agent, request);
    else if (opened.state === 'refused' && opened.simulator !== null) setPending({ request, simulator: opened.simulator });
  };

  const { view, progress, id, result, fault, busy } = task;
  const blocked = connection.state !== 'verified' && connection.state !== 'connecting';
  return (
    <Page
      title="Run a task"
      lead="Your browser verifies the agent, sends the task sealed to its attested key, and checks the receipt itself."
    >
      {blocked && <Obstacle connection={connection} />}
      {connection.state === 'verified' && !hasModel(connection.status) && <ModelOffer agent={connection.agent} />}
      <div class="columns">
        <TaskForm busy={busy} onSubmit={(request) => void run(request)} />
        <div class="stack">
          {fault !== '' && (
            <Notice tone="fail" title="The task did not run" role="alert">
              <p>{fault}</p>
            </Notice>
          )}
          {view.steps.length === 0 && fault === '' && <WhatHappens />}
          {view.recorded && (
            <Notice tone="open" title="Recorded answer" role="status">
              <p>No model is connected: this code comes from a transcript file. No model ran for this request.</p>
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
          <Output view={view} result={result} />
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

function Output({ view, result }: { readonly view: TaskView; readonly result: RunResult | null }): JSX.Element | null {
  if (view.stdout === '' && view.stderr === '' && result === null) return null;
  const stderr = result?.stderr ?? view.stderr;
  return (
    <>
      {result?.error && (
        <Notice tone="fail" title="The task failed" role="alert">
          <p>{result.error}</p>
        </Notice>
      )}
      <Card title="Output">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the keyboard */}
        <pre class="output" data-output tabIndex={0}>
          {result?.stdout ?? view.stdout}
        </pre>
        {result !== null && result.value !== null && result.value !== '' && (
          <p class="mono">
            Result: <span data-value>{result.value}</span>
          </p>
        )}
        {stderr !== '' && (
          <details open={result?.success === false}>
            <summary>Standard error</summary>
            <pre class="output">{stderr}</pre>
          </details>
        )}
      </Card>
    </>
  );
}
