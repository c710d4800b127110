/**
 * An agent inside this process, for commands that find none running: same settings, a free port, no log lines. The key that the user would show
 * to another agent is its first one, so that a data folder with keys lets its owner in.
 */

import { dataFolder } from './data-folder.ts';
import type { Io } from './io.ts';

export interface EmbeddedAgent {
  readonly url: string;
  /** Its data folder, with the root of its simulator when it has one. */
  readonly folder: string;
  close(): Promise<void>;
}

export async function startEmbeddedAgent(io: Io): Promise<EmbeddedAgent> {
  const { parseConfig, startAgent } = await import('@assay/agent');
  const folder = dataFolder(io);
  const config = parseConfig({
    ...io.env,
    AGENT_HOST: '127.0.0.1',
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: folder,
    ASSAY_LOG_LEVEL: 'silent',
  });
  const agent = await startAgent(config);
  return { url: agent.url, folder, close: () => agent.close() };
}
