/**
 * How every command reaches an agent: it is verified first, and then asked only through its sealed channel. The API key of `ASSAY_API_KEY`
 * belongs to the address that the user named with it; it leaves inside the channel only. Never on the command line, where others could read it.
 *
 * An agent on this machine that no `--url` named may be a simulator under the root in the user's own data folder. Any other agent
 * needs evidence under a pinned root, or a root named with `--simulated-root`.
 */

import { isLoopbackName } from '@assay/channel';
import type { Command } from 'commander';
import { type Agent, ClientError, type ConnectOptions, connect, verdictOf } from '../index.ts';
import { dataFolder } from './data-folder.ts';
import { CliError } from './errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { leftAddress } from './left-address.ts';
import { addressOption, type NamedTrust, policyOption, trustOption } from './options.ts';
import { printable, styleOf } from './output.ts';
import { agentRootHint, ownRootFile, shownPath } from './root-hint.ts';
import { printVerdict } from './verdict.ts';

export const DEFAULT_AGENT = 'http://127.0.0.1:8000';

/** Which agent, and what is believed of it. */
export interface AgentFlags {
  readonly url?: string | undefined;
  readonly policy?: string | undefined;
  readonly simulatedRoot?: string | undefined;
}

export interface ReachOptions extends AgentFlags {
  /** Data folder whose simulator may be believed; `null` for an agent that the user named. */
  readonly ownFolder: string | null;
  /** `null` leaves the key at home. */
  readonly apiKey: string | null;
  readonly keyExchange?: ConnectOptions['keyExchange'];
  /** Does not say on whose word the agent is believed. */
  readonly quiet?: boolean;
}

/** As {@link ReachOptions}; without `apiKey` that of the settings. */
export type FoundOptions = Pick<ReachOptions, 'quiet' | 'keyExchange'> & { readonly apiKey?: string | null };

/** The options of {@link AgentFlags}, for commands that take `--url`. */
export function agentOptions(command: Command): Command {
  return command
    .option('--url <address>', `the agent; by default ASSAY_URL, the one running here, or ${DEFAULT_AGENT}`)
    .option('--policy <file|preset>', "what the agent's evidence must satisfy: a policy file, or strict, moderate, relaxed")
    .option('--simulated-root <file>', "accept a simulator's evidence under this root, marked as simulated");
}

/** The address that flags and settings name. @throws {CliError} `cli/bad-option`. */
export function agentAddress(flags: AgentFlags, io: Io): URL {
  return addressOption('--url', flags.url ?? nonEmpty(io.env.ASSAY_URL) ?? DEFAULT_AGENT);
}

/**
 * Where the agent may be, in the order of trying: the one named; else at the port of the settings, at the address that a running agent left
 * in the data folder, and where agents are by default.
 */
async function agentAddresses(flags: AgentFlags, io: Io): Promise<readonly [URL, ...URL[]]> {
  if (isNamed(flags, io)) return [agentAddress(flags, io)];
  const port = /^[1-9]\d{0,4}$/.exec(io.env.AGENT_PORT ?? '')?.[0];
  const left = await leftAddress(dataFolder(io));
  const byPort = port === undefined ? null : addressOption('AGENT_PORT', `http://127.0.0.1:${port}`);
  const [first, ...others] = [byPort, left, port === undefined ? new URL(DEFAULT_AGENT) : null].filter((url) => url !== null);
  return [first ?? new URL(DEFAULT_AGENT), ...others.filter(({ href }) => href !== first?.href)];
}

/** The user said which agent, by flag or setting. */
export function isNamed({ url }: AgentFlags, io: Io): boolean {
  return url !== undefined || nonEmpty(io.env.ASSAY_URL) !== undefined;
}

/**
 * As {@link reachAgent} for the flags of a command: an agent that no `--url` names may be the user's own.
 * @throws {CliError} `cli/agent-unreachable`, and what {@link reachAgent} throws.
 */
export async function agentOf(flags: AgentFlags & FoundOptions, io: Io): Promise<Agent> {
  const { apiKey = apiKeyOf(io) } = flags;
  const ownFolder = flags.url === undefined ? dataFolder(io) : null;
  const addresses = await agentAddresses(flags, io);
  const absences: CliError[] = [];
  for (const url of addresses) {
    try {
      return await reachAgent({ ...flags, url: url.href, ownFolder, apiKey }, io);
    } catch (error) {
      if (!CliError.is(error) || error.code !== 'cli/agent-unreachable') throw error;
      absences.push(error);
    }
  }
  throw isNamed(flags, io) ? absences[0] : noneAnswers(addresses, io, absences[0]);
}

/** Says where it was looked for, and how to name another. */
function noneAnswers(addresses: readonly URL[], io: Io, cause: unknown): CliError {
  const tried = addresses.map(({ href }) => href.replace(/\/$/, '')).join(' or ');
  const folder = shownPath(dataFolder(io), io);
  return new CliError(
    'cli/agent-unreachable',
    `no agent answers at ${tried}, and none left another address in ${folder}; start one with assay serve, or name one with --url, ASSAY_URL or AGENT_PORT`,
    { cause },
  );
}

export function apiKeyOf(io: Io): string | null {
  return nonEmpty(io.env.ASSAY_API_KEY) ?? null;
}

/**
 * Verifies an agent. Nothing but a nonce leaves before that.
 * @throws {CliError} `cli/agent-unreachable`; {ClientError} `client/attestation-refused` and others; {ChannelError}.
 */
export async function reachAgent(options: ReachOptions, io: Io): Promise<Agent> {
  const url = agentAddress(options, io);
  const trust = await trustOf(options, url, io);
  try {
    const agent = await connect(url, {
      policy: await policyOption(io, options.policy),
      trust,
      apiKey: options.apiKey ?? undefined,
      keyExchange: options.keyExchange,
      fetch: io.fetch,
      now: () => io.now(),
      signal: io.signal,
    });
    if (options.quiet !== true) announce(agent, { trust, own: options.simulatedRoot === undefined }, io);
    return agent;
  } catch (cause) {
    if (!isAbsent(cause)) throw cause;
    const reason = /\(([^()]*)\)/.exec(cause.message)?.[1];
    throw new CliError(
      'cli/agent-unreachable',
      `no agent answers at ${url.href.replace(/\/$/, '')}${reason === undefined ? '' : ` (${reason})`}; start one with assay serve, or name another with --url`,
      { cause },
    );
  }
}

/** No server listens. A server that answers with an error does. */
function isAbsent(cause: unknown): cause is ClientError {
  return ClientError.is(cause) && cause.code === 'client/agent-unreachable' && cause.details.status === undefined;
}

async function trustOf({ simulatedRoot, ownFolder: folder }: ReachOptions, url: URL, io: Io): Promise<NamedTrust> {
  if (simulatedRoot !== undefined) return trustOption(io, { simulatedRoot });
  return folder === null ? { roots: [] } : trustAt(url, folder, io);
}

/** The simulator of the data folder, for an address on this machine; nothing for any other. */
export async function trustAt(url: URL, folder: string, io: Io): Promise<NamedTrust> {
  if (!isLoopbackName(url.hostname.replace(/^\[|\]$/g, ''))) return { roots: [] };
  const file = await ownRootFile(folder, io);
  return file === null ? { roots: [] } : trustOption(io, { simulatedRoot: file });
}

interface Believed {
  readonly trust: NamedTrust;
  /** The root is that of the user's own data folder, and no option named it. */
  readonly own: boolean;
}

/** On whose word the agent is believed. */
function announce({ attested }: Agent, { trust, own }: Believed, io: Io): void {
  const style = styleOf(io);
  const { verdict, url } = attested;
  const { name = 'none' } = trust.simulatedRoot ?? {};
  const by = own ? `trusted by the root of your own data folder, ${name}` : `under the root ${name}`;
  const words = verdict.simulated ? `${verdict.scope}, at ${url.host} ${by}` : verdict.scope;
  const line = `${verdict.simulated ? style.open('SIMULATED') : style.good('verified')}  ${printable(words)}`;
  io.stderr(wrapped(line, io.columns, 2));
}

/**
 * Runs `work` with a verified agent. An agent that does not verify is answered with its verdict, and the exit code of that.
 * @param reach - One of {@link agentOf} and {@link reachAgent}, not yet called.
 * @throws what `work` throws, and errors of the connection that carry no verdict.
 */
export async function withAgent(
  reach: () => Promise<Agent>,
  io: Io,
  flags: AgentFlags & { readonly json?: boolean | undefined },
  work: (agent: Agent) => Promise<ExitCode>,
): Promise<ExitCode> {
  let agent: Agent;
  try {
    agent = await reach();
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === null) throw error;
    return printVerdict(verdict, io, { json: flags.json === true, verbose: false, rootHint: await agentRootHint(flags, io) });
  }
  return work(agent);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
