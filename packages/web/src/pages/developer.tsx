import '../style/theme.css';
import { type Agent, type RunResult, type TaskRun, type Verdict, verdictOf } from 'assay';
import { type JSX, render } from 'preact';
import { useState } from 'preact/hooks';
import { AgentBanner } from '../components/agent-banner.tsx';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Code } from '../components/code.tsx';
import { Layout } from '../components/layout.tsx';
import { Steps } from '../components/steps.tsx';
import { TaskForm } from '../components/task-form.tsx';
import { TaskResultView } from '../components/task-result.tsx';
import { UnverifiedAgent } from '../components/unverified-agent.tsx';
import { openAgent } from '../state/agent-connection.ts';
import type { TaskRequest } from '../state/task-request.ts';
import { applyEvent, NO_TASK } from '../state/task-steps.ts';

function DeveloperPage(): JSX.Element {
  const [view, setView] = useState(NO_TASK);
  const [agent, setAgent] = useState<Agent | null>(null);
  const [task, setTask] = useState<TaskRun | null>(null);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<RunResult | null>(null);
  const [refused, setRefused] = useState<{ readonly verdict: Verdict; readonly request: TaskRequest } | null>(null);
  const [fault, setFault] = useState('');

  /** Verifies the agent first; only then the task leaves, sealed. */
  const run = async (request: TaskRequest): Promise<void> => {
    setView({ ...NO_TASK, language: request.language, code: request.code ?? '' });
    setResult(null);
    setRefused(null);
    setFault('');
    setBusy(true);
    try {
      const verified = await openAgent();
      setAgent(verified);
      const started = verified.run(request);
      setTask(started);
      for await (const step of started) setView((known) => applyEvent(known, step));
      setResult(await started);
    } catch (error) {
      const verdict = verdictOf(error);
      if (verdict !== null && verdict.type === 'report') setRefused({ verdict, request });
      else setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setTask(null);
      setBusy(false);
    }
  };

  return (
    <Layout page="developer">
      <div class="columns">
        <div class="stack">
          <TaskForm busy={busy} onSubmit={(request) => void run(request)} />
        </div>
        <div class="stack">
          {fault !== '' && (
            <div class="verdict is-fail" role="alert">
              <strong>The task did not run</strong>
              <p>{fault}</p>
            </div>
          )}
          {refused !== null && <UnverifiedAgent verdict={refused.verdict} onNamed={() => void run(refused.request)} />}
          {agent !== null && <AgentBanner agent={agent} />}
          {view.steps.length === 0 && fault === '' && refused === null && (
            <section class="card">
              <h2>What happens</h2>
              <p>
                First this browser verifies the agent; then your task leaves, sealed to its attested key. The steps appear here
                as they happen: writing, running, retries with the error, sealing, logging. Then this browser checks the receipt
                itself, from the raw evidence.
              </p>
            </section>
          )}
          {view.recorded && (
            <div class="verdict is-fail" role="status">
              <strong>Recorded answer</strong>
              <p>No model was reachable: the code below comes from a transcript file. Nobody ran a model for this request.</p>
            </div>
          )}
          {view.steps.length > 0 && (
            <section class="card" aria-label="Steps">
              <div class="row" style="justify-content:space-between">
                <h2>Steps</h2>
                {busy && task && (
                  <button type="button" class="small" onClick={() => void task.cancel().catch(() => undefined)}>
                    Cancel
                  </button>
                )}
              </div>
              <Steps steps={view.steps} />
            </section>
          )}
          {view.code !== '' && (
            <section class="card" aria-label="Code">
              <h2>Code</h2>
              <Code text={result?.code ?? view.code} language={view.language} />
            </section>
          )}
          {(view.stdout !== '' || view.stderr !== '' || result !== null) && (
            <section class="card" aria-label="Output">
              <h2>Output</h2>
              <pre data-output>{result?.stdout ?? view.stdout}</pre>
              {result !== null && result.value !== null && result.value !== '' && (
                <p class="mono">
                  Result: <span data-value>{result.value}</span>
                </p>
              )}
              {(result?.stderr ?? view.stderr) !== '' && (
                <details open={result?.success === false}>
                  <summary>Standard error</summary>
                  <pre>{result?.stderr ?? view.stderr}</pre>
                </details>
              )}
            </section>
          )}
          {result?.error && (
            <div class="verdict is-fail" role="alert">
              <strong>The task failed</strong>
              <p>{result.error}</p>
            </div>
          )}
          {result && <TaskResultView result={result} />}
          {result && <BundleCheck bundle={result.bundle} />}
        </div>
      </div>
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<DeveloperPage />, root);
