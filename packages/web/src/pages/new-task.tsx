import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Button, ButtonLink } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Field } from '../components/field.tsx';
import { FileInputs } from '../components/file-inputs.tsx';
import { Notice } from '../components/notice.tsx';
import { Page } from '../components/page.tsx';
import { Gate } from '../shell/gate.tsx';
import { pathTo } from '../state/base.ts';
import { requestOf, startTask } from '../state/started-tasks.ts';
import { draftOf, EMPTY_DRAFT, requestIn, type TaskDraft } from '../state/task-draft.ts';
import type { TaskRequest } from '../state/task-request.ts';

/** A task to be written down; `?from=ID` begins with what another task was asked for. */
export function NewTaskPage(): JSX.Element {
  return (
    <Page
      title="New task"
      lead={
        <>
          <a href={pathTo('tasks')}>All tasks</a> / It leaves sealed to the verified agent.
        </>
      }
    >
      <Gate>{({ agent, status }) => <Start agent={agent} languages={status.sandbox.languages} />}</Gate>
    </Page>
  );
}

function Start({ agent, languages }: { readonly agent: Agent; readonly languages: readonly string[] }): JSX.Element {
  const { from } = useLocation().query;
  const [read, setRead] = useState<{ readonly from: string; readonly draft: TaskDraft; readonly fault: string } | null>(null);
  useEffect(() => {
    if (from === undefined) return;
    let current = true;
    const known = requestOf(from);
    const asked = known === null ? agent.tasks.request(from) : Promise.resolve(known);
    asked
      .then((request) => ({ from, draft: draftOf(request), fault: '' }))
      .catch((error: unknown) => ({ from, draft: EMPTY_DRAFT, fault: error instanceof Error ? error.message : String(error) }))
      .then((found) => current && setRead(found));
    return () => {
      current = false;
    };
  }, [agent, from]);
  if (from === undefined) return <TaskEditor key="" agent={agent} languages={languages} initial={EMPTY_DRAFT} />;
  if (read?.from !== from) return <Card>Reading what was asked for…</Card>;
  return (
    <>
      {read.fault !== '' && (
        <Notice tone="open" title="That task’s request is not there any more" role="status">
          <p>{read.fault}</p>
        </Notice>
      )}
      <TaskEditor key={from} agent={agent} languages={languages} initial={read.draft} />
    </>
  );
}

interface EditorProps {
  readonly agent: Agent;
  readonly languages: readonly string[];
  readonly initial: TaskDraft;
}

function TaskEditor({ agent, languages, initial }: EditorProps): JSX.Element {
  const { route } = useLocation();
  const [draft, setDraft] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<{ readonly field: 'context' | 'task'; readonly words: string } | null>(null);
  const set = (change: Partial<TaskDraft>): void => setDraft((known) => ({ ...known, ...change }));

  const submit = async (): Promise<void> => {
    const request: TaskRequest | null = requestIn(draft);
    if (request === null) return setFault({ field: 'context', words: 'Expected a JSON object, for example {"rate": 0.05}.' });
    setFault(null);
    setBusy(true);
    try {
      route(pathTo(`tasks/${await startTask(agent, request)}`));
    } catch (error) {
      setFault({ field: 'task', words: error instanceof Error ? error.message : String(error) });
      setBusy(false);
    }
  };
  const writes = draft.mode === 'generate';
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !busy) event.currentTarget.requestSubmit();
      }}
    >
      {fault?.field === 'task' && (
        <Notice tone="fail" title="The agent did not take the task" role="alert">
          <p>{fault.words}</p>
        </Notice>
      )}
      <Card>
        <div class="row-apart">
          <fieldset class="chips-choice">
            <legend class="hidden">What to do</legend>
            <button type="button" class="chip" aria-pressed={writes} onClick={() => set({ mode: 'generate' })}>
              Describe a task
            </button>
            <button type="button" class="chip" aria-pressed={!writes} onClick={() => set({ mode: 'own-code' })}>
              Run code of your own
            </button>
          </fieldset>
          <div class="inline-field">
            <label for="language">Language</label>
            <select
              id="language"
              class="input"
              value={draft.language}
              onChange={(event) => set({ language: event.currentTarget.value as TaskDraft['language'] })}
            >
              <option value="python">Python</option>
              <option value="javascript">JavaScript</option>
              {!writes && languages.includes('shell') && <option value="shell">Shell</option>}
            </select>
          </div>
        </div>
        {writes ? (
          <Field id="description" label="What should it do?">
            <textarea
              class="input"
              required
              rows={5}
              maxLength={32_768}
              placeholder="Load /tmp/sales.csv, sum revenue by region, and draw a bar chart"
              value={draft.description}
              onInput={(event) => set({ description: event.currentTarget.value })}
            />
          </Field>
        ) : (
          <Field id="own-code" label="Code">
            <textarea
              class="input mono code-editor"
              required
              rows={12}
              spellcheck={false}
              value={draft.code}
              onInput={(event) => set({ code: event.currentTarget.value })}
            />
          </Field>
        )}
        <FileInputs files={draft.files} onChange={(files) => set({ files })} />
        {writes && (
          <label class="check-line">
            <input type="checkbox" checked={draft.review} onChange={(event) => set({ review: event.currentTarget.checked })} />
            <span>
              Review the code before it runs <span class="hint">Read it, edit it, then run it.</span>
            </span>
          </label>
        )}
        <details open={fault?.field === 'context'}>
          <summary>More</summary>
          <div class="stack panel-more">
            {writes && (
              <>
                <Field
                  id="context"
                  label="Context (JSON)"
                  hint="Facts for the model and the program."
                  fault={fault?.field === 'context' ? fault.words : ''}
                >
                  <textarea
                    class="input mono"
                    placeholder='{"principal": 1000}'
                    value={draft.context}
                    onInput={(event) => set({ context: event.currentTarget.value })}
                  />
                </Field>
                <Field id="retries" label="Retries when the code fails">
                  <input
                    class="input"
                    type="number"
                    min={0}
                    max={10}
                    value={draft.retries}
                    onInput={(event) => set({ retries: event.currentTarget.valueAsNumber })}
                  />
                </Field>
              </>
            )}
            <label class="check-line">
              <input
                type="checkbox"
                checked={draft.attestation}
                onChange={(event) => set({ attestation: event.currentTarget.checked })}
              />
              Put an attestation of its own into the answer
            </label>
          </div>
        </details>
        <div class="row">
          <Button type="submit" kind="primary" icon="play" disabled={busy}>
            {busy ? 'Starting…' : writes ? 'Start' : 'Run'}
          </Button>
          <ButtonLink kind="quiet" href={pathTo('tasks')}>
            Cancel
          </ButtonLink>
          <span class="hint desktop-only">Ctrl + Enter</span>
        </div>
      </Card>
    </form>
  );
}
