/** The agent that does a command's work: the one named, the one that listens here, or a fresh one inside this process. */

import { isCoded } from '@assay/encoding/coded-error';
import type { Agent } from '../index.ts';
import { type AgentFlags, agentOf, apiKeyOf, type FoundOptions, isNamed, reachAgent, withAgent } from './agent-connection.ts';
import { dataFolder } from './data-folder.ts';
import { type EmbeddedAgent, startEmbeddedAgent } from './embedded-agent.ts';
import { CliError } from './errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';
import { wrapped } from './layout.ts';
import { leftAddress } from './left-address.ts';

export type FindFlags = AgentFlags & FoundOptions & { readonly json?: boolean | undefined };

interface FoundAgent {
  readonly agent: Agent;
  /** Ends an agent that was started for this command. */
  close(): Promise<void>;
}

/** Verifies it, too. @throws as {@link reachAgent}. */
async function findAgent(flags: FindFlags, io: Io): Promise<FoundAgent> {
  const quiet = flags.quiet === true;
  try {
    return { agent: await agentOf({ ...flags, quiet }, io), close: async () => {} };
  } catch (error) {
    if (isNamed(flags, io) || !CliError.is(error) || error.code !== 'cli/agent-unreachable') throw error;
    const [absence] = error.message.split('; ');
    if (!quiet) io.stderr(wrapped(`${absence}: starting one inside; --url names one that runs elsewhere`, io.columns, 2));
  }
  let embedded: EmbeddedAgent;
  try {
    embedded = await startEmbeddedAgent(io);
  } catch (error) {
    return { agent: await holderOf(error, { ...flags, quiet }, io), close: async () => {} };
  }
  try {
    const own = { ...flags, url: embedded.url, ownFolder: embedded.folder, apiKey: apiKeyOf(io), quiet };
    return { agent: await reachAgent(own, io), close: () => embedded.close() };
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

/**
 * The agent that has the data folder, at the address that it left there: it may have come up since the first look.
 * @throws `error` itself when it says something else, or no address was left.
 */
async function holderOf(error: unknown, flags: FindFlags, io: Io): Promise<Agent> {
  const folder = dataFolder(io);
  const url = isCoded(error) && error.code === 'ledger/in-use' ? await leftAddress(folder) : null;
  if (url === null) throw error;
  return reachAgent({ ...flags, url: url.href, ownFolder: folder, apiKey: apiKeyOf(io), quiet: flags.quiet === true }, io);
}

/** Does `work` with the agent that was found, and ends it when it was started for this. A verdict against it is the command's result. */
export async function withFoundAgent(flags: FindFlags, io: Io, work: (agent: Agent) => Promise<ExitCode>): Promise<ExitCode> {
  let close = async (): Promise<void> => {};
  const reach = async (): Promise<Agent> => {
    const found = await findAgent(flags, io);
    close = found.close;
    return found.agent;
  };
  try {
    return await withAgent(reach, io, flags, work);
  } finally {
    await close();
  }
}
