/**
 * Settings: environment variables laid over `.env`, checked once at start and frozen. Every bad value is an error that names the
 * setting, what was expected and what to do; a secret's value is never repeated. docs/settings.md lists them all.
 */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { isLoopbackName } from '@assay/channel';
import { withoutTrailing } from '@assay/encoding/text-ends';
import type { IsolationLevel, SandboxLane } from '@assay/receipt';
import { isProviderName, PROVIDERS, type ProviderName } from './adapters/models/providers.ts';
import type { Environment } from './env-file.ts';
import { ServerError, type ServerErrorCode } from './errors.ts';
import type { ChannelDemand } from './ports/upstream.ts';

/** `requested`: hosts a request names itself, public addresses only; `listed`: these and no others; `none`: no network at all. */
export type NetworkRule =
  | { readonly mode: 'requested'; readonly hosts: readonly string[] }
  | { readonly mode: 'listed'; readonly hosts: readonly string[] }
  | { readonly mode: 'none'; readonly hosts: readonly [] };

export interface ModelConfig {
  readonly provider: ProviderName | 'recorded';
  /** True when a setting named the provider or its endpoint; only an unnamed one may fall back to recorded answers. */
  readonly chosen: boolean;
  /** Base URL without a trailing slash; `/chat/completions` is appended. */
  readonly base: string;
  readonly apiKey: string | null;
  readonly model: string;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Milliseconds for one whole completion. */
  readonly timeoutMs: number;
  /** Transcript file for recorded answers; `null` takes the shipped one. */
  readonly recordedFile: string | null;
  /** How a provider with a TEE is verified. */
  readonly attestation: {
    /** Preset or policy file; `null` takes the default policy. */
    readonly policy: string | null;
    /** Base URL of Intel's collateral service or a PCCS; `null` takes Intel's. */
    readonly pccs: string | null;
    /** Folder of collateral at hand. */
    readonly collateral: string | null;
    /** PEM file of a simulator's root, whose evidence is accepted and marked for ever. */
    readonly simulatedRoot: string | null;
    readonly channel: ChannelDemand;
    /** PEM file of authorities whose certificates the provider's address may show, beside the known ones. */
    readonly authorities: string | null;
  };
}

export interface Config {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  readonly apiKey: string | null;
  /** Opens the operator's routes and nothing else; `null` closes them. */
  readonly operatorKey: string | null;
  /** A keyset's life, and how long the keys of a replaced one still open requests. */
  readonly keys: { readonly lifetimeSeconds: number; readonly overlapSeconds: number };
  /** Origin under which clients reach the agent, without a trailing slash; `null` when only host and port are known. */
  readonly publicUrl: string | null;
  readonly model: ModelConfig;
  readonly sandbox: {
    readonly minIsolation: IsolationLevel;
    /** Lane to try first; it never lowers `minIsolation`. `null`: the strongest that works. */
    readonly prefer: SandboxLane | null;
    readonly concurrency: number;
    readonly network: NetworkRule;
    readonly wallMs: number;
    readonly memoryBytes: number;
  };
  /** `auto` takes the strongest TEE found. */
  readonly attester: string;
  /** Where the running code came from, as the operator says; goes into reports. */
  readonly source: { readonly repository: string | null; readonly commit: string | null; readonly imageDigest: string | null };
  readonly limits: {
    readonly bodyBytes: number;
    readonly tasks: number;
    /** Requests a minute and client that start work; 0 is no limit. */
    readonly ratePerMinute: number;
  };
  readonly logLevel: string;
  /** `enclave`: HTTPS under a key made at start and attested in the keyset; `off`: plain HTTP. */
  readonly tls: 'off' | 'enclave';
  /** Serve prompts through attested upstreams only (ACI §1.2). */
  readonly verifiedUpstreamsOnly: boolean;
  readonly databaseUrl: string | null;
  /** Things worth a line at start that are not errors, e.g. a misspelt setting. */
  readonly warnings: readonly string[];
}

const MIB = 1024 * 1024;
const ISOLATION = ['reduced', 'wasm', 'ns'] as const;
const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
const ATTESTERS = ['auto', 'nitro', 'configfs-tsm', 'dstack', 'tappd', 'gramine', 'simulated'] as const;
const ALLOW_ENTRY = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\]):([0-9]{1,5})$/;
/**
 * The settings in an environment.
 *
 * @throws {ServerError} `config/bad-value`, `config/missing-key` or `config/insecure-bind`; `details.problems` lists every problem
 * found as `{ setting, code, message }`, so that one start shows them all.
 * @example parseConfig({ AGENT_PORT: '0' }).port // 0
 */
export function parseConfig(environment: Environment): Config {
  const read = new Settings(environment);
  const host = read.text('AGENT_HOST', '127.0.0.1', /^[A-Za-z0-9.:_-]+$/, 'a host name or address');
  const apiKey = read.secret('ASSAY_API_KEY', 16);
  const config: Config = {
    host,
    port: read.integer('AGENT_PORT', 8000, 0, 65_535),
    dataDir: resolve(read.text('ASSAY_DATA_DIR', '.assay', /^[^\0]+$/, 'a directory')),
    apiKey,
    operatorKey: read.secret('ASSAY_OPERATOR_KEY', 16),
    keys: {
      lifetimeSeconds: read.integer('ASSAY_KEY_HOURS', 168, 1, 4320) * 3600,
      overlapSeconds: read.integer('ASSAY_KEY_OVERLAP_MINUTES', 30, 1, 10_080) * 60,
    },
    publicUrl: read.url('ASSAY_PUBLIC_URL'),
    model: parseModel(read),
    sandbox: {
      minIsolation: read.choice('ASSAY_MIN_ISOLATION', 'wasm', ISOLATION),
      prefer: parseLane(read),
      concurrency: read.integer('ASSAY_SANDBOX_CONCURRENCY', availableParallelism(), 1, 256),
      network: parseNetworkRule(read),
      wallMs: read.integer('ASSAY_SANDBOX_SECONDS', 30, 1, 300) * 1000,
      memoryBytes: read.integer('ASSAY_SANDBOX_MEMORY_MB', 512, 32, 65_536) * MIB,
    },
    attester: read.choice('ASSAY_ATTESTER', 'auto', ATTESTERS),
    source: {
      repository: read.url('ASSAY_SOURCE_REPOSITORY'),
      commit: read.matching(
        'ASSAY_SOURCE_COMMIT',
        /^[0-9a-f]{40}([0-9a-f]{24})?$/,
        'a git commit of 40 or 64 lower-case hex characters',
      ),
      imageDigest: read.matching('ASSAY_IMAGE_DIGEST', /^sha256:[0-9a-f]{64}$/, 'sha256: and 64 lower-case hex characters'),
    },
    limits: {
      bodyBytes: read.integer('ASSAY_MAX_BODY_MB', 48, 1, 1024) * MIB,
      tasks: read.integer('ASSAY_MAX_TASKS', 64, 1, 10_000),
      ratePerMinute: read.integer('ASSAY_RATE_LIMIT', isLoopback(host) ? 0 : 600, 0, 1_000_000),
    },
    logLevel: read.choice('ASSAY_LOG_LEVEL', 'info', LOG_LEVELS),
    tls: read.choice('ASSAY_TLS', 'off', ['off', 'enclave'] as const),
    verifiedUpstreamsOnly: read.choice('ASSAY_UPSTREAMS', 'any', ['any', 'verified'] as const) === 'verified',
    databaseUrl: read.optional('DATABASE_URL'),
    warnings: read.unread('ASSAY_').map((name) => `${name} is not a setting of this agent; see docs/settings.md for the names`),
  };
  if (config.keys.overlapSeconds * 2 > config.keys.lifetimeSeconds) {
    read.problem(
      'ASSAY_KEY_OVERLAP_MINUTES',
      'config/bad-value',
      `expected at most half of ASSAY_KEY_HOURS, got ${config.keys.overlapSeconds / 60}; shorten it, or let keys live longer`,
    );
  }
  if (config.operatorKey !== null && config.operatorKey === apiKey) {
    read.problem('ASSAY_OPERATOR_KEY', 'config/bad-value', 'is the same as ASSAY_API_KEY; make another: openssl rand -hex 32');
  }
  if (!isLoopback(host) && apiKey === null) {
    read.problem(
      'AGENT_HOST',
      'config/insecure-bind',
      'reaches beyond this machine; set ASSAY_API_KEY (16 characters or more) as well, or bind 127.0.0.1',
    );
  }
  read.finish();
  return deepFreeze(config);
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return isLoopbackName(host);
}

function parseModel(read: Settings): ModelConfig {
  const named = read.optional('AI_PROVIDER')?.toLowerCase();
  const redpillKey = read.optional('REDPILL_API_KEY');
  if (named !== undefined && named !== null && named !== 'recorded' && !isProviderName(named)) {
    read.problem(
      'AI_PROVIDER',
      'config/bad-value',
      `expected ${[...Object.keys(PROVIDERS), 'recorded'].join(', ')}, got ${JSON.stringify(named)}; set one of these`,
    );
  }
  const fallback: ProviderName = redpillKey === null ? 'ollama' : 'redpill';
  const provider = named === 'recorded' ? 'recorded' : isProviderName(named) ? named : fallback;
  const row = PROVIDERS[provider === 'recorded' ? 'ollama' : provider];
  const givenBase =
    read.url('AI_API_BASE') ??
    (provider === 'ollama' ? read.url('OLLAMA_URL') : null) ??
    (provider === 'redpill' ? read.url('REDPILL_API_URL') : null);
  const apiKey =
    read.optional('AI_API_KEY') ??
    row.keySettings.map((name) => read.optional(name)).find((key) => key !== null) ??
    row.defaultKey;
  if (provider === 'custom' && givenBase === null)
    read.problem(
      'AI_API_BASE',
      'config/missing-key',
      'is needed with AI_PROVIDER=custom; set the base URL that ends before /chat/completions',
    );
  if (provider !== 'recorded' && row.needsKey && apiKey === null) {
    read.problem(
      'AI_API_KEY',
      'config/missing-key',
      `is needed with AI_PROVIDER=${provider}; set it, or ${row.keySettings.join(' or ')}`,
    );
  }
  const model = read.optional('AI_MODEL') ?? (provider === 'ollama' ? read.optional('OLLAMA_MODEL') : null) ?? row.defaultModel;
  if (provider !== 'recorded' && model === null)
    read.problem('AI_MODEL', 'config/missing-key', `is needed with AI_PROVIDER=${provider}; set the model's name`);
  return {
    provider,
    chosen: named !== undefined && named !== null ? true : givenBase !== null || redpillKey !== null,
    base: givenBase === null ? row.base : row.completeBase(givenBase),
    apiKey,
    model: model ?? 'unnamed',
    temperature: read.number('AI_TEMPERATURE', 0.3, 0, 2),
    maxTokens: read.integer('AI_MAX_TOKENS', 2000, 1, 1_000_000),
    timeoutMs: read.integer('ASSAY_MODEL_SECONDS', 120, 1, 3600) * 1000,
    recordedFile: read.optional('ASSAY_RECORDED_FILE'),
    attestation: {
      policy: read.optional('ASSAY_UPSTREAM_POLICY'),
      pccs: read.url('ASSAY_PCCS_URL'),
      collateral: read.optional('ASSAY_UPSTREAM_COLLATERAL'),
      simulatedRoot: read.optional('ASSAY_UPSTREAM_SIMULATED_ROOT'),
      channel: read.choice('ASSAY_UPSTREAM_CHANNEL', 'any', ['any', 'bound', 'sealed'] as const),
      authorities: read.optional('ASSAY_UPSTREAM_AUTHORITIES'),
    },
  };
}

function parseLane(read: Settings): SandboxLane | null {
  const lane = read.choice('ASSAY_SANDBOX_LANE', 'auto', ['auto', 'linux-ns', 'landlock', 'wasm']);
  return lane === 'auto' ? null : lane;
}

function parseNetworkRule(read: Settings): NetworkRule {
  const text = read.optional('ASSAY_SANDBOX_ALLOW')?.trim().toLowerCase();
  if (text === undefined || text === null || text === 'requested') return { mode: 'requested', hosts: [] };
  if (text === 'none') return { mode: 'none', hosts: [] };
  const entries = text.split(',').map((entry) => entry.trim());
  const open = entries.includes('requested');
  const hosts = entries.filter((entry) => entry !== 'requested');
  for (const entry of hosts) {
    const port = Number(ALLOW_ENTRY.exec(entry)?.[2]);
    if (!(port >= 1 && port <= 65_535)) {
      read.problem(
        'ASSAY_SANDBOX_ALLOW',
        'config/bad-value',
        `expected none, requested, or host:port,…, got ${JSON.stringify(entry)}; write for example base.llamarpc.com:443`,
      );
    }
  }
  return { mode: open ? 'requested' : 'listed', hosts };
}

/** Reads typed settings and collects what is wrong with them. */
class Settings {
  readonly #environment: Environment;
  /** What is read is a setting: no second list of names can miss one. */
  readonly #read = new Set<string>();
  readonly #problems: { readonly setting: string; readonly code: ServerErrorCode; readonly message: string }[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** A setting that is absent or empty is not set. */
  optional(name: string): string | null {
    this.#read.add(name);
    const value = this.#environment[name];
    return value === undefined || value === '' ? null : value;
  }

  /** Names that begin with `prefix`, are set, and were not read: misspelled ones. */
  unread(prefix: string): readonly string[] {
    return Object.keys(this.#environment).filter((name) => name.startsWith(prefix) && !this.#read.has(name));
  }

  matching(name: string, pattern: RegExp, what: string): string | null {
    const value = this.optional(name);
    if (value === null || pattern.test(value)) return value;
    this.problem(name, 'config/bad-value', `expected ${what}, got ${JSON.stringify(value)}`);
    return null;
  }

  text(name: string, fallback: string, pattern: RegExp, what: string): string {
    const value = this.optional(name);
    if (value === null || pattern.test(value)) return value ?? fallback;
    this.problem(name, 'config/bad-value', `expected ${what}, got ${JSON.stringify(value)}`);
    return fallback;
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.optional(name);
    if (value === null) return fallback;
    const number = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.problem(name, 'config/bad-value', `expected a whole number from ${least} to ${most}, got ${JSON.stringify(value)}`);
    return fallback;
  }

  number(name: string, fallback: number, least: number, most: number): number {
    const value = this.optional(name);
    if (value === null) return fallback;
    const number = /^[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    this.problem(name, 'config/bad-value', `expected a number from ${least} to ${most}, got ${JSON.stringify(value)}`);
    return fallback;
  }

  choice<const Choice extends string>(name: string, fallback: NoInfer<Choice>, choices: readonly Choice[]): Choice {
    const value = this.optional(name);
    if (value === null) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    this.problem(name, 'config/bad-value', `expected ${choices.join(', ')}, got ${JSON.stringify(value)}`);
    return fallback;
  }

  url(name: string): string | null {
    const value = this.optional(name);
    if (value === null) return null;
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '') {
      return withoutTrailing(value, '/');
    }
    this.problem(name, 'config/bad-value', 'expected an http:// or https:// URL without a user name or password in it');
    return null;
  }

  secret(name: string, leastLength: number): string | null {
    const value = this.optional(name);
    if (value === null || (value.length >= leastLength && /^[\x21-\x7e]+$/.test(value))) return value;
    this.problem(
      name,
      'config/bad-value',
      `expected ${leastLength} or more printable ASCII characters without spaces; make one with: openssl rand -hex 32`,
    );
    return null;
  }

  problem(setting: string, code: ServerErrorCode, message: string): void {
    this.#problems.push({ setting, code, message: `${setting} ${message}` });
  }

  finish(): void {
    const [first] = this.#problems;
    if (first !== undefined) throw new ServerError(first.code, first.message, { details: { problems: this.#problems } });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
