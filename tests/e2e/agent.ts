/** An agent made of real routes and tasks over stand-ins, for tests that call it without a socket. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createAnalyzer } from '../../packages/agent/src/adapters/analyzer/slither.ts';
import { createSimulatedAttester } from '../../packages/agent/src/adapters/attesters/simulated/simulated.ts';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { EmbeddedModels } from '../../packages/agent/src/adapters/models/embedded/embedded-models.ts';
import { createLocalModels, type LocalModelsOptions } from '../../packages/agent/src/adapters/models/embedded/local-models.ts';
import { platformModels } from '../../packages/agent/src/adapters/models/platforms.ts';
import { createModel } from '../../packages/agent/src/adapters/models/select.ts';
import { attestedUpstreamOf } from '../../packages/agent/src/adapters/upstreams/attested.ts';
import { createUpstream } from '../../packages/agent/src/adapters/upstreams/select.ts';
import { workspacesByKey } from '../../packages/agent/src/adapters/workspaces/directory.ts';
import { createApp } from '../../packages/agent/src/app.ts';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { EvidenceSessions } from '../../packages/agent/src/evidence/sessions.ts';
import { Callers } from '../../packages/agent/src/http/callers.ts';
import { createMetrics } from '../../packages/agent/src/http/metrics.ts';
import { observeTask } from '../../packages/agent/src/http/observe-task.ts';
import { RateLimit } from '../../packages/agent/src/http/rate-limit.ts';
import type { Route } from '../../packages/agent/src/http/route.ts';
import { answerAttestation } from '../../packages/agent/src/identity/answer-attestation.ts';
import { ChannelKeys } from '../../packages/agent/src/identity/channel-keys.ts';
import { KeysetRotation } from '../../packages/agent/src/identity/rotation.ts';
import type { Analyzer } from '../../packages/agent/src/ports/analyzer.ts';
import type { Compilers } from '../../packages/agent/src/ports/compilers.ts';
import { permitHosts } from '../../packages/agent/src/tasks/network-hosts.ts';
import { createLedgerTaskStore } from '../../packages/agent/src/tasks/record/ledger-task-store.ts';
import { createTasks } from '../../packages/agent/src/tasks/registry.ts';
import { TalkKeyring } from '../../packages/agent/src/tasks/talk/talk-keys.ts';
import { TaskJobs } from '../../packages/agent/src/tasks/task-jobs.ts';
import { TaskTable } from '../../packages/agent/src/tasks/task-table.ts';
import { systemClock } from '../../packages/ledger/src/clock.ts';
import { transcriptToJson } from '../../packages/sandbox/src/network/transcript.ts';
import type { SandboxJob } from '../../packages/sandbox/src/port.ts';
import {
  createMemoryLedger,
  createScriptedSandbox,
  type MemoryLedger,
  type ScriptedRun,
  type ScriptedSandbox,
} from './stand-ins.ts';

/** Members of answers that tests look at. */
export interface AnswerBody extends Record<string, unknown> {
  readonly attestation: { readonly timestamp: string };
  readonly artifacts: readonly { readonly url: string }[];
  readonly data: { readonly session_id: string };
  readonly execution_details: { readonly claim_digest: string };
  readonly error: string;
  readonly code: string;
  readonly task_id: string;
  readonly receipt_id: string;
}

export interface TestAgent {
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly process: (
    data: unknown,
    more?: object,
    init?: RequestInit,
  ) => Promise<{ status: number; body: AnswerBody; headers: Headers }>;
  /** What the routes declare. */
  readonly routes: readonly Route[];
  /** Method and pattern of every handler that the router has. */
  readonly handlers: readonly string[];
  readonly ledger: MemoryLedger;
  readonly sandbox: ScriptedSandbox;
  readonly tasks: TaskTable;
  /** Log lines so far. */
  readonly logged: () => string;
}

export interface TestAgentOptions {
  /** As when the sandbox is still being opened. */
  readonly sandboxReady?: Promise<void>;
  /** The TEE stops answering challenges after the start. */
  readonly brokenTee?: boolean;
  /** Opened once for several agents; closed by the test. */
  readonly analyzer?: Analyzer;
  readonly compilers?: Compilers;
  readonly environment?: Readonly<Record<string, string>>;
  /** How long code may wait for a review; an hour unless given. */
  readonly reviewMs?: number;
  readonly script?: (job: SandboxJob) => ScriptedRun;
  /** In place of a download. */
  readonly fetchModel?: LocalModelsOptions['fetchModel'];
  readonly console?: ReadonlyMap<string, { bytes: Uint8Array<ArrayBuffer>; mediaType: string }>;
}

export async function startTestAgent(options: TestAgentOptions = {}): Promise<TestAgent> {
  const directory = mkdtempSync(join(tmpdir(), 'assay-e2e-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const config = parseConfig({ ASSAY_LOG_LEVEL: 'debug', AI_PROVIDER: 'recorded', ...options.environment });
  const clock = systemClock;
  const lines: string[] = [];
  const log = pino({ level: config.logLevel }, { write: (line: string) => void lines.push(line) });
  const ledger = createMemoryLedger();
  const sandbox = createScriptedSandbox(options.script ?? (() => ({ stdout: '3628800\n' })));
  const attestedUpstream = attestedUpstreamOf(config.model, clock.now);
  const embedded = new EmbeddedModels({ dataDir: directory, config: config.model, onLoaded: async () => undefined });
  onTestFinished(() => embedded.close());
  const model = createModel(config.model, { embedded, now: clock.now, attested: attestedUpstream });
  const attester = await createSimulatedAttester({ directory });
  let broken = false;
  const tee = {
    ...attester,
    attest: (request: Parameters<typeof attester.attest>[0]) =>
      broken ? Promise.reject(new Error('/dev/tee: input/output error')) : attester.attest(request),
  };
  const channelKeys = new ChannelKeys();
  const talkKeys = new TalkKeyring();
  const identity = await KeysetRotation.start({
    attester: tee,
    ledger,
    channelKeys,
    talkKeys,
    createTlsKey: null,
    clock,
    lifetimeSeconds: config.keys.lifetimeSeconds,
    overlapSeconds: config.keys.overlapSeconds,
    operatorKeys: null,
    provenance: { repo_url: null, repo_commit: null, image_digest: null, image_provenance: null },
    onRotated: () => undefined,
    onFailure: (error) => log.error({ err: error }, 'not replaced'),
  });
  onTestFinished(() => identity.close());
  broken = options.brokenTee === true;
  const kinds = createTasks();
  const taskStore = createLedgerTaskStore({ ledger, types: new Set(kinds.keys()) });
  const compilers = options.compilers ?? openCompilers({ folder: config.compilersDir });
  if (options.compilers === undefined) onTestFinished(() => compilers.close());
  const analyzer =
    options.analyzer ??
    createAnalyzer({ directory: config.analyzerDir, minIsolation: config.sandbox.minIsolation, now: clock.now });
  if (options.analyzer === undefined) onTestFinished(() => analyzer.close());
  const tasks = new TaskTable({
    tasks: kinds,
    store: taskStore,
    reviewMs: options.reviewMs,
    most: config.limits.tasks,
    ledger,
    clock,
    workspacesOf: workspacesByKey(join(directory, 'workspaces')),
    attest: answerAttestation(identity, clock),
    keysetInForce: () => identity.keysetDigest,
    sandboxReady: options.sandboxReady ?? Promise.resolve(),
    onUnexpected: (error, id) => log.error({ err: error, task: id }, 'unexpected'),
    ports: {
      model,
      sandbox,
      compilers,
      analyzer,
      attestResult: (result, nonce) => identity.attestResult(result, nonce),
      signProvenance: (statementFor) => identity.signProvenance(statementFor),
      clock,
      permitHosts: (wanted) => permitHosts(config.sandbox.network, wanted),
      encodeTranscript: (transcript) => new TextEncoder().encode(JSON.stringify(transcriptToJson(transcript))),
      defaults: { wallMs: config.sandbox.wallMs, memoryBytes: config.sandbox.memoryBytes },
    },
  });
  const metrics = createMetrics(() => tasks.running);
  const jobs = new TaskJobs({ ledger, tasks, onStarted: (task) => observeTask(task, { log, clock, metrics }) });
  const worker = jobs.work(2);
  onTestFinished(() => worker.stop());
  const { app, routes } = createApp({
    config,
    version: '0.0.0-test',
    clock,
    log,
    ledger,
    callers: new Callers({ apiKey: config.apiKey, keys: ledger.keys }),
    operator: null,
    identity,
    rotation: identity,
    channelKeys,
    handOn: null,
    model,
    localModels: createLocalModels({
      dataDir: directory,
      onFetched: () => undefined,
      onUnexpected: (error) => log.error({ err: error }, 'not fetched'),
      fetchModel: options.fetchModel,
    }),
    upstream: createUpstream(config.model, model, clock.now, attestedUpstream),
    talkKeys,
    evidence: new EvidenceSessions(clock.now),
    modelOf: platformModels(config.model),
    sandbox: () => sandbox,
    tasks,
    jobs,
    elsewhere: null,
    taskStore,
    metrics,
    rateLimit: new RateLimit(config.limits.ratePerMinute, clock.now),
    console: options.console ?? new Map(),
    storeName: 'memory',
    stopping: () => false,
  });
  const request = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has('host')) headers.set('host', '127.0.0.1:8000');
    return Promise.resolve(app.request(path, { ...init, headers }));
  };
  return {
    request,
    routes,
    handlers: app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`),
    ledger,
    sandbox,
    tasks,
    logged: () => lines.join(''),
    process: async (data, more = {}, init = {}) => {
      const headers = { 'content-type': 'application/json', ...(init.headers as object) };
      const response = await request('/api/process', {
        method: 'POST',
        body: JSON.stringify({ data, ...more }),
        ...init,
        headers,
      });
      return { status: response.status, body: (await response.json()) as AnswerBody, headers: response.headers };
    },
  };
}
