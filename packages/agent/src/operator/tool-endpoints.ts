/**
 * Calls of registered tools over HTTP and MCP. Endpoints are named by owners; what comes back is the endpoint's word. Every call has a
 * deadline, every answer a bound, and no redirect is followed.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { ToolEndpoint } from '@assay/operator';

const TIMEOUT_MS = 30_000;
/** Of one answer. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** What an endpoint is told. */
export interface ToolCall {
  readonly tool: string;
  readonly callId: string;
  readonly arguments: JsonObject;
  /** Receipt of the prompt; requests that the endpoint makes to the agent name it. */
  readonly promptReceipt: string;
  /** Sent as bearer token; empty for none. */
  readonly secret: string;
  readonly signal: AbortSignal;
}

/** What came back: a text for the model. */
export interface ToolAnswer {
  readonly ok: boolean;
  readonly text: string;
}

/** Posts `{tool, arguments, call_id, prompt_receipt}` as JSON; any status from 200 to 299 is a success. */
export async function callHttpTool(url: string, call: ToolCall): Promise<ToolAnswer> {
  const body = JSON.stringify({
    tool: call.tool,
    arguments: call.arguments,
    call_id: call.callId,
    prompt_receipt: call.promptReceipt,
  });
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization(call.secret) },
    body,
    redirect: 'error',
    signal: AbortSignal.any([call.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const bytes = await readAtMost(answer.body, { most: MAX_ANSWER_BYTES, what: `the tool ${call.tool}` });
  return { ok: answer.ok, text: new TextDecoder().decode(bytes) };
}

/** Calls a tool of an MCP server (streamable HTTP), in a session of its own. */
export async function callMcpTool(endpoint: Extract<ToolEndpoint, { type: 'mcp' }>, call: ToolCall): Promise<ToolAnswer> {
  const [{ Client }, { StreamableHTTPClientTransport }] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
  ]);
  const client = new Client({ name: 'assay-agent', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(endpoint.url), {
    requestInit: { headers: { ...authorization(call.secret), 'x-assay-prompt-receipt': call.promptReceipt } },
    fetch: boundedFetch,
  });
  const limits = { signal: call.signal, timeout: TIMEOUT_MS };
  try {
    await client.connect(transport as Parameters<typeof client.connect>[0], limits);
    const name = endpoint.tool ?? call.tool;
    const result = await client.callTool({ name, arguments: call.arguments as Record<string, unknown> }, undefined, limits);
    return { ok: result.isError !== true, text: contentText(result.content as Json) };
  } finally {
    await client.close();
  }
}

/** The texts of a result; other content as JSON. */
function contentText(content: Json): string {
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content
    .map((part) => {
      const { type, text } = part as { readonly type?: string; readonly text?: string };
      return type === 'text' && typeof text === 'string' ? text : JSON.stringify(part);
    })
    .join('\n');
}

/** As `fetch`, with a bound, and without a stream that is only listened to. */
async function boundedFetch(input: string | URL, init: RequestInit = {}): Promise<Response> {
  if (init.method === 'GET') return new Response(null, { status: 405 });
  const answer = await fetch(input, { ...init, redirect: 'error' });
  let left = MAX_ANSWER_BYTES;
  const bound = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      left -= piece.length;
      if (left < 0) controller.error(new Error(`expected at most ${MAX_ANSWER_BYTES} bytes, got more`));
      else controller.enqueue(piece);
    },
  });
  const { status, headers } = answer;
  return new Response(answer.body?.pipeThrough(bound) ?? null, { status, headers });
}

function authorization(secret: string): Readonly<Record<string, string>> {
  return secret === '' ? {} : { authorization: `Bearer ${secret}` };
}
