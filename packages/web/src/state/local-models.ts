/** Models that can run on the agent's machine, and the fetch that brings one there (spec/http-api.md §4a). */

import { EventStreamReader } from '@assay/encoding/event-stream';
import type { Agent } from 'assay';
import { useEffect, useState } from 'preact/hooks';
import { readJson, sendJson, streamOf } from './agent-reader.ts';
import { refreshStatus } from './connection.ts';

export interface LocalModel {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly licence: string;
  /** `words`: too small for programs. */
  readonly writes: 'programs' | 'words';
  readonly recommended: boolean;
  readonly fetched: boolean;
}

/** A task that a recorded answer answers, with sample files that its program reads. */
export interface RecordedDemo {
  readonly description: string;
  readonly language: 'python' | 'javascript' | 'chat';
  readonly context: Readonly<Record<string, unknown>> | null;
  readonly files: readonly { readonly path: string; readonly content: string }[];
}

/** Where a fetch stands. */
export interface ModelFetch {
  readonly name: string;
  readonly status: 'running' | 'fetched' | 'failed' | 'cancelled';
  readonly step: 'engine' | 'model' | 'checking';
  readonly bytes_done: number;
  readonly bytes_total: number;
  readonly source: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface LocalModels {
  readonly connected: boolean;
  readonly engine: {
    readonly version: string;
    readonly supported: boolean;
    readonly installed: boolean;
    readonly detail: string;
  };
  readonly models: readonly LocalModel[];
  /** What recorded answers answer; empty while a model is connected. */
  readonly demos: readonly RecordedDemo[];
  readonly fetch: ModelFetch | null;
}

export interface ModelFetching {
  /** `null` until the agent has answered. */
  readonly local: LocalModels | null;
  readonly fault: string;
  start(name: string): void;
  cancel(): void;
}

const MAX_EVENT_BYTES = 16 * 1024;
const RETRY_MS = 1000;

/** The models of this agent, and their fetch while it goes on: also one that another tab began. */
export function useLocalModels(agent: Agent): ModelFetching {
  const [local, setLocal] = useState<LocalModels | null>(null);
  const [fault, setFault] = useState('');
  const running = local?.fetch?.status === 'running';
  const put = (fetch: ModelFetch): void => setLocal((known) => (known === null ? null : { ...known, fetch }));
  const read = async (): Promise<void> => setLocal(await readJson<LocalModels>(agent, 'api/models'));
  const failed = (error: unknown): void => setFault(error instanceof Error ? error.message : String(error));

  useEffect(() => void read().catch(failed), [agent]);
  useEffect(() => {
    if (!running) return;
    const stop = new AbortController();
    void follow(agent, stop.signal, put)
      .then(() => (stop.signal.aborted ? undefined : Promise.all([read(), refreshStatus()])))
      .catch(failed);
    return () => stop.abort();
  }, [agent, running]);

  return {
    local,
    fault,
    start: (name) => {
      setFault('');
      sendJson<ModelFetch>(agent, 'api/models/fetch', { name }).then(put, failed);
    },
    cancel: () => {
      sendJson<ModelFetch>(agent, 'api/models/fetch', null, 'DELETE').then(put, failed);
    },
  };
}

/** Until the fetch has ended. A stream that breaks is opened again: the first event of each says where the fetch stands. */
async function follow(agent: Agent, signal: AbortSignal, put: (fetch: ModelFetch) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const fetch of standings(agent, signal)) {
        if (signal.aborted) return;
        put(fetch);
        if (fetch.status !== 'running') return;
      }
    } catch {
      // The agent may be restarting; the page says so when it stays away.
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

async function* standings(agent: Agent, signal: AbortSignal): AsyncGenerator<ModelFetch> {
  const reader = new EventStreamReader(MAX_EVENT_BYTES);
  for await (const bytes of streamOf(agent, 'api/models/fetch/events', signal))
    for (const { event } of reader.push(bytes)) {
      const payload = event === null ? '' : event.lines.join('\n');
      if (payload.startsWith('{')) yield JSON.parse(payload) as ModelFetch;
    }
}
