import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { TaskRequest, UploadedFile } from '../state/task-request.ts';
import { FileInputs } from './file-inputs.tsx';

type Mode = 'generate' | 'own-code';

/** The purple panel: describe a task, or bring code of your own. */
export function TaskForm({
  busy,
  onSubmit,
}: {
  readonly busy: boolean;
  readonly onSubmit: (request: TaskRequest) => void;
}): JSX.Element {
  const [mode, setMode] = useState<Mode>('generate');
  const [language, setLanguage] = useState<TaskRequest['language']>('python');
  const [description, setDescription] = useState('Calculate the factorial of 10');
  const [code, setCode] = useState('print(sum(range(101)))');
  const [context, setContext] = useState('');
  const [retries, setRetries] = useState(2);
  const [attestation, setAttestation] = useState(true);
  const [files, setFiles] = useState<readonly UploadedFile[]>([]);
  const [fault, setFault] = useState('');

  const submit = (event: Event): void => {
    event.preventDefault();
    let parsed: unknown;
    try {
      parsed = context.trim() === '' ? null : JSON.parse(context);
    } catch {
      setFault('Context: expected a JSON object, for example {"rate": 0.05}.');
      return;
    }
    setFault('');
    const shared = { language, files, include_attestation: attestation };
    onSubmit(
      mode === 'generate'
        ? { ...shared, type: 'ai_generate_and_execute', description, context: parsed, max_retries: retries }
        : { ...shared, type: 'execute', code },
    );
  };

  return (
    <form class="card panel" onSubmit={submit} aria-labelledby="panel-title">
      <h1 id="panel-title">Generate &amp; Execute Code</h1>
      <p class="hint">
        Describe what you want. The agent writes the code, runs it in its sandbox and answers with a signed receipt.
      </p>
      <div class="field">
        <label for="mode">What to do</label>
        <select id="mode" value={mode} onChange={(event) => setMode(event.currentTarget.value as Mode)}>
          <option value="generate">Describe a task, the model writes the code</option>
          <option value="own-code">Run code of your own (needs no model)</option>
        </select>
      </div>
      <div class="field">
        <label for="language">Language</label>
        <select
          id="language"
          value={language}
          onChange={(event) => setLanguage(event.currentTarget.value as TaskRequest['language'])}
        >
          <option value="python">Python</option>
          <option value="javascript">JavaScript</option>
        </select>
      </div>
      {mode === 'generate' ? (
        <>
          <div class="field">
            <label for="description">Description</label>
            <textarea
              id="description"
              required
              value={description}
              onInput={(event) => setDescription(event.currentTarget.value)}
            />
          </div>
          <details class="field">
            <summary>Context, retries</summary>
            <label for="context">Context (JSON)</label>
            <textarea
              id="context"
              class="mono"
              placeholder='{"principal": 1000}'
              value={context}
              onInput={(event) => setContext(event.currentTarget.value)}
            />
            <label for="retries">Retries when the code fails</label>
            <input
              id="retries"
              type="number"
              min={0}
              max={10}
              value={retries}
              onInput={(event) => setRetries(event.currentTarget.valueAsNumber)}
            />
          </details>
        </>
      ) : (
        <div class="field">
          <label for="own-code">Code</label>
          <textarea
            id="own-code"
            class="mono"
            required
            rows={10}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </div>
      )}
      <FileInputs files={files} onChange={setFiles} />
      <div class="field">
        <label>
          <input type="checkbox" checked={attestation} onChange={(event) => setAttestation(event.currentTarget.checked)} />{' '}
          Include the attestation
        </label>
      </div>
      {fault !== '' && <p role="alert">{fault}</p>}
      <button type="submit" class="primary" disabled={busy}>
        {mode === 'generate' ? '🤖 Generate & Execute' : 'Execute'}
      </button>
    </form>
  );
}
