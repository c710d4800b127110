/** Speaks to a running agent over HTTP. The API key comes from `ASSAY_API_KEY`, never from the command line, where others could read it. */

import { CliError } from './errors.ts';
import type { Io } from './io.ts';

export const DEFAULT_AGENT = 'http://127.0.0.1:8000';

/** One step of a task as the agent tells it (`GET /api/tasks/{id}/events`). */
export interface TaskEvent {
  readonly type: string;
  readonly [name: string]: unknown;
}

export interface AgentApi {
  readonly url: string;
  /** JSON of an endpoint. */
  get(path: string): Promise<Readonly<Record<string, unknown>>>;
  bytes(path: string): Promise<Uint8Array>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>>;
  events(path: string): AsyncGenerator<TaskEvent>;
}

/**
 * @param url the agent's origin.
 * @example const agent = agentApi(io, 'http://127.0.0.1:8000'); await agent.get('/api/status');
 */
export function agentApi(io: Io, url: string): AgentApi {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new CliError(
      'cli/bad-option',
      `--url: expected an http or https address, got ${JSON.stringify(url)}; write ${DEFAULT_AGENT}`,
    );
  }
  const base = url.replace(/\/+$/, '');
  const key = io.env.ASSAY_API_KEY;
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (key !== undefined && key !== '') headers.set('authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await io.fetch(`${base}${path}`, { ...init, headers, signal: io.signal });
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : (cause as Error).message;
      throw new CliError(
        'cli/agent-unreachable',
        `no agent answers at ${base} (${reason}); start one with assay serve, or give --url`,
        { cause },
      );
    }
    if (!response.ok) throw await refusal(response, base);
    return response;
  };
  return {
    url: base,
    get: async (path) => (await request(path)).json(),
    bytes: async (path) => new Uint8Array(await (await request(path)).arrayBuffer()),
    post: async (path, body, headers = {}) =>
      (
        await request(path, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', ...headers },
        })
      ).json(),
    events: async function* (path) {
      const response = await request(path, { headers: { accept: 'text/event-stream' } });
      yield* serverSentEvents(response);
    },
  };
}

async function refusal(response: Response, base: string): Promise<CliError> {
  const text = await response.text().catch(() => '');
  let detail = text.slice(0, 300);
  try {
    const problem = JSON.parse(text) as Readonly<Record<string, unknown>>;
    detail = String(problem.detail ?? problem.error ?? problem.title ?? detail);
  } catch {
    // Not problem JSON: some proxy answered.
  }
  const advice = response.status === 401 ? 'set ASSAY_API_KEY' : 'mend the request, or look at the log of the agent';
  return new CliError('cli/agent-failed', `${base} answers ${response.status}: ${oneLine(detail) || 'no text'}; ${advice}`);
}

/** What others wrote, without its line ends and its full stop. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
}

/** The `data:` lines of a stream (HTML living standard §9.2), as JSON. */
async function* serverSentEvents(response: Response): AsyncGenerator<TaskEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    for (;;) {
      const end = rest.search(/\r?\n\r?\n/);
      if (end < 0) break;
      const block = rest.slice(0, end);
      rest = rest.slice(end).replace(/^(?:\r?\n){2}/, '');
      const lines = block.split(/\r?\n/).filter((line) => line.startsWith('data:'));
      if (lines.length > 0) yield JSON.parse(lines.map((line) => line.slice(5).trimStart()).join('\n')) as TaskEvent;
    }
  }
}
