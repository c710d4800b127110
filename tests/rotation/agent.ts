/** A real agent under a clock that tests move, and a wire on which they see, hold back and spoil what passes. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TrustAnchor, trustAnchor } from '@assay/attestation';
import { decodePem } from '@assay/encoding/pem';
import { recordedChats } from '@assay/testing';
import { onTestFinished } from 'vitest';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { type RunningAgent, startAgent } from '../../packages/agent/src/main.ts';

/** Prompts of the rotation tests, each with a recorded answer. */
const QUESTIONS = ['hi', 'hello', 'before', 'in between', 'after', 'my secret question'];

export interface ClockedAgent {
  readonly url: string;
  readonly agent: RunningAgent;
  readonly root: TrustAnchor;
  /** PEM file of the simulator's root. */
  readonly rootFile: string;
  readonly now: () => number;
  /** Moves the clock to epoch milliseconds. */
  set(now: number): void;
  keysetDigest(): Promise<string>;
  /** Waits until another keyset is in force than `digest`. */
  replaced(digest: string): Promise<string>;
}

/** Starts an agent whose clock stands still until it is moved. */
export async function startClockedAgent(
  environment: Readonly<Record<string, string>> = {},
  directory: string = temporary(),
): Promise<ClockedAgent> {
  let now = Date.now();
  const agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: directory,
      ASSAY_LOG_LEVEL: 'silent',
      AI_PROVIDER: 'recorded',
      ASSAY_RECORDED_FILE: recordedChats(directory, QUESTIONS),
      ...environment,
    }),
    { clock: { now: () => now } },
  );
  onTestFinished(() => agent.close());
  const rootFile = join(directory, 'simulated-root.pem');
  const [root] = decodePem(readFileSync(rootFile, 'utf8'));
  const keysetDigest = async (): Promise<string> => String((await agent.status()).keyset_digest);
  return {
    url: agent.url,
    agent,
    root: trustAnchor('simulator', root!.der, { simulated: true }),
    rootFile,
    now: () => now,
    set: (to) => {
      now = to;
    },
    keysetDigest,
    replaced: async (digest) => {
      for (let tries = 0; tries < 400; tries += 1) {
        const found = await keysetDigest();
        if (found !== digest) return found;
        await sleep(25);
      }
      throw new Error('no other keyset came into force within ten seconds');
    },
  };
}

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'assay-rotation-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Passed {
  readonly path: string;
  readonly status: number;
  readonly body: Uint8Array;
}

/** Records what passes. `between` may answer in the network's place; it gets what would carry the request on. */
export function wire(between?: (request: Request, carry: () => Promise<Response>) => Promise<Response>) {
  const passed: Passed[] = [];
  const carry: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const body = new Uint8Array(await request.clone().arrayBuffer());
    const on = () =>
      fetch(
        new Request(request.url, { method: request.method, headers: request.headers, ...(body.length > 0 ? { body } : {}) }),
      );
    const answer = await (between === undefined ? on() : between(request, on));
    passed.push({ path: new URL(request.url).pathname, status: answer.status, body });
    return answer;
  };
  return { passed, fetch: carry, paths: () => passed.map(({ path, status }) => `${path} ${status}`) };
}
