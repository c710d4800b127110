/** The composition root: settings → attester, model, sandbox, ledger → application → listening. Nothing else joins adapters. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { type Clock, openLedger, systemClock } from '@assay/ledger';
import { type LaneRefusal, OpeningSandbox, selectSandbox, transcriptToJson } from '@assay/sandbox';
import { type Logger, pino } from 'pino';
import { createAnalyzer } from './adapters/analyzer/slither.ts';
import { applicationSecret, findApplicationSecret } from './adapters/attesters/application-secret.ts';
import { detectAttester } from './adapters/attesters/detect.ts';
import { openCompilers } from './adapters/compilers/compilers.ts';
import { EmbeddedModels } from './adapters/models/embedded/embedded-models.ts';
import { listModels } from './adapters/models/embedded/fetched-models.ts';
import { createLocalModels } from './adapters/models/embedded/local-models.ts';
import { logProfile } from './adapters/models/embedded/log-profile.ts';
import { withNamedModel } from './adapters/models/listed-models.ts';
import { platformModels } from './adapters/models/platforms.ts';
import { createModel } from './adapters/models/select.ts';
import { patientFetch } from './adapters/patient-fetch.ts';
import { attestedUpstreamOf } from './adapters/upstreams/attested.ts';
import { createUpstream, openRouterOf } from './adapters/upstreams/select.ts';
import { workspacesByKey } from './adapters/workspaces/directory.ts';
import { createApp } from './app.ts';
import { type Config, type ModelConfig, UNNAMED_MODEL } from './config.ts';
import { EvidenceSessions } from './evidence/sessions.ts';
import { Callers } from './http/callers.ts';
import { HandOn } from './http/channel/hand-on.ts';
import { createMetrics } from './http/metrics.ts';
import { observeTask } from './http/observe-task.ts';
import { RateLimit } from './http/rate-limit.ts';
import { consoleDirectory, loadConsole } from './http/routes/console.ts';
import { status } from './http/routes/operations.ts';
import type { Services } from './http/routes/services.ts';
import type { AgentStatus } from './http/schemas/status.ts';
import { answerAttestation } from './identity/answer-attestation.ts';
import { ChannelKeys } from './identity/channel-keys.ts';
import { agreeOnRoot, announce } from './identity/join-fleet.ts';
import { clocksOf, logClock } from './identity/log-clock.ts';
import { logAcknowledgedLoss } from './identity/log-loss.ts';
import { logUpkeep } from './identity/log-upkeep.ts';
import { KeysetRotation, type Rotated } from './identity/rotation.ts';
import { createTlsKey } from './identity/tls-key.ts';
import { VersionFloor } from './identity/version-floor.ts';
import { listen, tlsNames } from './listen.ts';
import type { Attester } from './ports/attester.ts';
import { TaskBroadcast } from './tasks/elsewhere/task-broadcast.ts';
import { TasksElsewhere } from './tasks/elsewhere/tasks-elsewhere.ts';
import { permitHosts } from './tasks/network-hosts.ts';
import { createLedgerTaskStore } from './tasks/record/ledger-task-store.ts';
import { createTasks } from './tasks/registry.ts';
import { TalkKeyring } from './tasks/talk/talk-keys.ts';
import { TaskJobs } from './tasks/task-jobs.ts';
import { TaskTable } from './tasks/task-table.ts';

/** An agent that answers. */
export interface RunningAgent {
  /** `http://127.0.0.1:8000`, with the port that was really taken. */
  readonly url: string;
  /** As `/api/status`. */
  status(): Promise<AgentStatus>;
  /** TEEs that were looked for in vain. */
  readonly absentTees: readonly string[];
  /** Sandbox lanes that were passed over, with the reason; empty until `ready`. */
  readonly refusedLanes: readonly LaneRefusal[];
  /** Resolves when code can run; rejects with `sandbox/unavailable` when no lane may serve here. Work that needs one waits for it. */
  readonly ready: Promise<void>;
  readonly consoleBuilt: boolean;
  /** Puts the next keyset in force, as it happens by itself ahead of `not_after`. Keys of the last one open requests for the overlap. */
  rotateKeys(overlapSeconds?: number): Promise<Rotated>;
  /** Takes no more work, lets tasks end for up to `graceMs` (10 s), cancels the rest, seals their receipts and closes everything. */
  close(graceMs?: number): Promise<void>;
}

/** What a caller of `startAgent` may replace; tests do. */
export interface StartOptions {
  /** Where log lines go; standard error by default. */
  readonly log?: Logger;
  /** Tells the time; default: the system's clock. */
  readonly clock?: Clock;
  /** The TEE to attest from; default: the one that the settings name, or that is found here. */
  readonly attester?: Attester;
  /** The agent's own version, three numbers; default: that of its package. */
  readonly version?: string;
}

const GRACE_MS = 10_000;
/** How often it is looked for what a command did to the store. */
const UPKEEP_EVERY_MS = 5_000;
/** The agent listens after this time even when the sandbox is still being opened, milliseconds. */
const SANDBOX_PATIENCE_MS = 1500;

/**
 * Starts an agent. It listens when this resolves, and its keyset is attested and logged.
 *
 * @throws {ServerError} `sandbox/unavailable`, `attester/unavailable`, `config/unreadable`, `config/bad-value` for a port in use,
 * `version/below-floor`;
 * the ledger's errors. What was opened is closed again.
 * @example
 * const agent = await startAgent(parseConfig({ AGENT_PORT: '0' }));
 * await fetch(`${agent.url}/health`);
 * await agent.close();
 */
export async function startAgent(config: Config, options: StartOptions = {}): Promise<RunningAgent> {
  const closing: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const { log = createLog(config), clock = systemClock, attester, version = ownVersion() } = options;
    return await compose(config, { log, clock, attester, version }, closing, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function compose(
  config: Config,
  {
    log,
    clock,
    attester: given,
    version,
  }: Required<Omit<StartOptions, 'attester'>> & {
    readonly attester: Attester | undefined;
    readonly version: string;
  },
  closing: (() => Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<RunningAgent> {
  const begun = performance.now();
  const versionFloor = new VersionFloor({ directory: config.dataDir, version, floor: config.versionFloor });
  versionFloor.refuseBelowDirectory();
  // It writes one program at a time, and its weights want the memory.
  const servesEmbedded = await isEmbedded(config);
  const sandbox = keep(
    closing,
    new OpeningSandbox(
      selectSandbox({
        directory: config.dataDir,
        minIsolation: config.sandbox.minIsolation,
        concurrency: config.sandbox.concurrency,
        warm: servesEmbedded ? 1 : undefined,
        ...(config.sandbox.prefer === null ? {} : { prefer: config.sandbox.prefer }),
      }),
    ),
  );
  const platform = { choice: config.attester, simulators: config.guestSimulators };
  const platformSecret = await (given === undefined ? findApplicationSecret(platform) : applicationSecret(given));
  const place = { directory: config.dataDir, databaseUrl: config.databaseUrl, platformSecret };
  const [ledger, { attester, absent }] = await allSettled([
    openLedger({ ...place, clock }).then((opened) => keep(closing, opened)),
    given === undefined
      ? detectAttester({
          ...platform,
          directory: config.dataDir,
          clock,
          vendor: config.vendor,
          gpus: config.gpuEvidence,
        })
      : { attester: given, absent: [] },
  ]).finally(() => platformSecret?.bytes.fill(0));
  await versionFloor.refuseBelowStore(ledger);
  const modelConfig = await withNamedModel(config.model);
  const attestedUpstream = attestedUpstreamOf(modelConfig, clock.now);
  const embedded = keep(
    closing,
    new EmbeddedModels({
      dataDir: config.dataDir,
      config: modelConfig,
      onLoaded: async (profile) => {
        const receiptId = await logProfile(profile, ledger);
        log.info({ model: profile.name, sha256: profile.modelSha256, receiptId }, 'model loaded');
      },
    }),
  );
  const model = createModel(modelConfig, { embedded, now: clock.now, attested: attestedUpstream });
  const localModels = keep(
    closing,
    createLocalModels({
      dataDir: config.dataDir,
      onFetched: ({ name, sha256 }) => {
        log.info({ name, sha256 }, 'model fetched');
        void warmModel(modelConfig, embedded);
      },
      onUnexpected: (error) => log.error({ err: error }, 'model not fetched'),
    }),
  );
  await agreeOnRoot(ledger, attester);
  const channelKeys = new ChannelKeys(ledger.fleet);
  const talkKeys = new TalkKeyring();
  // Loaded for agents with a manifest only: it brings the Ethereum library.
  const operator =
    config.operatorManifest === null
      ? null
      : await (await import('./operator/open-operator.ts')).openOperator({
          manifestFile: config.operatorManifest,
          attester,
          ledger,
          clock,
          channelKeys,
          kmsSecret: async (key) => {
            const { openKmsSecret } = await import('./adapters/kms/kms-secret.ts');
            const sealed = await openKmsSecret({ attester, key, settings: config.kms, directory: config.dataDir });
            log.info({ ASSAY_KMS_CIPHERTEXT: sealed.ciphertext }, 'keep this: without it the wallet is lost');
            return sealed;
          },
          prompts: { openRouter: openRouterOf(config.model), verifiedOnly: config.verifiedUpstreamsOnly },
          onFailure: (error) => log.error({ err: error }, 'transactions not followed; it will be tried again'),
        });
  if (operator !== null) closing.push(() => operator.close());
  let announceFleet: (() => Promise<void>) | null = null;
  let noteClock: () => Promise<void> = () => Promise.resolve();
  const identity = keep(
    closing,
    await KeysetRotation.start({
      attester,
      ledger,
      channelKeys,
      talkKeys,
      createTlsKey: config.tls === 'off' ? null : (notAfter) => createTlsKey(tlsNames(config), clock.now(), notAfter),
      clock,
      lifetimeSeconds: config.keys.lifetimeSeconds,
      overlapSeconds: config.keys.overlapSeconds,
      operatorKeys: operator?.keyring ?? null,
      provenance: {
        repo_url: config.source.repository,
        repo_commit: config.source.commit,
        image_digest: config.source.imageDigest,
        image_provenance: null,
      },
      onRotated: ({ keysetDigest, previousDigest }) => {
        log.info({ keysetDigest, previousDigest }, 'keyset replaced');
        noteClock().catch((error: unknown) => log.error({ err: error }, 'clock not compared'));
        void announceFleet?.().catch((error: unknown) => log.error({ err: error }, 'fleet not told of the keyset'));
      },
      onFailure: (error) => log.error({ err: error }, 'keyset not replaced; it will be tried again'),
    }),
  );

  noteClock = async () => {
    const clocks = clocksOf(await identity.report(null));
    if (clocks !== null)
      log.info({ driftMs: clocks.agent - clocks.platform, receiptId: await logClock(clocks, ledger) }, 'clock');
  };
  const lossReceipt = await logAcknowledgedLoss(config.dataDir, ledger);
  if (lossReceipt !== null) log.warn({ receiptId: lossReceipt }, 'loss of entries acknowledged and logged');

  const loggedFloor = await versionFloor.raise(ledger);
  if (loggedFloor !== null) log[loggedFloor.previous === null ? 'debug' : 'info'](loggedFloor, 'version floor set and logged');

  await noteClock();
  const lookAtUpkeep = async (): Promise<void> => {
    for (const receiptId of await logUpkeep(ledger)) log.warn({ receiptId }, 'upkeep of the store logged');
  };
  await lookAtUpkeep();
  const looking = setInterval(() => {
    lookAtUpkeep().catch((error: unknown) =>
      log.error({ err: error }, 'upkeep of the store not logged; it will be tried again'),
    );
  }, UPKEEP_EVERY_MS).unref();
  closing.push(async () => clearInterval(looking));

  const analyzer = keep(
    closing,
    createAnalyzer({ directory: config.analyzerDir, minIsolation: config.sandbox.minIsolation, now: clock.now }),
  );
  const compilers = keep(closing, openCompilers({ folder: config.compilersDir }));
  if (!modelConfig.chosen) await model.probe(); // from now on it can say what it is
  void warmModel(modelConfig, embedded);

  let stopping = false;
  const kinds = createTasks();
  const taskStore = createLedgerTaskStore({ ledger, types: new Set(kinds.keys()) });
  const broadcast = ledger.shared ? keep(closing, new TaskBroadcast(ledger.coordination)) : undefined;
  const tasks = new TaskTable({
    tasks: kinds,
    broadcast,
    store: taskStore,
    most: config.limits.tasks,
    ledger,
    clock,
    workspacesOf: workspacesByKey(join(config.dataDir, 'workspaces')),
    attest: answerAttestation(identity, clock),
    keysetInForce: () => identity.keysetDigest,
    sandboxReady: sandbox.ready,
    onUnexpected: (error, task) => log.error({ err: error, task }, 'unexpected error'),
    ports: {
      model,
      get sandbox() {
        return sandbox.now();
      },
      compilers,
      analyzer,
      attestResult: (result, nonce) => identity.attestResult(result, nonce),
      signProvenance: (statementFor) => identity.signProvenance(statementFor),
      clock,
      permitHosts: (wanted) => permitHosts(config.sandbox.network, wanted),
      encodeTranscript: (transcript) => utf8(canonicalJson(transcriptToJson(transcript))),
      defaults: { wallMs: config.sandbox.wallMs, memoryBytes: config.sandbox.memoryBytes },
    },
  });
  const metrics = createMetrics(() => tasks.running);
  const { fleet } = ledger;
  const handOn = fleet === null ? null : new HandOn({ fleet, ledger, fetch: patientFetch });
  const jobs = new TaskJobs({ ledger, tasks, onStarted: (task) => observeTask(task, { log, clock, metrics }) });
  const services: Services = {
    config,
    version,
    clock,
    log,
    ledger,
    callers: new Callers({ apiKey: config.apiKey, keys: ledger.keys }),
    operator: operator?.api ?? null,
    identity,
    rotation: identity,
    channelKeys,
    handOn,
    talkKeys,
    evidence: new EvidenceSessions(clock.now),
    modelOf: platformModels(modelConfig),
    model,
    localModels,
    upstream: createUpstream(modelConfig, model, clock.now, attestedUpstream),
    sandbox: () => sandbox.current,
    tasks,
    jobs,
    elsewhere: ledger.shared ? new TasksElsewhere(ledger.coordination) : null,
    taskStore,
    metrics,
    rateLimit: new RateLimit(config.limits.ratePerMinute, clock.now, ledger.shared ? ledger.coordination : null),
    console: loadConsole(consoleDirectory()),
    storeName: ledger.storeName,
    stopping: () => stopping,
  };
  await sandbox.patiently(SANDBOX_PATIENCE_MS - (performance.now() - begun));
  const worker = jobs.work(Math.min(config.limits.tasks, config.sandbox.concurrency));
  closing.push(() => worker.stop());
  const startedAt = clock.now();
  const { url, stop } = await listen(createApp(services).app.fetch, config, identity);
  announceFleet = () => announce(ledger, channelKeys.keysets(Math.floor(clock.now() / 1000)), config.replicaUrl ?? url);
  await announceFleet();
  return {
    url,
    status: () => status(services, { startedAt }),
    absentTees: absent,
    get refusedLanes() {
      return sandbox.refused;
    },
    ready: sandbox.ready,
    consoleBuilt: services.console.size > 0,
    rotateKeys: (overlapSeconds) => identity.rotate(overlapSeconds),
    close: async (graceMs = GRACE_MS) => {
      if (stopping) return;
      stopping = true;
      await Promise.all([worker.stop(), tasks.drain(graceMs)]);
      await stop();
      await closeAll();
    },
  };
}

/** Whether the model of this machine will answer: it is named, or none is and one was fetched. */
async function isEmbedded({ model, dataDir }: Config): Promise<boolean> {
  if (model.chosen || model.provider === 'embedded') return model.provider === 'embedded';
  return (await listModels(dataDir)).some(({ fetched }) => fetched);
}

/** Loads the embedded model ahead of the first prompt, when it is the one that serves. */
async function warmModel({ chosen, provider, model }: ModelConfig, embedded: EmbeddedModels): Promise<void> {
  if (provider === 'embedded' && model !== UNNAMED_MODEL) embedded.named(model).warm();
  else if (provider === 'embedded' || !chosen) (await embedded.fetched())?.warm();
}

/** All results, or the first error once every promise has settled, so that whatever was opened is known and can be closed. */
async function allSettled<Results extends readonly unknown[]>(
  promises: { readonly [Index in keyof Results]: Results[Index] | Promise<Results[Index]> },
): Promise<Results> {
  await Promise.allSettled(promises);
  return (await Promise.all(promises)) as unknown as Results;
}

/** Notes what must be closed; the newest is closed first. */
function keep<T extends { close(): Promise<void> }>(closing: (() => Promise<void>)[], resource: T): T {
  closing.push(() => resource.close());
  return resource;
}

/** Structured lines on standard error. Request bodies, prompts and headers are never handed to it. */
function createLog(config: Config): Logger {
  const destination = pino.destination({ fd: 2, sync: false });
  destination.on('error', () => undefined); // a reader that went away must not end the agent
  return pino({ level: config.logLevel, base: null, redact: ['*.authorization', '*.apiKey'] }, destination);
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}
