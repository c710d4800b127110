/**
 * The one agent of this console, verified in this browser before anything is sent to it: tasks, files, keys and what others did travel
 * sealed after the verdict. What needs no secret (the log, a simulator's root) is read from `public-files.ts`.
 *
 * A console that this machine itself serves believes the simulator it came from, and says so; any other simulator only counts when
 * the visitor names its root.
 */

import { readAtMost } from '@assay/encoding/bounded-reader';
import { MAX_BUNDLE_BYTES } from '@assay/receipt';
import { type Agent, connect, verdictOf } from 'assay';
import { getText } from './public-files.ts';

const KEY_SLOT = 'assay.api-key';
const ROOT_SLOT = 'assay.simulated-root';
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
/** Bundles carry the payloads. */

/** The API key of this browser tab, for agents that demand one; kept for the session only. */
export function apiKey(): string {
  return sessionStorage.getItem(KEY_SLOT) ?? '';
}

export function setApiKey(key: string): void {
  sessionStorage.setItem(KEY_SLOT, key);
  opened = null;
}

/** PEM of the simulator's root that counts in this tab; `null` for none. */
export function namedRoot(): string | null {
  return sessionStorage.getItem(ROOT_SLOT);
}

/** Lets the evidence of this agent's simulator count in this tab. The visitor asked for it. */
export async function nameSimulator(): Promise<void> {
  sessionStorage.setItem(ROOT_SLOT, await getText('./simulated-root.pem'));
  opened = null;
}

let opened: Promise<Agent> | null = null;

/** The verified agent. @throws {ClientError} with the verdict in `details` when it does not verify; then nothing was sent to it. */
export function openAgent(): Promise<Agent> {
  opened ??= verified().catch((error: unknown) => {
    opened = null;
    throw error;
  });
  return opened;
}

async function verified(): Promise<Agent> {
  const named = namedRoot();
  try {
    return await connectWith(named);
  } catch (error) {
    if (named !== null || !isThisMachine() || !isUnknownRoot(error)) throw error;
    return connectWith(await getText('./simulated-root.pem'));
  }
}

function connectWith(rootPem: string | null): Promise<Agent> {
  const key = apiKey();
  const trust = { simulatedRoot: rootPem ?? undefined };
  return connect(new URL('.', location.href), { trust, apiKey: key === '' ? undefined : key });
}

/** The page itself came from here, so the server that answers is the one whose code runs in this page. */
function isThisMachine(): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
}

function isUnknownRoot(error: unknown): boolean {
  return verdictOf(error)?.error?.code === 'certificate/root-not-trusted';
}

/** JSON of the verified agent. */
export async function getJson<Shape>(path: string): Promise<Shape> {
  return JSON.parse(new TextDecoder().decode(await read(path, MAX_DOCUMENT_BYTES))) as Shape;
}

/** A bundle of the verified agent. */
export function getBundle(receiptId: string, { redact = false } = {}): Promise<Uint8Array> {
  return read(`bundles/${encodeURIComponent(receiptId)}${redact ? '?redact=1' : ''}`, MAX_BUNDLE_BYTES);
}

async function read(path: string, most: number): Promise<Uint8Array> {
  const agent = await openAgent();
  const answer = await agent.fetch(new URL(path, new URL('.', location.href)));
  const bytes = await readAtMost(answer.body, { most, what: 'the agent' });
  if (answer.ok) return bytes;
  throw new Error(problemOf(answer.status, new TextDecoder().decode(bytes)));
}

function problemOf(status: number, text: string): string {
  let detail = text.slice(0, 300);
  try {
    const problem = JSON.parse(text) as { readonly detail?: unknown; readonly code?: unknown };
    if (typeof problem.detail === 'string') detail = problem.detail;
    if (typeof problem.code === 'string') detail = `${problem.code}: ${detail}`;
  } catch {
    // Not a problem document; the text itself is the best there is.
  }
  return status === 401 ? `${detail} (enter the API key on the status page)` : detail;
}
