/** Seed 004 against a running agent, by a client in another language that was written from the tutorial alone. */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type OpenAiServer, startOpenAiServer } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';

const run = promisify(execFile);
const CLIENT = new URL('./tutorial_client.py', import.meta.url).pathname;

function hasCryptography(): boolean {
  try {
    execFileSync('python3', ['-c', 'import cryptography'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('\n*** LEFT OUT: the tutorial in Python (pip install cryptography) ***\n');
    return false;
  }
}

describe.skipIf(!hasCryptography())('the tutorial in Python', () => {
  let directory: string;
  let model: OpenAiServer;
  let agent: RunningAgent;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'assay-tutorial-'));
    model = await startOpenAiServer({
      answers: [{ kind: 'text', text: 'about 100,000 € “today”' }],
      apiKey: 'key-of-the-caller',
    });
    agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: directory,
        ASSAY_LOG_LEVEL: 'error',
        AI_PROVIDER: 'openai',
        AI_API_BASE: model.base,
        AI_API_KEY: 'key-of-the-operator',
        AI_MODEL: 'any',
      }),
    );
  }, 60_000);

  afterAll(async () => {
    await agent?.close();
    await model?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const chat = async (environment: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>> => {
    const env = {
      ...process.env,
      TEE_TLS_URL: agent.url,
      PLATFORM: 'openai',
      MODEL: 'gpt-4',
      PLATFORM_API_KEY: 'key-of-the-caller',
      ...environment,
    };
    const { stdout } = await run('python3', [CLIENT, 'BTC price right now'], { env });
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  };

  it('gets its answer under its own key, and both signatures verify', async () => {
    expect(await chat({})).toEqual({
      response: 'about 100,000 € “today”',
      platform: 'openai',
      'verify signature': true,
      'verify canonical': true,
    });
    expect(model.requests.at(-1)?.body).toMatchObject({
      model: 'gpt-4',
      messages: [{ role: 'user', content: 'BTC price right now' }],
    });
  });

  it('is told of an unknown platform in the words of the original', async () => {
    expect(await chat({ PLATFORM: 'myspace' })).toEqual({ error: 'invalid platform' });
  });
});
