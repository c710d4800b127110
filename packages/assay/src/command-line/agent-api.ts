/** Reads documents of a verified agent through its sealed channel, up to a bound. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { decodeUtf8 } from '@assay/encoding/bytes';
import type { CodedError } from '@assay/encoding/coded-error';
import { type JsonObject, parseJson } from '@assay/encoding/json';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import { notFound, unauthorized } from '../connection/answer-content.ts';
import type { Agent } from '../index.ts';
import { agentRefusal } from './agent-refusal.ts';
import { CliError } from './errors.ts';
import { OPERATOR_HEADER } from './operator-key.ts';

export interface AgentApi {
  readonly url: string;
  /** JSON of an endpoint. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<JsonObject>;
  delete(path: string, headers?: Readonly<Record<string, string>>): Promise<JsonObject>;
  bytes(path: string): Promise<Uint8Array>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<JsonObject>;
}

const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Bundles carry the payloads. */
const MAX_PROBLEM_BYTES = 64 * 1024;

/**
 * @throws {CliError} `cli/agent-failed` for an error of the agent, `cli/agent-refused` for a no, or the agent's own code (`agent-refusal.ts`); {ClientError} `client/unauthorized` for a missing or wrong key, `client/not-found` for an unknown id, others and {ChannelError} of the channel.
 * @example const { receipts } = await agentApi(agent).get('api/receipts?limit=20');
 */
export function agentApi(agent: Agent): AgentApi {
  const base = withoutTrailing(agent.attested.url.href, '/');
  const request = async (path: string, most: number, init: RequestInit = {}): Promise<Uint8Array> => {
    const response = await agent.fetch(`${base}/${path}`, init);
    if (!response.ok) throw await refusal(response, base, new Headers(init.headers).has(OPERATOR_HEADER));
    const refuse = (): CliError =>
      new CliError(
        'cli/agent-failed',
        `${base} answers more than ${most} bytes; ask for less, or look at the log of the agent`,
      );
    return readAtMost(response.body, { most, what: base, refuse });
  };
  const json = async (path: string, init: RequestInit = {}): Promise<JsonObject> => {
    const bytes = await request(path, MAX_DOCUMENT_BYTES, init);
    try {
      const value = parseJson(bytes);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    } catch {
      // Said below.
    }
    throw new CliError('cli/agent-failed', `${base} answers no JSON object at ${path}; look at the log of the agent`);
  };
  return {
    url: base,
    get: (path, headers = {}) => json(path, { headers }),
    delete: (path, headers = {}) => json(path, { method: 'DELETE', headers }),
    bytes: (path) => request(path, MAX_BUNDLE_BYTES),
    post: (path, body, headers = {}) =>
      json(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      }),
  };
}

async function refusal(response: Response, base: string, byOperator: boolean): Promise<CodedError> {
  const text = await readAtMost(response.body, { most: MAX_PROBLEM_BYTES, what: base }).then(decodeUtf8, () => '');
  let detail = text.slice(0, 300);
  let code: string | null = null;
  try {
    const problem = JSON.parse(text) as Readonly<Record<string, unknown>>;
    detail = String(problem.detail ?? problem.error ?? problem.title ?? detail).slice(0, 1000);
    code = typeof problem.code === 'string' ? problem.code : null;
  } catch {
    // Not problem JSON.
  }
  detail = withCommands(detail);
  const { status } = response;
  const said = `${base} answers ${status}: ${oneLine(detail) || 'no text'}`;
  const message = said.includes('; ') ? said : `${said}; change the request, or ask the owners of the agent`;
  const refused = status === 401 ? null : agentRefusal({ status, code, message });
  if (refused !== null) return refused;
  if (status === 401) return unauthorized(oneLine(detail) || 'no text', byOperator ? 'ASSAY_OPERATOR_KEY' : 'ASSAY_API_KEY');
  if (status === 404) return notFound(oneLine(detail) || 'no text');
  const advised = said.includes('; ');
  return new CliError('cli/agent-failed', advised ? said : `${said}; mend the request, or look at the log of the agent`);
}

/** Routes that an agent's advice names, each with the command that asks it. */
const COMMANDS: readonly (readonly [route: RegExp, command: string])[] = [
  [/\bat \/api\/receipts(?![\w-])/, 'with assay receipt'],
  [/\bat \/api\/tasks(?![\w-])/, 'with assay tasks list'],
  [/\bPOST \/api\/models\/fetch\b/, 'assay model fetch'],
  [/\bGET \/api\/operator\/keys\b/, 'assay keys list'],
];

/** An agent's words with commands in place of its routes. */
function withCommands(text: string): string {
  return COMMANDS.reduce((said, [route, command]) => said.replace(route, command), text);
}

/** What others wrote, without its line ends and its full stop. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');
}
