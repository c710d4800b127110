import type { Agent } from 'assay';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { requestOf } from '../state/started-tasks.ts';
import { draftOf } from '../state/task-draft.ts';
import { printable, sizeOf } from '../state/text-safety.ts';
import { Card } from './card.tsx';
import { Code } from './code.tsx';
import { Icon } from './icon.tsx';

/** Files that are named; a task may have hundreds. */
const MOST_NAMED = 12;

/** What the task was asked for. */
export function RequestCard({ agent, id }: { readonly agent: Agent; readonly id: string }): JSX.Element | null {
  const [request, setRequest] = useState<Readonly<Record<string, unknown>> | null>(() => requestOf(id));
  const [fault, setFault] = useState('');
  useEffect(() => {
    let current = true;
    const known = requestOf(id);
    setRequest(known);
    setFault('');
    if (known === null)
      agent.tasks.request(id).then(
        (found) => current && setRequest(found),
        (error: unknown) => current && setFault(error instanceof Error ? error.message : String(error)),
      );
    return () => {
      current = false;
    };
  }, [agent, id]);
  if (fault !== '')
    return (
      <Card title="Request">
        <p class="hint">It was too long to be kept, or the agent was started again while the task ran.</p>
      </Card>
    );
  if (request === null) return null;
  const { mode, language, description, code, context, files, review } = draftOf(request);
  const path = typeof request.path === 'string' ? request.path : '';
  return (
    <Card title="Request">
      {mode === 'generate' && <p class="request-words">{description}</p>}
      {mode === 'own-code' && code !== '' && <Code text={code} language={language} />}
      {path !== '' && <p class="mono">{printable(path)}</p>}
      <p class="hint">
        {language === 'javascript' ? 'JavaScript' : language === 'shell' ? 'Shell' : 'Python'}
        {review ? ' · reviewed before it runs' : ''}
      </p>
      {context !== '' && (
        <details>
          <summary>Context</summary>
          <Code text={context} language="json" />
        </details>
      )}
      {files.length > 0 && (
        <ul class="named-files">
          {files.slice(0, MOST_NAMED).map((file) => (
            <li key={file.path}>
              <Icon name="file" />
              <bdi class="mono">{printable(file.path)}</bdi>
              <span class="hint">{sizeOf(Math.floor((file.content_base64.length * 3) / 4))}</span>
            </li>
          ))}
          {files.length > MOST_NAMED && <li class="hint">{`and ${files.length - MOST_NAMED} more`}</li>}
        </ul>
      )}
    </Card>
  );
}
