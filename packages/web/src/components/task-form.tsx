import { encodeBase64 } from '@assay/encoding/base64';
import { utf8 } from '@assay/encoding/bytes';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RecordedDemo } from '../state/local-models.ts';
import type { TaskRequest, UploadedFile } from '../state/task-request.ts';
import { Field } from './field.tsx';
import { FileInputs } from './file-inputs.tsx';

type Mode = 'generate' | 'own-code';

interface TaskFormProps {
  readonly busy: boolean;
  /** Fills the form each time another one is given. */
  readonly demo: RecordedDemo | null;
  /** What the visitor agrees to by starting the first task; `null` when there is nothing to ask. */
  readonly consent: ComponentChildren | null;
  readonly onSubmit: (request: TaskRequest) => void;
}

/** The purple panel of the seed: describe a task, or bring code of your own. */
export function TaskForm({ busy, demo, consent, onSubmit }: TaskFormProps): JSX.Element {
  const [mode, setMode] = useState<Mode>('generate');
  const [language, setLanguage] = useState<TaskRequest['language']>('python');
  const [description, setDescription] = useState('Calculate the factorial of 10');
  const [code, setCode] = useState('print(sum(range(101)))');
  const [context, setContext] = useState('');
  const [retries, setRetries] = useState(2);
  const [attestation, setAttestation] = useState(true);
  const [files, setFiles] = useState<readonly UploadedFile[]>([]);
  const [fault, setFault] = useState('');

  useEffect(() => {
    if (demo === null || demo.language === 'chat') return;
    setMode('generate');
    setLanguage(demo.language);
    setDescription(demo.description);
    setContext(demo.context === null ? '' : JSON.stringify(demo.context, null, 2));
    setFiles(demo.files.map(({ path, content }) => ({ path, content_base64: encodeBase64(utf8(content)) })));
  }, [demo]);

  const submit = (): void => {
    let parsed: unknown;
    try {
      parsed = context.trim() === '' ? null : JSON.parse(context);
    } catch {
      setFault('Expected a JSON object, for example {"rate": 0.05}.');
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
    <form
      class="panel stack"
      aria-labelledby="panel-title"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !busy) submit();
      }}
    >
      <div>
        <h2 id="panel-title">Generate &amp; Execute Code</h2>
        <p class="hint">Say what you want. The agent writes the code, runs it in its sandbox, and signs a receipt.</p>
      </div>
      <div class="pair">
        <Field id="mode" label="What to do">
          <select class="input" value={mode} onChange={(event) => setMode(event.currentTarget.value as Mode)}>
            <option value="generate">Describe a task</option>
            <option value="own-code">Run code of your own</option>
          </select>
        </Field>
        <Field id="language" label="Language">
          <select
            class="input"
            value={language}
            onChange={(event) => setLanguage(event.currentTarget.value as TaskRequest['language'])}
          >
            <option value="python">Python</option>
            <option value="javascript">JavaScript</option>
          </select>
        </Field>
      </div>
      {mode === 'generate' ? (
        <>
          <Field id="description" label="Description">
            <textarea
              class="input"
              required
              value={description}
              onInput={(event) => setDescription(event.currentTarget.value)}
            />
          </Field>
          <details>
            <summary>Context, retries</summary>
            <div class="stack panel-more">
              <Field id="context" label="Context (JSON)" fault={fault}>
                <textarea
                  class="input mono"
                  placeholder='{"principal": 1000}'
                  value={context}
                  onInput={(event) => setContext(event.currentTarget.value)}
                />
              </Field>
              <Field id="retries" label="Retries when the code fails">
                <input
                  class="input"
                  type="number"
                  min={0}
                  max={10}
                  value={retries}
                  onInput={(event) => setRetries(event.currentTarget.valueAsNumber)}
                />
              </Field>
            </div>
          </details>
        </>
      ) : (
        <Field id="own-code" label="Code">
          <textarea
            class="input mono"
            required
            rows={10}
            value={code}
            onInput={(event) => setCode(event.currentTarget.value)}
          />
        </Field>
      )}
      <FileInputs files={files} onChange={setFiles} />
      <label class="check-line">
        <input type="checkbox" checked={attestation} onChange={(event) => setAttestation(event.currentTarget.checked)} />
        Include the attestation
      </label>
      {consent !== null && <div class="panel-consent stack-sm">{consent}</div>}
      <div class="row-apart">
        <button type="submit" class="button is-panel" disabled={busy}>
          {consent === null ? '' : 'Accept the simulator, '}
          {mode === 'generate' ? '🤖 Generate & Execute' : 'Execute'}
        </button>
        <span class="hint desktop-only">Ctrl + Enter</span>
      </div>
    </form>
  );
}
