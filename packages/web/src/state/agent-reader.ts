/** Reads from a verified agent, through its sealed channel, with bounds. */

import { readAtMost } from '@assay/encoding/bounded-reader';
import type { Agent } from 'assay';
import { BASE } from './base.ts';

const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;

/** An answer with an error status. */
export class ProblemError extends Error {
  readonly status: number;
  /** `http/not-found`; `null` when the answer is not a problem document (RFC 9457). */
  readonly code: string | null;

  constructor(status: number, code: string | null, detail: string) {
    super(code === null ? detail : `${code}: ${detail}`);
    this.status = status;
    this.code = code;
  }
}

/** What `/api/status` says; spec/http-api.md. */
export interface AgentStatus {
  readonly version: string;
  readonly status: 'ok' | 'stopping';
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly tasks_running: number;
  readonly tee: { readonly name: string; readonly simulated: boolean };
  readonly keyset_digest: string;
  readonly keyset: { readonly not_after: number; readonly next_at: number; readonly failure: string | null };
  readonly model: {
    readonly provider: string;
    readonly model: string;
    readonly recorded: boolean;
    readonly reachable: boolean;
    readonly detail: string;
  };
  readonly sandbox: {
    readonly lane: string;
    readonly isolation: string;
    readonly languages: readonly string[];
    readonly environment_digest: string | null;
    readonly network: { readonly mode: string; readonly hosts: readonly string[] };
  };
  readonly store: { readonly name: string };
  readonly log: { readonly origin: string; readonly verifier_keys: readonly string[] };
  readonly warnings: readonly string[];
}

/** Whether a model answers, and not a transcript. */
export function hasModel({ model }: AgentStatus): boolean {
  return model.reachable && !model.recorded;
}

/**
 * JSON of the agent.
 * @throws {ProblemError} for an error status.
 * @example const { receipts } = await readJson<ReceiptList>(agent, 'api/receipts?limit=50');
 */
export async function readJson<Shape>(agent: Agent, path: string): Promise<Shape> {
  return JSON.parse(new TextDecoder().decode(await readBytes(agent, path, MAX_DOCUMENT_BYTES))) as Shape;
}

/** A bundle of the agent. @throws {ProblemError} */
export async function readBundle(agent: Agent, receiptId: string, { redact = false } = {}): Promise<Uint8Array> {
  const { MAX_BUNDLE_BYTES } = await import('../verifier/index.ts');
  return readBytes(agent, `bundles/${encodeURIComponent(receiptId)}${redact ? '?redact=1' : ''}`, MAX_BUNDLE_BYTES);
}

/**
 * Sends JSON, or nothing for `null`, and reads the JSON of the answer.
 * @throws {ProblemError}
 */
export async function sendJson<Shape>(
  agent: Agent,
  path: string,
  body: unknown,
  method: 'POST' | 'DELETE' = 'POST',
): Promise<Shape> {
  const sent = body === null ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await agent.fetch(new URL(path, BASE), { method, ...sent });
  return JSON.parse(new TextDecoder().decode(await contentOf(answer, MAX_DOCUMENT_BYTES))) as Shape;
}

/** The pieces of an answer as they come. @throws {ProblemError} */
export async function* streamOf(agent: Agent, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const answer = await agent.fetch(new URL(path, BASE), { signal });
  if (!answer.ok || answer.body === null) await contentOf(answer, MAX_DOCUMENT_BYTES);
  const reader = answer.body?.getReader();
  try {
    for (;;) {
      const piece = await reader?.read();
      if (piece?.value === undefined) return;
      yield piece.value;
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

async function readBytes(agent: Agent, path: string, most: number): Promise<Uint8Array> {
  return contentOf(await agent.fetch(new URL(path, BASE)), most);
}

async function contentOf(answer: Response, most: number): Promise<Uint8Array> {
  const bytes = await readAtMost(answer.body, { most, what: 'the agent' });
  if (answer.ok) return bytes;
  throw problemOf(answer.status, new TextDecoder().decode(bytes));
}

function problemOf(status: number, text: string): ProblemError {
  try {
    const { detail, code } = JSON.parse(text) as { readonly detail?: unknown; readonly code?: unknown };
    if (typeof detail === 'string') return new ProblemError(status, typeof code === 'string' ? code : null, detail);
  } catch {
    // Not a problem document; the text itself is the best there is.
  }
  return new ProblemError(status, null, text.slice(0, 300));
}
