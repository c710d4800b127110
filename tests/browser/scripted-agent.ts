/** A running agent whose model gives scripted answers, in a data directory of its own, and a place for the pictures of the test. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenAiServer, startOpenAiServer } from '@assay/testing';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { PICTURES } from './looks.ts';

export interface ScriptedAgent {
  /** Its data directory, which goes with it. */
  readonly directory: string;
  readonly model: OpenAiServer;
  /** The one that runs now. */
  readonly agent: RunningAgent;
  /** Starts another on the same directory and address, once the one that runs was closed. */
  restart(): Promise<RunningAgent>;
  close(): Promise<void>;
}

/** @example const scripted = await startScriptedAgent(() => fenced('python', 'print(1)')); */
export async function startScriptedAgent(
  answers: Parameters<typeof startOpenAiServer>[0]['answers'],
  settings: Readonly<Record<string, string>> = {},
): Promise<ScriptedAgent> {
  mkdirSync(PICTURES, { recursive: true });
  const directory = mkdtempSync(join(tmpdir(), 'assay-browser-'));
  const model = await startOpenAiServer({ answers });
  const start = async (port: string): Promise<RunningAgent> => {
    const own = { AGENT_PORT: port, ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error' };
    const started = await startAgent(parseConfig({ ...own, AI_PROVIDER: 'ollama', AI_API_BASE: model.base, ...settings }));
    await started.ready;
    return started;
  };
  let agent = await start('0');
  return {
    directory,
    model,
    get agent() {
      return agent;
    },
    restart: async () => {
      agent = await start(new URL(agent.url).port);
      return agent;
    },
    close: async () => {
      await agent.close();
      await model.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
