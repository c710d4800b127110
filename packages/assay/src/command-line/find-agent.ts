/** The agent that does a command's work: the one named, the one that listens here, or a fresh one inside this process. */

import type { Agent } from '../index.ts';
import { type AgentFlags, agentOf, reachAgent, withAgent } from './agent-connection.ts';
import { startEmbeddedAgent } from './embedded-agent.ts';
import { CliError } from './errors.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Io } from './io.ts';

export type FindFlags = AgentFlags & { readonly quiet?: boolean | undefined; readonly json?: boolean | undefined };

interface FoundAgent {
  readonly agent: Agent;
  /** Ends an agent that was started for this command. */
  close(): Promise<void>;
}

/** Verifies it, too. @throws as {@link reachAgent}. */
async function findAgent(flags: FindFlags, io: Io): Promise<FoundAgent> {
  const named = flags.url !== undefined || (io.env.ASSAY_URL ?? '') !== '';
  const quiet = flags.quiet === true;
  try {
    return { agent: await agentOf({ ...flags, quiet }, io), close: async () => {} };
  } catch (error) {
    if (named || !(error instanceof CliError) || error.code !== 'cli/agent-unreachable') throw error;
  }
  if (!quiet) io.stderr('no agent is running; starting one inside\n');
  const embedded = await startEmbeddedAgent(io);
  try {
    const own = { ...flags, url: embedded.url, ownFolder: embedded.folder, apiKey: null, quiet };
    return { agent: await reachAgent(own, io), close: () => embedded.close() };
  } catch (error) {
    await embedded.close();
    throw error;
  }
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
    return await withAgent(reach, io, { json: flags.json === true }, work);
  } finally {
    await close();
  }
}
