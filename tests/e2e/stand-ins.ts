/** Stand-ins for the ports that other rooms implement, for tests of the API alone: a ledger in memory and a scripted sandbox. */

import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonicalJson } from '@assay/encoding/json';
import type { ExecutionClaim, ExecutionStatus, Receipt } from '@assay/receipt';
import { systemClock } from '../../packages/ledger/src/clock.ts';
import { StoreCoordination } from '../../packages/ledger/src/coordination/store-coordination.ts';
import { DataKey } from '../../packages/ledger/src/data-key.ts';
import { LedgerError } from '../../packages/ledger/src/errors.ts';
import { JobQueue } from '../../packages/ledger/src/jobs/queue.ts';
import { KeyBook } from '../../packages/ledger/src/keys/key-book.ts';
import type {
  DraftOptions,
  Ledger,
  ReceiptDraft,
  ReceiptSummary,
  SealedReceipt,
  StateRow,
  StoredBytes,
} from '../../packages/ledger/src/port.ts';
import { migrate } from '../../packages/ledger/src/sqlite/migrations.ts';
import { SqliteRows } from '../../packages/ledger/src/sqlite/rows.ts';
import type { LogStore } from '../../packages/ledger/src/store.ts';
import { storedBytes } from '../../packages/ledger/src/stored-bytes.ts';
import { StoreUpkeepLog } from '../../packages/ledger/src/upkeep-log/store-upkeep-log.ts';
import {
  DEFAULT_LIMITS,
  type Sandbox,
  type SandboxFile,
  type SandboxJob,
  type SandboxResult,
} from '../../packages/sandbox/src/port.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

interface Draft extends ReceiptDraft {
  readonly options: Parameters<Ledger['open']>[0];
  readonly events: Readonly<Record<string, unknown>>[];
  readonly payloads: Map<string, { mediaType: string; bytes: Uint8Array }>;
}

export interface MemoryLedger extends Ledger {
  readonly sealed: readonly SealedReceipt[];
  /** Makes the next seal fail. */
  failNext(error: Error): void;
}

function roomTables(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  migrate(db);
  return db;
}

export function createMemoryLedger(): MemoryLedger {
  const sealed: SealedReceipt[] = [];
  const summaries = new Map<string, ReceiptSummary>();
  const payloads = new Map<string, Uint8Array>();
  const sessions = new Set<string>();
  const nonces = new Set<string>();
  let failure: Error | null = null;
  const stored = (digest: string): StoredBytes | null => {
    const bytes = payloads.get(digest);
    return bytes === undefined ? null : storedBytes(bytes);
  };
  const rows = new SqliteRows(roomTables());
  const keyRows = new Map<string, StateRow>();
  const store: Pick<LogStore, 'change' | 'dataKey' | 'directory' | 'read' | 'shared' | 'size' | 'state' | 'states'> = {
    directory: join(tmpdir(), `assay-no-directory-${randomBytes(8).toString('hex')}`), // not there: nothing is kept
    size: async () => 0,
    state: async (_, key) => keyRows.get(key) ?? null,
    states: async () => [...keyRows.values()],
    shared: false,
    dataKey: new DataKey(createSecretKey(randomBytes(32))),
    read: async (operation) => rows.run(operation),
    change: async (operation, args) => rows.run(operation.steps(args)),
  };
  const keys = new KeyBook(store, systemClock, async (_, changes) => {
    for (const { key, expectedVersion, value } of changes)
      if (value !== null) keyRows.set(key, { key, version: expectedVersion + 1, value });
  });
  const named = (id: string, access: string | null | undefined): string => `${access ?? ''} ${id}`;
  const newId = (): string => `rcpt_${randomBytes(16).toString('hex')}`;
  const listed = (receiptId: string, options: Pick<DraftOptions, 'taskId' | 'task' | 'access'>): void => {
    const name = named(options.taskId, options.access);
    const { cursor = summaries.size + 1 } = summaries.get(name) ?? {};
    summaries.set(name, {
      receiptId,
      taskId: options.taskId,
      task: options.task,
      servedAt: 1,
      startedAt: 1000,
      sealedAt: null,
      logIndex: null,
      state: 'running',
      access: options.access ?? null,
      cursor,
    });
  };
  return {
    sealed,
    storeName: 'memory',
    writtenState: async () => null,
    loggedFloor: async () => null,
    loggedReport: async () => null,
    rootAt: async () => null,
    consistency: async () => [],
    upkeep: new StoreUpkeepLog(store),
    jobs: new JobQueue(store, systemClock),
    keys,
    failNext: (error) => {
      failure = error;
    },
    open: (options) => {
      if (options.nonce !== null && nonces.has(options.nonce))
        throw new LedgerError('ledger/nonce-reused', 'expected a fresh nonce, got one that was used');
      if (options.nonce !== null) nonces.add(options.nonce);
      const receiptId = options.reserved?.receiptId ?? newId();
      const events: Record<string, unknown>[] = [
        { type: 'request.received', body_hash: `sha256:${sha256(options.requestBody)}` },
      ];
      const kept: Draft['payloads'] = new Map();
      listed(receiptId, options);
      const draft: Draft = {
        receiptId,
        taskId: options.taskId,
        started: Promise.resolve(),
        options,
        events,
        payloads: kept,
        append: (event) => {
          events.push(event);
        },
        payload: (name, mediaType, bytes) => {
          if (kept.has(name)) throw new Error(`payload ${name} twice`);
          kept.set(name, { mediaType, bytes });
          return `sha256:${sha256(bytes)}`;
        },
        session: (name, bytes) => {
          sessions.add(sha256(bytes));
          return draft.payload(name, 'application/json', bytes);
        },
      };
      return draft;
    },
    seal: (given) => {
      if (failure !== null) {
        const error = failure;
        failure = null;
        return Promise.reject(error);
      }
      const draft = given as Draft;
      for (const [name, { mediaType, bytes }] of draft.payloads) {
        payloads.set(`sha256:${sha256(bytes)}`, bytes);
        draft.events.push({
          type: 'payload.kept',
          name,
          media_type: mediaType,
          bytes: bytes.length,
          hash: `sha256:${sha256(bytes)}`,
        });
      }
      const receipt = { receipt_id: draft.receiptId, event_log: draft.events } as unknown as Receipt;
      const entry: SealedReceipt = {
        receiptId: draft.receiptId,
        receipt,
        proof: { index: sealed.length, leaf: '', salt: '', proof: '' },
        access: draft.options.access ?? null,
      };
      sealed.push(entry);
      const name = named(draft.taskId, draft.options.access);
      const summary = summaries.get(name);
      if (summary !== undefined)
        summaries.set(name, { ...summary, state: 'sealed', sealedAt: 1000, logIndex: entry.proof.index });
      return Promise.resolve(entry);
    },
    discard: (draft) => {
      summaries.delete(named(draft.taskId, (draft as Draft).options.access));
      return Promise.resolve();
    },
    find: (id) => Promise.resolve(sealed.find(({ receiptId }) => receiptId === id) ?? null),
    findTask: (id, access) => Promise.resolve(summaries.get(named(id, access)) ?? summaries.get(named(id, null)) ?? null),
    list: ({ limit, before = Number.POSITIVE_INFINITY, access }) =>
      Promise.resolve(
        [...summaries.values()]
          .reverse()
          .filter((row) => row.cursor < before)
          .filter((row) => access === undefined || row.access === null || row.access === access)
          .slice(0, limit),
      ),
    bundle: (given, { access } = {}) => {
      const ids = typeof given === 'string' ? [given] : given;
      const found = ids.map((id) => sealed.find(({ receiptId }) => receiptId === id));
      const there = found.every((entry) => entry !== undefined && (entry.access === null || entry.access === access));
      return Promise.resolve(there ? storedBytes(new TextEncoder().encode(JSON.stringify({ id: ids }))) : null);
    },
    payload: ({ receipt }, digest) =>
      Promise.resolve(receipt.event_log.some(({ hash }) => hash === digest) ? stored(digest) : null),
    session: (id) => Promise.resolve(sessions.has(id) ? stored(`sha256:${id}`) : null),
    registerReport: () => Promise.resolve(),
    succeed: (_next, publish) => Promise.resolve(publish()),
    readState: () => Promise.resolve(null),
    listState: () => Promise.resolve([]),
    checkpoint: () => Promise.resolve('log.test\n0\n\n'),
    tile: (path) => Promise.resolve(path === 'tile/0/000' || path === 'tile/entries/000.p/7' ? new Uint8Array([1]) : null),
    origin: 'log.test',
    verifierKeys: ['log.test+00000000+AA=='],
    shared: false,
    fleet: null,
    coordination: new StoreCoordination(store, systemClock),
    unreserve: ({ receiptId }) => {
      for (const [name, summary] of summaries) if (summary.receiptId === receiptId) summaries.delete(name);
      return Promise.resolve();
    },
    reserve: (options) => {
      if (options.nonce !== null && nonces.has(options.nonce))
        return Promise.reject(new LedgerError('ledger/nonce-reused', 'expected a fresh nonce, got one that was used'));
      const receiptId = newId();
      listed(receiptId, options);
      return Promise.resolve({ receiptId, startedAt: 1000 });
    },
    close: () => keys.close(),
  };
}

/** What a scripted run does. */
export interface ScriptedRun {
  readonly status?: ExecutionStatus;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly value?: string;
  readonly error?: string;
  readonly files?: readonly (SandboxFile & { readonly mediaType: string })[];
  /** Never ends by itself. */
  readonly hangs?: boolean;
}

export interface ScriptedSandbox extends Sandbox {
  readonly jobs: readonly SandboxJob[];
}

export function createScriptedSandbox(script: (job: SandboxJob) => ScriptedRun): ScriptedSandbox {
  const jobs: SandboxJob[] = [];
  return {
    jobs,
    capabilities: {
      lane: 'wasm',
      isolation: 'wasm',
      languages: ['python', 'javascript'],
      packages: { python: ['pandas 3.0.0'], javascript: ['ethers 6.17.0'] },
      selfTest: [],
      environment: {},
      environmentDigest: 'e'.repeat(64),
    },
    async *run(job) {
      jobs.push(job);
      const run = script(job);
      yield { sequence: 0, type: 'started' };
      if (run.hangs === true)
        await new Promise<void>((resolve) => job.signal?.addEventListener('abort', () => resolve(), { once: true }));
      if (run.stdout !== undefined) yield { sequence: 1, type: 'stdout', text: run.stdout };
      if (run.stderr !== undefined) yield { sequence: 2, type: 'stderr', text: run.stderr };
      for (const { path, mediaType, bytes } of run.files ?? [])
        yield { sequence: 3, type: 'artifact', path, mediaType, bytes: bytes.length, sha256: sha256(bytes) };
      yield { sequence: 4, type: 'result', result: resultOf(job, run) };
    },
    close: () => Promise.resolve(),
  };
}

function resultOf(job: SandboxJob, run: ScriptedRun): SandboxResult {
  const stream = (text: string) => ({ text, bytes: text.length, sha256: sha256(text), truncated: false });
  const status = run.hangs === true ? 'killed' : (run.status ?? (run.error === undefined ? 'ok' : 'error'));
  const [name = '', message = ''] = (run.error ?? '').split(': ');
  const claim: ExecutionClaim = {
    v: 1,
    language: job.language,
    lane: 'wasm',
    isolation: 'wasm',
    codeSha256: sha256(job.code),
    argv: job.argv ?? [],
    inputs: (job.files ?? []).map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256(bytes) })),
    environmentDigest: 'e'.repeat(64),
    limits: { ...DEFAULT_LIMITS, ...job.limits },
    seed: job.seed ?? '',
    clock: { mode: 'host' },
    entropy: 'os',
    network: { mode: 'off' },
    sessionPrevious: job.session?.previousClaim ?? null,
    status,
    exitCode: status === 'ok' ? 0 : 1,
    stdoutSha256: sha256(run.stdout ?? ''),
    stderrSha256: sha256(run.stderr ?? ''),
    outputs: [],
    truncated: false,
    reproducibility: 'none',
  };
  return {
    status,
    exitCode: claim.exitCode,
    stdout: stream(run.stdout ?? ''),
    stderr: stream(run.stderr ?? ''),
    value: run.value ?? null,
    error: status === 'ok' ? null : { name, message, traceback: '' },
    artifacts: (run.files ?? []).map(({ path, bytes, mediaType }) => ({ path, bytes, mediaType, sha256: sha256(bytes) })),
    skipped: [],
    network: [],
    claim,
    claimDigest: sha256(canonicalJson(claim)),
    observed: { queuedMs: 0, startMs: 0, wallMs: 1, maxRssMiB: 1, warm: true },
  };
}
