/**
 * The one agent of this console, verified in this browser before anything is sent to it: tasks, files, keys and what others did travel
 * sealed after the verdict. What needs no secret (the log, a simulator's root) is read from `public-files.ts`.
 *
 * A simulator counts only after the visitor accepted its root, once, in this browser. The page follows the agent: it notices when it
 * stops, and verifies it again when it is back.
 */

import type { Agent, Verdict } from 'assay';
import { useEffect, useState } from 'preact/hooks';
import { type AgentStatus, ProblemError, readJson } from './agent-reader.ts';
import { BASE } from './base.ts';
import { keptKey, keptRoot } from './kept.ts';
import { clockLead, getText, isAlive } from './public-files.ts';

/** The root that would let a simulator's evidence count. */
export interface SimulatorRoot {
  readonly pem: string;
  /** The visitor accepted another one before: the agent's data directory is new, or this is another agent. */
  readonly replaces: boolean;
}

export type Connection =
  | { readonly state: 'connecting' }
  /** The browser has no cryptography for this page (plain HTTP from another machine). */
  | { readonly state: 'insecure' }
  | { readonly state: 'down' }
  /** It does not verify; nothing was sent to it. With a `simulator`, accepting its root would let it count. */
  | {
      readonly state: 'refused';
      readonly verdict: Verdict;
      readonly simulator: SimulatorRoot | null;
      /** How far the agent's clock is ahead, milliseconds, where the clocks are too far apart for dated evidence. */
      readonly clockLead: number | null;
    }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'key-needed'; readonly rejected: boolean }
  | { readonly state: 'verified'; readonly agent: Agent; readonly status: AgentStatus };

/** Clocks that differ by less explain no refusal. */
const CLOCKS_APART_MS = 120_000;
const WATCH_MS = 10_000;
const DOWN_MS = 3_000;
/** Failed looks in a row that count as down: one may be a laptop that woke up. */
const DOWN_AFTER = 2;

let connection: Connection = { state: 'connecting' };
let turn = 0;
let opening: Promise<Connection> | null = null;
const readers = new Set<(connection: Connection) => void>();

function settle(next: Connection): Connection {
  connection = next;
  for (const reader of readers) reader(next);
  return next;
}

/** The connection, in any component; the first one that asks opens it. */
export function useConnection(): Connection {
  const [known, setKnown] = useState(connection);
  useEffect(() => {
    readers.add(setKnown);
    setKnown(connection);
    void openConnection();
    return () => {
      readers.delete(setKnown);
    };
  }, []);
  return known;
}

/** Opens the connection, or gives the one that is open. */
export function openConnection(): Promise<Connection> {
  opening ??= open();
  return opening;
}

/** Verifies the agent again, with the key and the root that are kept now. */
export function reconnect(): Promise<Connection> {
  opening = open();
  return opening;
}

/** Keeps the API key for this tab and tries it. */
export function useKey(key: string): Promise<Connection> {
  keptKey.set(key === '' ? null : key);
  return reconnect();
}

/** Lets the evidence of this simulator count in this browser from now on. The visitor asked for it. */
export function acceptSimulator({ pem }: SimulatorRoot): Promise<Connection> {
  keptRoot.set(pem);
  return reconnect();
}

async function open(): Promise<Connection> {
  turn += 1;
  const mine = turn;
  const put = (next: Connection): Connection => (mine === turn ? settle(next) : next);
  watch();
  if (globalThis.crypto?.subtle === undefined) return put({ state: 'insecure' });
  if (connection.state !== 'verified') put({ state: 'connecting' });
  try {
    const next = put(await verifiedConnection());
    if (next.state === 'refused' && next.simulator === null) void explainRefusal(next);
    return next;
  } catch (error) {
    return put(await isAlive().then((alive) => (alive ? { state: 'failed', reason: textOf(error) } : { state: 'down' })));
  }
}

async function verifiedConnection(): Promise<Connection> {
  const { connect, verdictOf } = await import('../verifier/index.ts');
  const root = keptRoot.get();
  let agent: Agent;
  try {
    agent = await connect(BASE, {
      trust: { simulatedRoot: root ?? undefined },
      apiKey: keptKey.get() ?? undefined,
    });
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === null) throw error;
    const simulator = await simulatorOf(verdict, root);
    return { state: 'refused', verdict, simulator, clockLead: null };
  }
  try {
    return { state: 'verified', agent, status: await readJson<AgentStatus>(agent, 'api/status') };
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401) return { state: 'key-needed', rejected: keptKey.get() !== null };
    throw error;
  }
}

/** Adds that the clocks differ to a refusal that still stands. */
async function explainRefusal(refused: Extract<Connection, { readonly state: 'refused' }>): Promise<void> {
  const lead = await clockLead().catch(() => null);
  if (lead !== null && Math.abs(lead) >= CLOCKS_APART_MS && connection === refused) settle({ ...refused, clockLead: lead });
}

async function simulatorOf(verdict: Verdict, known: string | null): Promise<SimulatorRoot | null> {
  if (verdict.error?.code !== 'certificate/root-not-trusted') return null;
  const pem = await getText('simulated-root.pem').catch(() => null);
  return pem === null ? null : { pem, replaces: known !== null && known !== pem };
}

/** Reads the status again, for pages that show it. */
export async function refreshStatus(): Promise<void> {
  if (connection.state !== 'verified') return;
  const { agent } = connection;
  const status = await readJson<AgentStatus>(agent, 'api/status').catch(() => null);
  if (status !== null && connection.state === 'verified' && connection.agent === agent)
    settle({ state: 'verified', agent, status });
}

let watching: ReturnType<typeof setTimeout> | null = null;
let missed = 0;

/** Looks from time to time whether the agent is there, while somebody looks at the page. */
function watch(): void {
  if (watching !== null) return;
  watching = setTimeout(
    () => {
      watching = null;
      void look().finally(watch);
    },
    connection.state === 'down' ? DOWN_MS : WATCH_MS,
  );
}

async function look(): Promise<void> {
  if (document.visibilityState === 'hidden' || connection.state === 'connecting' || connection.state === 'insecure') return;
  const alive = await isAlive();
  missed = alive ? 0 : missed + 1;
  if (connection.state === 'down') {
    if (alive) await reconnect();
  } else if (missed >= DOWN_AFTER) settle({ state: 'down' });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
