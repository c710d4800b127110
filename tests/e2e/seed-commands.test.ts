/** The commands that seed 000 names, as its reader types them: the two scripts against a running agent, and RedPill asked directly. */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import {
  fenced,
  type OpenAiServer,
  type RedpillServer,
  startOpenAiServer,
  startRedpillServer,
  transcript,
} from '@assay/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const ASSAY = `node --conditions=@assay/source ${ROOT}packages/assay/src/command-line/main.ts`;
const MODEL = 'phala/gemma-3-27b-it';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-seed-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe('the scripts', () => {
  let model: OpenAiServer;
  let agent: RunningAgent;

  beforeAll(async () => {
    model = await startOpenAiServer({
      answers: [
        fenced('python', 'import math\nprint(math.factorial(10))'),
        fenced('javascript', 'let r = 1;\nfor (let n = 2; n <= 10; n++) r *= n;\nconsole.log(r);'),
        fenced('python', "print(open('/tmp/missing.txt').read())"),
        fenced('python', "print('default content')"),
      ],
    });
    agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: join(cwd, '.assay'),
        ASSAY_LOG_LEVEL: 'silent',
        AI_PROVIDER: 'ollama',
        AI_API_BASE: model.base,
      }),
    );
  }, 120_000);

  afterAll(async () => {
    await agent?.close();
    await model?.close();
  });

  /** Runs `python3` in the working directory. */
  function python(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const options = { cwd, env: { ...process.env, ASSAY_COMMAND: ASSAY, ASSAY_URL: agent.url, ...env } };
    return new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile('python3', args, options, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
    });
  }
  const verifier = join(ROOT, 'verify_ai_attestation.py');
  const root = ['--simulated-root', '.assay/simulated-root.pem'];

  it('make three files, each of which verifies', async () => {
    const made = await python([join(ROOT, 'test_ai_generation.py')]);
    expect(made, made.err).toMatchObject({ code: 0 });
    expect(made.out).toMatch(
      /attestation_test1\.json, 0 retries\n3628800\n.*test2.*\n3628800\n.*test3\.json, 1 retries\ndefault/s,
    );
    for (const file of ['attestation_test1.json', 'attestation_test2.json', 'attestation_test3.json']) {
      const good = await python([verifier, file, ...root]);
      expect(good.code, good.out + good.err).toBe(0);
      expect(good.out).toMatch(/^ACCEPTED \(SIMULATED\)/);
    }
  }, 180_000);

  it('run with recorded answers alone, as after npm install and npm start', async () => {
    const recorded = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: join(cwd, 'recorded'),
        ASSAY_LOG_LEVEL: 'silent',
        AI_PROVIDER: 'recorded',
      }),
    );
    try {
      const made = await python([join(ROOT, 'test_ai_generation.py'), 'played'], { ASSAY_URL: recorded.url });
      expect(made, made.err).toMatchObject({ code: 0 });
      const root = ['--simulated-root', 'recorded/simulated-root.pem'];
      const good = await python([verifier, 'played/attestation_test3.json', ...root]);
      expect(good.code, good.out + good.err).toBe(0);
      expect(good.out).toContain('RECORDED');
    } finally {
      await recorded.close();
    }
  }, 180_000);

  it('refuse what they should, with the exit codes of assay verify', async () => {
    const answer = JSON.parse(await readFile(join(cwd, 'attestation_test1.json'), 'utf8'));
    await writeFile(join(cwd, 'code.py'), answer.generated_code);
    await writeFile(join(cwd, 'other.py'), 'print(1)');
    await writeFile(join(cwd, 'changed.json'), JSON.stringify({ ...answer, generated_code: 'print(1)' }));
    await writeFile(join(cwd, 'noise.json'), '{');
    const file = 'attestation_test1.json';
    const cases: readonly (readonly [readonly string[], number])[] = [
      [[file], 3],
      [[file, ...root, '--verify-code', 'code.py'], 0],
      [[file, ...root, '--verify-code', 'other.py'], 5],
      [[file, ...root, '--nonce', '00'.repeat(32)], 5],
      [['changed.json', ...root], 3],
      [['noise.json', ...root], 2],
      [['absent.json'], 1],
    ];
    for (const [args, code] of cases) expect((await python([verifier, ...args])).code, args.join(' ')).toBe(code);
  }, 120_000);

  it('are a module with the class of the guide', async () => {
    const program = `
import json, sys
sys.path.insert(0, ${JSON.stringify(ROOT)})
from verify_ai_attestation import AIAttestationVerifier, verify_attestation
att = json.load(open("attestation_test1.json"))
verifier = AIAttestationVerifier(simulated_root=".assay/simulated-root.pem")
said = [verifier.verify_attestation(att), verifier.verdict["outcome"], verifier.verdict["simulated"]]
code, wanted = att["generated_code"], att["attestation"]["inference"]["response_hash"]
said += [verifier.verify_code_hash(code, wanted), verifier.verify_code_hash(code + " ", wanted), verifier.verify_code_hash(code, "0x00")]
said += [verify_attestation("attestation_test1.json"), AIAttestationVerifier().verify_attestation({}), verifier.exit_code]
print(json.dumps(said))`;
    const { out, err } = await python(['-c', program]);
    expect(JSON.parse(out), err).toEqual([true, 'accepted', true, true, false, false, false, false, 0]);
  }, 120_000);

  it('say what is missing', async () => {
    await cp(verifier, join(cwd, 'alone.py'), { dereference: true });
    const python3 = process.env.PATH?.split(':').find((folder) => folder === '/usr/bin') ?? '/usr/bin';
    const missing = await python(['alone.py', 'attestation_test1.json'], { ASSAY_COMMAND: '', PATH: python3 });
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.err).toContain('ASSAY_COMMAND');
    const help = await python([join(ROOT, 'test_ai_generation.py'), '--help']);
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining('[FOLDER]') });
    const misused = await python([join(ROOT, 'test_ai_generation.py'), '--folder']);
    expect([misused.code, misused.err, await readdir(cwd)]).toEqual([
      2,
      expect.stringContaining('unrecognized arguments: --folder'),
      expect.not.arrayContaining(['--help', '--folder']),
    ]);
    const down = await python([join(ROOT, 'test_ai_generation.py')], { ASSAY_URL: 'http://127.0.0.1:9' });
    expect(down).toMatchObject({ code: 4 });
    expect(down.err).toContain('npm start');
  }, 60_000);
});

describe('RedPill, asked directly', () => {
  let server: RedpillServer;
  let reportNeedsKey: RedpillServer;

  beforeAll(async () => {
    server = await startRedpillServer({ apiKey: 'my-key', tls: true });
    reportNeedsKey = await startRedpillServer({ apiKey: 'my-key', tls: true, reportNeedsKey: true });
    await writeFile(join(cwd, 'authorities.pem'), server.authorities + reportNeedsKey.authorities);
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    await reportNeedsKey?.close();
  });
  beforeEach(() => {
    server.lie = null;
  });

  async function service(at: RedpillServer, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const settings = {
      ASSAY_PCCS_URL: at.origin,
      ASSAY_CACHE_DIR: join(cwd, 'cache'),
      HOME: cwd,
      REDPILL_API_KEY: 'my-key',
      ...env,
    };
    const io = transcript({ cwd, now: Date.now(), env: settings });
    await writeFile(join(cwd, 'root.pem'), await at.rootPem());
    const trust = ['--kind', 'redpill', '--simulated-root', 'root.pem', '--authorities', 'authorities.pem'];
    const code = await run(['service', at.origin, ...trust, ...args], { ...io, now: () => Date.now() });
    return { code, out: io.out(), err: io.err() };
  }

  it('a fresh report for a nonce made here, then a question, each verified', async () => {
    const { code, out, err } = await service(server, ['--model', MODEL, '--ask', 'What is 6 times 7?', '--save', 'redpill']);
    expect(code, out + err).toBe(0);
    expect(out).toMatch(/^ACCEPTED \(SIMULATED\)[\s\S]*Enclave: 42\.\n$/);
    expect(err).toMatch(/✓ answer signed by the attested ecdsa key 0x[0-9a-f]{40}/);
    const nonce = /^nonce {2}([0-9a-f]{64})$/m.exec(err)?.[1] ?? '';
    const asked = server.requests.filter(({ url }) => url.startsWith('/v1/attestation/report'));
    expect(asked.at(-1)?.url).toContain(nonce);
    expect(asked.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(server.prompts().at(-1)?.headers.authorization).toBe('Bearer my-key');
    const again = async (...args: string[]) => {
      const io = transcript({ cwd, now: Date.now(), env: { HOME: cwd } });
      return run(['verify', ...args, '--simulated-root', 'root.pem'], io);
    };
    const collateral = ['--collateral', 'redpill/collateral.json'];
    expect(await again('redpill/report.json', '--nonce', nonce, ...collateral)).toBe(0);
    expect(await again('redpill/report.json', '--nonce', '00'.repeat(32), ...collateral)).toBe(5);
    expect(await again('redpill/proof.json')).toBe(0);
  }, 60_000);

  it('prints one JSON document, and takes the first model that is listed', async () => {
    const { code, out } = await service(server, ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'accepted', type: 'combined', simulated: true });
  }, 60_000);

  it('shows the key before the verdict only when told to', async () => {
    const without = await service(reportNeedsKey, ['--model', MODEL]);
    expect(without.code).toBe(4);
    expect(without.err).toMatch(/status 401.*\[cli\/agent-failed\]\nhint: .*--send-key-before-verdict/s);
    const told = ['--model', MODEL, '--send-key-before-verdict'];
    const given = await service(reportNeedsKey, told);
    expect(given.code, given.out + given.err).toBe(0);
    const asked = reportNeedsKey.requests.filter(({ url }) => url.startsWith('/v1/attestation/report'));
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer my-key']);
    expect((await service(reportNeedsKey, [...told, '--key-from', 'OTHER_KEY'])).code).toBe(4);
    expect((await service(reportNeedsKey, [...told, '--key-from', 'OTHER_KEY'], { OTHER_KEY: 'my-key' })).code).toBe(0);
  }, 60_000);

  it.each([
    ['wrong-nonce', 5],
    ['replayed-report', 5],
    ['other-address', 3],
    ['debug-td', 5],
    ['no-report', 4],
  ] as const)('%s ends with exit code %i, and no question leaves', async (lie, code) => {
    server.lie = lie;
    const before = server.prompts().length;
    const { code: actual, out, err } = await service(server, ['--model', MODEL, '--ask', 'x']);
    expect(actual, out + err).toBe(code);
    expect(server.prompts()).toHaveLength(before);
  });

  it.each(['tampered-response', 'forged-signature', 'other-request'] as const)('%s: the answer is not shown', async (lie) => {
    server.lie = lie;
    const { code, out } = await service(server, ['--model', MODEL, '--ask', 'x']);
    expect(code).toBe(3);
    expect(out).not.toMatch(/4[23]\./);
  });

  it.each([
    [['--kind', 'unknown'], {}, /--kind: expected redpill/],
    [['--ask', 'x'], { REDPILL_API_KEY: '' }, /REDPILL_API_KEY: expected your key/],
  ] as const)('%j is misuse', async (args, env, text) => {
    const { code, err } = await service(server, args, env);
    expect([code, err]).toEqual([1, expect.stringMatching(text)]);
  });
});
