import '../style/theme.css';
import { type JSX, render } from 'preact';
import { useState } from 'preact/hooks';
import { BundleCheck } from '../components/bundle-check.tsx';
import { Code } from '../components/code.tsx';
import { Layout } from '../components/layout.tsx';
import { Steps } from '../components/steps.tsx';
import { TaskForm } from '../components/task-form.tsx';
import { TaskResultView } from '../components/task-result.tsx';
import { cancelTask, followTask, getBytes, getJson, startTask, type TaskRequest, type TaskResult } from '../state/agent-api.ts';
import { applyEvent, NO_TASK } from '../state/task-steps.ts';

function DeveloperPage(): JSX.Element {
  const [view, setView] = useState(NO_TASK);
  const [taskId, setTaskId] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<TaskResult | null>(null);
  const [bundle, setBundle] = useState<Uint8Array | null>(null);
  const [fault, setFault] = useState('');

  const run = async (request: TaskRequest): Promise<void> => {
    setView({ ...NO_TASK, language: request.language, code: request.code ?? '' });
    setResult(null);
    setBundle(null);
    setFault('');
    setBusy(true);
    try {
      const id = await startTask(request);
      setTaskId(id);
      for await (const event of followTask(id)) setView((known) => applyEvent(known, event));
      const { result: answer } = await getJson<{ readonly result: TaskResult }>(`./api/tasks/${id}`);
      setResult(answer);
      if (answer.bundle_url) setBundle(await getBytes(answer.bundle_url));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  const output = result?.execution_result;
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
          {view.steps.length === 0 && fault === '' && (
            <section class="card">
              <h2>What happens</h2>
              <p>
                The steps appear here as they happen: writing, running, retries with the error, sealing, logging. Then this
                browser checks the receipt itself, from the raw evidence.
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
                {busy && taskId && (
                  <button type="button" class="small" onClick={() => void cancelTask(taskId)}>
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
              <Code text={result?.generated_code ?? view.code} language={view.language} />
            </section>
          )}
          {(view.stdout !== '' || view.stderr !== '' || output) && (
            <section class="card" aria-label="Output">
              <h2>Output</h2>
              <pre data-output>{output?.stdout ?? view.stdout}</pre>
              {typeof output?.result === 'string' && output.result !== '' && (
                <p class="mono">
                  Result: <span data-value>{output.result}</span>
                </p>
              )}
              {(output?.stderr ?? view.stderr) !== '' && (
                <details open={result?.success === false}>
                  <summary>Standard error</summary>
                  <pre>{output?.stderr ?? view.stderr}</pre>
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
          {result && <TaskResultView result={result} bundle={bundle} />}
          {bundle && <BundleCheck bundle={bundle} />}
        </div>
      </div>
    </Layout>
  );
}

const root = document.getElementById('page');
if (root) render(<DeveloperPage />, root);
