/** `agent.build()`, `agent.audit()` and the jobs of `/api/v1` at a real agent. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, connect } from 'assay';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig, type RunningAgent, startAgent } from '../../packages/agent/src/index.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const SOURCE = 'pragma solidity 0.8.24;\ncontract Box { uint256 public x; function set(uint256 y) external { x = y; } }\n';

let directory = '';
let running: RunningAgent;
let agent: Agent;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-contract-sdk-'));
  running = await startAgent(
    parseConfig({
      ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'silent', AI_PROVIDER: 'recorded' },
      ...{ ASSAY_COMPILERS_DIR: await compilersFolder('0.8.24'), ASSAY_ANALYZER_DIR: await analyzerFolder() },
    }),
  );
  await running.ready;
  agent = await connect(running.url, { trust: { simulatedRoot: readFileSync(join(directory, 'simulated-root.pem'), 'utf8') } });
}, 600_000);

afterAll(async () => {
  await running?.close();
  rmSync(directory, { recursive: true, force: true });
});

it('builds and audits the same bytes', { timeout: 120_000 }, async () => {
  const built = await agent.build({ 'Box.sol': SOURCE }, { evmVersion: 'paris' });
  expect(built).toMatchObject({ solcVersion: '0.8.24', manifest: { v: 'assay-build/1' } });
  expect(built.contracts.Box?.bytecode).toBe(built.artifacts.Box?.bytecode);
  const audited = await agent.audit({ 'Box.sol': SOURCE }, { evmVersion: 'paris' });
  expect([audited.passed, audited.findingsCount]).toEqual([true, audited.audit.findings.length]);
  expect(audited.audit.build_hash).toBe(`sha256:${built.buildHash}`);
  expect(JSON.parse(audited.sarif).version).toBe('2.1.0');
  expect(audited.run.verdict.outcome).toBe('accepted');
  await expect(agent.audit('contract A {')).rejects.toMatchObject({ code: 'client/contracts-failed' });
});

it('does jobs at /api/v1, to be asked for by their address', { timeout: 120_000 }, async () => {
  const post = (path: string, data: object) =>
    agent.fetch(`${running.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data }),
    });
  const started = await post('/api/v1/audits', { contract_code: SOURCE, encrypted: true });
  expect(started.status).toBe(202);
  const { task_id, status_url } = (await started.json()) as { task_id: string; status_url: string };
  expect(new URL(status_url).pathname).toBe(`/api/v1/audits/${task_id}`);
  const { answer } = await agent.attach(task_id);
  expect(answer.result).toMatchObject({ passed: true });
  const state = (await (await agent.fetch(status_url)).json()) as { status: string; result: { result: { passed: boolean } } };
  expect([state.status, state.result.result.passed]).toEqual(['succeeded', true]);
  expect((await post('/api/v1/builds', { contract_code: 7 })).status).toBe(422);
  expect((await agent.fetch(`${running.url}/api/v1/builds/none`)).status).toBe(404);
});
