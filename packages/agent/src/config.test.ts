import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnvFile } from '@assay/encoding/env-file';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig, UNNAMED_MODEL } from './config.ts';
import { readEnvironment } from './env-file.ts';
import { ServerError } from './errors.ts';

test('defaults', () => {
  const config = parseConfig({});
  expect(config).toMatchObject({ host: '127.0.0.1', port: 8000, apiKey: null, attester: 'auto', warnings: [] });
  expect(config.dataDir.endsWith('/.assay')).toBe(true);
  expect(config.model).toMatchObject({
    provider: 'ollama',
    chosen: false,
    base: 'http://127.0.0.1:11434/v1',
    model: 'gemma3:4b',
    temperature: 0.3,
    maxTokens: 2000,
  });
  expect(config.sandbox).toMatchObject({ minIsolation: 'wasm', network: { mode: 'requested', hosts: [] } });
  expect(config).toMatchObject({ operatorKey: null, keys: { lifetimeSeconds: 7 * 86_400, overlapSeconds: 1800 } });
  expect(Object.isFrozen(config) && Object.isFrozen(config.model)).toBe(true);
});

/** The settings in the text of a `.env` file. */
function settingsIn(text: string): Readonly<Record<string, string>> {
  const file = parseEnvFile(text);
  return file.type === 'settings' ? file.settings : expect.fail(`line ${file.line}`);
}

test("the seed's .env", () => {
  const environment = settingsIn(
    '# Local Ollama settings\nAI_PROVIDER=ollama\nAI_API_BASE=http://127.0.0.1:11434/v1\nAI_API_KEY=ollama\nOLLAMA_MODEL=gemma3:4b\nAI_MODEL=gemma3:4b\nAI_TEMPERATURE=0.3\nAI_MAX_TOKENS=2000\n',
  );
  expect(parseConfig(environment).model).toMatchObject({
    provider: 'ollama',
    chosen: true,
    apiKey: 'ollama',
    model: 'gemma3:4b',
  });
});

const models: readonly { name: string; environment: Record<string, string>; expect: object }[] = [
  {
    name: 'OLLAMA_URL without /v1',
    environment: { OLLAMA_URL: 'http://10.0.0.1:11434' },
    expect: { base: 'http://10.0.0.1:11434/v1', chosen: true },
  },
  { name: 'OLLAMA_MODEL', environment: { OLLAMA_MODEL: 'qwen3:8b' }, expect: { model: 'qwen3:8b', chosen: true } },
  { name: 'AI_MODEL wins', environment: { OLLAMA_MODEL: 'a', AI_MODEL: 'b' }, expect: { model: 'b' } },
  {
    name: 'a RedPill key alone chooses RedPill',
    environment: { REDPILL_API_KEY: 'k' },
    expect: { provider: 'redpill', apiKey: 'k', base: 'https://api.redpill.ai/v1', chosen: true },
  },
  {
    name: 'REDPILL_API_URL',
    environment: { REDPILL_API_KEY: 'k', REDPILL_API_URL: 'https://x.example/' },
    expect: { base: 'https://x.example/v1' },
  },
  {
    name: 'openai',
    environment: { AI_PROVIDER: 'OpenAI', OPENAI_API_KEY: 'k', AI_MODEL: 'm' },
    expect: { provider: 'openai', apiKey: 'k', base: 'https://api.openai.com/v1' },
  },
  {
    name: 'gemini keeps its own path',
    environment: { AI_PROVIDER: 'gemini', AI_API_KEY: 'k', AI_MODEL: 'm' },
    expect: { base: 'https://generativelanguage.googleapis.com/v1beta/openai' },
  },
  {
    name: 'custom',
    environment: { AI_PROVIDER: 'custom', AI_API_BASE: 'http://h/api', AI_MODEL: 'm' },
    expect: { base: 'http://h/api', apiKey: null },
  },
  {
    name: 'OLLAMA_HOST alone chooses Ollama',
    environment: { OLLAMA_HOST: '10.0.0.1' },
    expect: { provider: 'ollama', chosen: true, base: 'http://10.0.0.1:11434/v1' },
  },
  {
    name: 'OLLAMA_URL comes before OLLAMA_HOST',
    environment: { OLLAMA_HOST: '10.0.0.1', OLLAMA_URL: 'http://10.0.0.2' },
    expect: { base: 'http://10.0.0.2/v1' },
  },
  {
    name: 'an OpenAI key alone chooses OpenAI',
    environment: { OPENAI_API_KEY: 'k' },
    expect: { provider: 'openai', chosen: true, apiKey: 'k', base: 'https://api.openai.com/v1', model: 'gpt-4.1-mini' },
  },
  {
    name: 'OPENAI_BASE_URL alone chooses its endpoint',
    environment: { OPENAI_BASE_URL: 'http://10.0.0.1:8080/v1/' },
    expect: { provider: 'custom', chosen: true, apiKey: null, base: 'http://10.0.0.1:8080/v1', model: UNNAMED_MODEL },
  },
  {
    name: 'OPENAI_BASE_URL gets the key beside it',
    environment: { OPENAI_BASE_URL: 'http://10.0.0.1:8080/v1', OPENAI_API_KEY: 'k', AI_MODEL: 'm' },
    expect: { provider: 'custom', apiKey: 'k', model: 'm' },
  },
  {
    name: 'OPENAI_BASE_URL that is OpenAI',
    environment: { OPENAI_BASE_URL: 'https://api.openai.com/v1', OPENAI_API_KEY: 'k' },
    expect: { provider: 'openai', apiKey: 'k', base: 'https://api.openai.com/v1' },
  },
  {
    name: "another address does not get OpenAI's key",
    environment: { AI_PROVIDER: 'custom', AI_API_BASE: 'http://h/v1', OPENAI_API_KEY: 'k' },
    expect: { provider: 'custom', apiKey: null },
  },
  {
    name: 'a model on this machine comes before a key that opens one elsewhere',
    environment: { OLLAMA_HOST: 'localhost', OPENAI_API_KEY: 'k' },
    expect: { provider: 'ollama', apiKey: 'ollama' },
  },
  { name: 'recorded', environment: { AI_PROVIDER: 'recorded' }, expect: { provider: 'recorded', chosen: true } },
];
test.each(models)('model: $name', ({ environment, expect: wanted }) => {
  expect(parseConfig(environment).model).toMatchObject(wanted);
});

const bad: readonly { name: string; environment: Record<string, string>; code: string; message: RegExp }[] = [
  {
    name: 'port',
    environment: { AGENT_PORT: '80000' },
    code: 'config/bad-value',
    message: /AGENT_PORT expected a whole number from 0 to 65535, got "80000"/,
  },
  { name: 'port that is a word', environment: { AGENT_PORT: 'http' }, code: 'config/bad-value', message: /AGENT_PORT/ },
  { name: 'temperature', environment: { AI_TEMPERATURE: 'hot' }, code: 'config/bad-value', message: /AI_TEMPERATURE/ },
  { name: 'negative tokens', environment: { AI_MAX_TOKENS: '-1' }, code: 'config/bad-value', message: /AI_MAX_TOKENS/ },
  {
    name: 'provider',
    environment: { AI_PROVIDER: 'skynet' },
    code: 'config/bad-value',
    message: /AI_PROVIDER expected ollama, openai/,
  },
  {
    name: 'a property of every object',
    environment: { AI_PROVIDER: 'constructor' },
    code: 'config/bad-value',
    message: /AI_PROVIDER/,
  },
  {
    name: 'no key',
    environment: { AI_PROVIDER: 'openai', AI_MODEL: 'm' },
    code: 'config/missing-key',
    message: /AI_API_KEY is needed with AI_PROVIDER=openai; set it, or OPENAI_API_KEY/,
  },
  {
    name: 'no model',
    environment: { AI_PROVIDER: 'openrouter', AI_API_KEY: 'k' },
    code: 'config/missing-key',
    message: /AI_MODEL/,
  },
  { name: 'base that is no URL', environment: { AI_API_BASE: 'localhost' }, code: 'config/bad-value', message: /AI_API_BASE/ },
  {
    name: 'base with a password',
    environment: { AI_API_BASE: 'http://u:hunter2@h/v1' },
    code: 'config/bad-value',
    message: /AI_API_BASE/,
  },
  {
    name: 'pages without a key',
    environment: { ASSAY_ALLOWED_ORIGINS: 'https://app.example' },
    code: 'config/missing-key',
    message: /ASSAY_ALLOWED_ORIGINS opens this agent to web pages; set ASSAY_API_KEY/,
  },
  ...['*', 'app.example', 'https://app.example/path', 'https://*.example', 'null', 'file:///x', 'https://u@h', ''].map(
    (given) => ({
      name: `a page ${given}`,
      environment: { ASSAY_API_KEY: 'k'.repeat(16), ASSAY_ALLOWED_ORIGINS: `https://app.example,${given}` },
      code: 'config/bad-value',
      message: /ASSAY_ALLOWED_ORIGINS expected origins such as https:\/\/app.example/,
    }),
  ),
  { name: 'a lane', environment: { ASSAY_SANDBOX_LANE: 'host' }, code: 'config/bad-value', message: /ASSAY_SANDBOX_LANE/ },
  {
    name: 'isolation',
    environment: { ASSAY_MIN_ISOLATION: 'none' },
    code: 'config/bad-value',
    message: /ASSAY_MIN_ISOLATION expected reduced, wasm, ns/,
  },
  {
    name: 'allow-list without a port',
    environment: { ASSAY_SANDBOX_ALLOW: 'example.com' },
    code: 'config/bad-value',
    message: /ASSAY_SANDBOX_ALLOW/,
  },
  {
    name: 'allow-list with a wildcard',
    environment: { ASSAY_SANDBOX_ALLOW: '*:443' },
    code: 'config/bad-value',
    message: /ASSAY_SANDBOX_ALLOW/,
  },
  {
    name: 'short API key',
    environment: { ASSAY_API_KEY: 'hunter2' },
    code: 'config/bad-value',
    message: /ASSAY_API_KEY expected 16/,
  },
  {
    name: 'short operator key',
    environment: { ASSAY_OPERATOR_KEY: 'hunter2' },
    code: 'config/bad-value',
    message: /ASSAY_OPERATOR_KEY expected 16/,
  },
  {
    name: 'one key for clients and operator',
    environment: { ASSAY_API_KEY: 'a-key-that-is-long', ASSAY_OPERATOR_KEY: 'a-key-that-is-long' },
    code: 'config/bad-value',
    message: /ASSAY_OPERATOR_KEY is the same as ASSAY_API_KEY/,
  },
  { name: 'keys without end', environment: { ASSAY_KEY_HOURS: '4321' }, code: 'config/bad-value', message: /from 1 to 4320/ },
  {
    name: 'an overlap longer than half a life',
    environment: { ASSAY_KEY_HOURS: '1', ASSAY_KEY_OVERLAP_MINUTES: '31' },
    code: 'config/bad-value',
    message: /ASSAY_KEY_OVERLAP_MINUTES expected at most half of ASSAY_KEY_HOURS, got 31/,
  },
  {
    name: 'open to the world without a key',
    environment: { AGENT_HOST: '0.0.0.0' },
    code: 'config/insecure-bind',
    message: /ASSAY_API_KEY/,
  },
];
test.each(bad)('refused: $name', ({ environment, code, message }) => {
  let thrown: unknown;
  try {
    parseConfig(environment);
  } catch (error) {
    thrown = error;
  }
  expect(ServerError.is(thrown) && thrown.code).toBe(code);
  expect((thrown as Error).message).toMatch(message);
  expect((thrown as Error).message).not.toContain('hunter2');
});

test('every problem is listed at once', () => {
  try {
    parseConfig({ AGENT_PORT: 'x', AI_TEMPERATURE: '9', ASSAY_LOG_LEVEL: 'loud' });
    expect.unreachable();
  } catch (error) {
    expect((error as ServerError).details.problems).toHaveLength(3);
  }
});

test('simulated guest agents are settings like any other, also from .env', () => {
  const environment = settingsIn('DSTACK_SIMULATOR_ENDPOINT=http://127.0.0.1:1\nTAPPD_SIMULATOR_ENDPOINT=\n');
  expect(parseConfig(environment).guestSimulators).toEqual({ dstack: 'http://127.0.0.1:1', tappd: null });
});

test('a misspelled setting is pointed out', () => {
  expect(parseConfig({ ASSAY_MIN_ISOLATON: 'ns' }).warnings).toEqual([expect.stringContaining('ASSAY_MIN_ISOLATON')]);
});

test('a key makes a public address acceptable, and turns the rate limit on', () => {
  expect(parseConfig({ AGENT_HOST: '0.0.0.0', ASSAY_API_KEY: 'x'.repeat(32) }).limits.ratePerMinute).toBe(600);
});

test('the environment wins over .env; a line that is none is named by its number alone; a folder holds no settings', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-env-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, '.env');
  expect(readEnvironment(path, { A: '1' })).toEqual({ A: '1' });
  writeFileSync(path, 'A=2\nB=3\n');
  expect(readEnvironment(path, { A: '1' })).toEqual({ A: '1', B: '3' });
  writeFileSync(path, 'A=2\nsecret word\n');
  expect(() => readEnvironment(path, {})).toThrow(
    expect.objectContaining({ code: 'config/unreadable', message: expect.stringMatching(/line 2: expected(?!.*secret)/) }),
  );
  rmSync(path);
  mkdirSync(path);
  expect(readEnvironment(path, { A: '1' })).toEqual({ A: '1' });
});
