/** An agent inside this process, for commands that find none running: same settings, a free port, no log lines. */

import { resolve } from 'node:path';
import type { Io } from './io.ts';

export interface EmbeddedAgent {
  readonly url: string;
  /** Its data folder, with the root of its simulator when it has one. */
  readonly folder: string;
  close(): Promise<void>;
}

export async function startEmbeddedAgent(io: Io): Promise<EmbeddedAgent> {
  const { parseConfig, readEnvironment, startAgent } = await import('@assay/agent');
  const settings = readEnvironment(resolve(io.cwd, '.env'), io.env);
  const { ASSAY_API_KEY: _, ...open } = settings;
  const folder = resolve(io.cwd, settings.ASSAY_DATA_DIR ?? '.assay');
  const config = parseConfig({
    ...open,
    AGENT_HOST: '127.0.0.1',
    AGENT_PORT: '0',
    ASSAY_DATA_DIR: folder,
    ASSAY_LOG_LEVEL: 'silent',
  });
  const agent = await startAgent(config);
  return { url: agent.url, folder, close: () => agent.close() };
}
