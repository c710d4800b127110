/**
 * The agent's HTTP interface as the console uses it. Every answer is treated as a claim: what the page calls verified comes from
 * `verification.ts`, never from here.
 */

export interface UploadedFile {
  readonly path: string;
  readonly content_base64: string;
}

export interface TaskRequest {
  readonly type: 'ai_generate_and_execute' | 'execute';
  readonly language: 'python' | 'javascript';
  readonly description?: string;
  readonly code?: string;
  readonly context?: unknown;
  readonly max_retries?: number;
  readonly include_attestation?: boolean;
  readonly files?: readonly UploadedFile[];
}

/** One step as `/api/tasks/{id}/events` tells it. */
export interface ProgressEvent {
  readonly type: string;
  readonly sequence: number;
  readonly at: number;
  readonly attempt?: number;
  readonly text?: string;
  readonly code?: string;
  readonly language?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly recorded?: boolean;
  readonly lane?: string;
  readonly status?: string;
  readonly error?: string | null;
  readonly reason?: string;
  readonly receipt_id?: string;
  readonly log_index?: number;
  readonly success?: boolean;
  readonly message?: string;
}

export interface ArtifactLink {
  readonly path: string;
  readonly media_type: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly url: string;
}

export interface TaskResult {
  readonly success: boolean;
  readonly task_id: string;
  readonly receipt_id: string;
  readonly bundle_url: string;
  readonly language?: string;
  readonly generated_code?: string;
  readonly execution_result?: {
    readonly success: boolean;
    readonly stdout: string;
    readonly stderr: string;
    readonly result: unknown;
  };
  readonly error?: string;
  readonly retries_used?: number;
  readonly artifacts?: readonly ArtifactLink[];
}

export interface ReceiptSummary {
  readonly receipt_id: string;
  readonly task: string;
  readonly served_at: number;
  readonly log_index: number | null;
  readonly state: 'running' | 'sealed' | 'interrupted';
  /** Where the next page begins. */
  readonly cursor: number;
}

const KEY_SLOT = 'assay.api-key';

/** The API key of this browser tab, for agents that demand one; kept for the session only. */
export function apiKey(): string {
  return sessionStorage.getItem(KEY_SLOT) ?? '';
}

export function setApiKey(key: string): void {
  sessionStorage.setItem(KEY_SLOT, key);
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const key = apiKey();
  const headers = new Headers(init.headers);
  if (key !== '') headers.set('authorization', `Bearer ${key}`);
  const answer = await fetch(path, { ...init, headers });
  if (answer.ok) return answer;
  const text = await answer.text();
  let detail = text.slice(0, 300);
  try {
    const problem = JSON.parse(text) as { detail?: unknown; code?: unknown };
    if (typeof problem.detail === 'string') detail = problem.detail;
    if (typeof problem.code === 'string') detail = `${problem.code}: ${detail}`;
  } catch {
    // Not a problem document; the text itself is the best there is.
  }
  throw new Error(answer.status === 401 ? `${detail} (enter the API key on the status page)` : detail);
}

export async function getJson<Shape>(path: string): Promise<Shape> {
  return (await (await call(path)).json()) as Shape;
}

export async function getText(path: string): Promise<string> {
  return await (await call(path)).text();
}

export async function getBytes(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await call(path)).arrayBuffer());
}

/** Starts a task and returns its id at once. */
export async function startTask(request: TaskRequest): Promise<string> {
  const answer = await call('./api/process?async=1', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: request }),
  });
  return ((await answer.json()) as { task_id: string }).task_id;
}

export async function cancelTask(taskId: string): Promise<void> {
  await call(`./api/tasks/${taskId}`, { method: 'DELETE' });
}

/** The events of a task from its beginning, over fetch so that the API key stays in a header. */
export async function* followTask(taskId: string): AsyncGenerator<ProgressEvent> {
  const answer = await call(`./api/tasks/${taskId}/events`, { headers: { accept: 'text/event-stream' } });
  if (!answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const data = buffer
        .slice(0, end)
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      buffer = buffer.slice(end + 2);
      if (data !== '') yield JSON.parse(data) as ProgressEvent;
    }
  }
}
