/** The command line against a real agent on a free port: run, save, verify, replay, fetch. The model is a local stand-in. */

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { fenced, type OpenAiServer, startOpenAiServer, transcript } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../packages/assay/src/command-line/program.ts';

let directory = '';
let model: OpenAiServer;
let agent: RunningAgent;

const PROGRAM = `import csv
rows = list(csv.DictReader(open('/tmp/sales.csv')))
open('/tmp/report.txt', 'w').write(str(len(rows)))
print(sum(float(row['revenue']) for row in rows))
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'assay-command-line-'));
  model = await startOpenAiServer({
    answers: [fenced('python', 'raise ValueError("no")'), fenced('python', PROGRAM), fenced('python', 'x =')],
  });
  agent = await startAgent(
    parseConfig({
      AGENT_PORT: '0',
      ASSAY_DATA_DIR: join(directory, '.assay'),
      ASSAY_LOG_LEVEL: 'silent',
      ASSAY_SANDBOX_CONCURRENCY: '1',
      AI_PROVIDER: 'ollama',
      AI_API_BASE: model.base,
    }),
  );
  await writeFile(join(directory, 'sales.csv'), 'product,revenue\na,10.5\nb,31.5\n');
}, 120_000);

afterAll(async () => {
  await agent?.close();
  await model?.close();
  await rm(directory, { recursive: true, force: true });
});

async function assay(...args: readonly string[]) {
  const io = transcript({ cwd: directory, now: Date.now(), env: { ASSAY_URL: agent.url }, fetch: globalThis.fetch });
  const code = await run(args, io);
  return { code, out: io.out(), err: io.err() };
}

const root = ['--simulated-root', '.assay/simulated-root.pem'];

describe('assay run', () => {
  it('shows each step, prints the output, and saves what proves it', async () => {
    const { code, out, err } = await assay(
      'run',
      'Add up the revenue',
      '--file',
      'sales.csv',
      '--nonce',
      'cd'.repeat(32),
      '--save',
      'out',
    );
    expect(err).toMatch(/writing +ollama[\s\S]*running[\s\S]*retry +ValueError: no[\s\S]*sealing[\s\S]*logged/);
    expect(out).toBe('42.0\n');
    expect(code).toBe(0);
    expect((await readdir(join(directory, 'out'))).toSorted()).toEqual([
      'attestation.json',
      'bundle.json',
      'code.py',
      'output.txt',
      'report.txt',
    ]);
    expect(await readFile(join(directory, 'out/code.py'), 'utf8')).toBe(PROGRAM.trimEnd());
    for (const name of await readdir(join(directory, 'out')))
      expect((await stat(join(directory, 'out', name))).mode & 0o077, `${name} is read by its owner alone`).toBe(0);
    expect(await readFile(join(directory, 'out/report.txt'), 'utf8')).toBe('2');
    expect(await readFile(join(directory, 'out/output.txt'), 'utf8')).toBe('42.0\n');
    expect(err).toMatch(/^ {3}\d+\.\d s {2}writing/m);
    expect(err).toMatch(/hint: check it with assay verify out\/bundle\.json --simulated-root/);
  }, 60_000);

  it('what it saved verifies, anywhere, for the nonce sent', async () => {
    for (const file of ['out/attestation.json', 'out/bundle.json']) {
      const { code, out } = await assay('verify', file, ...root, '--nonce', 'cd'.repeat(32));
      expect(out).toContain('the model behind the answer was not attested');
      expect(code, out).toBe(0);
      expect((await assay('verify', file, ...root, '--nonce', '00'.repeat(32))).code).toBe(5);
      expect((await assay('verify', file)).code).toBe(3);
    }
    expect((await assay('verify', 'out/attestation.json', ...root, '--verify-code', 'out/code.py')).code).toBe(0);
    expect((await assay('verify', 'out/attestation.json', ...root, '--verify-code', 'sales.csv')).code).toBe(5);
    const late = await assay('verify', 'out/attestation.json', ...root, '--at', new Date(Date.now() + 3_600_000).toISOString());
    expect([late.code, late.out, late.err]).toEqual([
      5,
      expect.stringContaining('result.freshness'),
      expect.stringMatching(/hint: --at TIME verifies as of the instant you received the file/),
    ]);
  }, 60_000);

  it('tells what was asked, what ran and what came out, before and after it is verified', async () => {
    for (const args of [
      ['inspect', 'out/bundle.json'],
      ['verify', 'out/bundle.json', ...root],
    ]) {
      const { out } = await assay(...args);
      expect(out).toMatch(/asked +generate and execute\n +│ Add up the revenue\n/);
      expect(out).toMatch(/code +Python, by the model\.\n +│ raise ValueError\("no"\)\n/);
      expect(out).toMatch(/code +Python, by the model\. \(attempt 2\)\n +│ import csv\n/);
      expect(out).toMatch(/ran +Lane .+ It ended well\. \(attempt 2\)\n +│ 42\.0\n/);
      expect(out).toMatch(/file +\/tmp\/report\.txt, 1 byte, text\/plain\n[\s\S]*sealed[\s\S]*logged +Entry 2/);
    }
    const inspected = await assay('inspect', 'out/attestation.json');
    expect(inspected.out).toMatch(/^UNVERIFIED {2}result[\s\S]*│ import csv/);
    const receipts = JSON.parse((await assay('inspect', 'out/bundle.json', '--json')).out) as {
      receipts: { story: object[] }[];
    };
    expect(receipts.receipts[0]?.story).toContainEqual({
      ...{ kind: 'finished', title: 'Finished', attempt: null, text: 'After 1 retry.', tone: 'pass', quotes: [] },
    });
  }, 60_000);

  it('the code runs again with the same outcome', async () => {
    const { code, out } = await assay('replay', 'out/bundle.json', ...root);
    expect(out).toMatch(/^bundle {2}accepted \(SIMULATED\)\nidentical {2}attempt 1[\s\S]*identical {2}attempt 2/);
    expect(code).toBe(0);
    expect((await assay('replay', 'out/bundle.json')).err).toContain('--simulated-root');
    const stranger = await assay('replay', 'out/bundle.json', '--json');
    expect(stranger.code).toBe(3);
    expect(JSON.parse(stranger.out)).toMatchObject({ bundle: { outcome: 'not-authentic' } });
  }, 60_000);

  it('nothing is repeated for a receipt that the bundle does not have', async () => {
    const { code, out, err } = await assay('replay', 'out/bundle.json', ...root, '--receipt', 'rcpt_other');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(
      /^error: --receipt: expected a receipt of the bundle \(rcpt_\w+\), got "rcpt_other" \[cli\/bad-option\]\nhint: /,
    );
    const json = await assay('replay', 'out/bundle.json', ...root, '--receipt', 'rcpt_other', '--json');
    expect([json.code, JSON.parse(json.out).error.code]).toEqual([1, 'cli/bad-option']);
  }, 60_000);

  it('a bundle in which no code ran is undecided', async () => {
    expect((await assay('ask', 'Hello', ...root)).code).toBe(0);
    const { receipts } = JSON.parse((await assay('receipt', '--json')).out) as { receipts: { receipt_id: string }[] };
    expect((await assay('bundle', receipts[0]?.receipt_id ?? '', '-o', 'asked.json')).code).toBe(0);
    const { code, out } = await assay('replay', 'asked.json', ...root);
    expect([code, out]).toEqual([7, expect.stringContaining('no code ran in this bundle')]);
    const json = await assay('replay', 'asked.json', ...root, '--json');
    expect([json.code, JSON.parse(json.out)]).toMatchObject([7, { bundle: { outcome: 'accepted' }, runs: [] }]);
  }, 60_000);

  it('says so when the task fails', async () => {
    const { code, err } = await assay('run', 'Fail', '--max-retries', '0', '--quiet');
    expect(code).toBe(6);
    expect(err).toMatch(/error: .*SyntaxError.*\nhint: /);
    expect(err).toContain('[cli/task-failed]');
  }, 60_000);

  it('keeps the answer only where it can be written', async () => {
    const { code, err } = await assay('run', 'Fail', '--max-retries', '0', '--quiet', '--save', 'sales.csv/out');
    expect(code).toBe(1);
    expect(err).toMatch(/error: .*sales.csv\/out.* \[cli\/file-unwritable\]\nhint: /);
  }, 60_000);

  it.each([
    ['a language it does not know', ['--language', 'cobol']],
    ['context that is no object', ['--context', '[1]']],
    ['a missing input', ['--file', 'absent.csv']],
    ['a short nonce', ['--nonce', 'ab']],
  ])('misuse: %s', async (_, flags) => {
    const { code, err } = await assay('run', 'x', ...flags);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: .+\nhint: .+/);
  });

  it('names an agent that does not answer', async () => {
    const { code, err } = await assay('run', 'x', '--url', 'http://127.0.0.1:1');
    expect(code).toBe(4);
    expect(err).toContain('cli/agent-unreachable');
  });
});

describe('assay receipt and bundle', () => {
  it('list, fetch and redact', async () => {
    const { out } = await assay('receipt', '--json');
    const { receipts } = JSON.parse(out) as { receipts: readonly { receipt_id: string; task: string }[] };
    const id = receipts.at(-1)?.receipt_id ?? '';
    expect(receipts.map(({ task }) => task)).toContain('ai_generate_and_execute');
    expect(JSON.parse((await assay('receipt', id)).out)).toMatchObject({ receipt_id: id });
    const found = (await assay('receipt', '--search', id)).out.trim().split('\n');
    expect(found).toEqual([expect.stringMatching(new RegExp(`^${id} .*sealed .*(?:succeeded|failed) +\\S`))]);
    expect((await assay('receipt', '--search', 'nothing of this kind')).out).toBe('no receipts yet\n');
    expect((await assay('bundle', id, '--redact', '-o', 'redacted.json')).code).toBe(0);
    const verdict = await assay('verify', 'redacted.json', ...root, '--verbose');
    expect(verdict.code).toBe(0);
    expect(verdict.out).toMatch(/○ {2}bundle\.payloads +not checked: left out/);
    expect((await assay('replay', 'redacted.json', ...root)).code).toBe(7);
    expect((await assay('bundle', id, '-o', 'whole.json')).code).toBe(0);
    expect((await stat(join(directory, 'whole.json'))).mode & 0o077).toBe(0);
    expect((await assay('bundle', 'rcpt_nobody')).code).toBe(1);
  }, 60_000);

  it('say on a terminal, below the JSON, what to do with it', async () => {
    const { receipts } = JSON.parse((await assay('receipt', '--json')).out) as { receipts: { receipt_id: string }[] };
    const id = receipts[0]?.receipt_id ?? '';
    const shown = async (interactive: boolean, ...args: readonly string[]): Promise<string> => {
      const about = { cwd: directory, now: Date.now(), env: { ASSAY_URL: agent.url }, fetch: globalThis.fetch };
      const io = transcript({ ...about, interactive });
      expect(await run(args, io)).toBe(0);
      JSON.parse(io.out());
      return io.err();
    };
    expect(await shown(true, 'receipt', id)).toContain(`hint: assay receipt ${id} | assay inspect - shows it in words`);
    expect(await shown(true, 'bundle', id)).toContain('hint: -o bundle.json writes it to a file');
    expect(await shown(false, 'receipt', id)).not.toContain('hint:');
    expect(await shown(false, 'bundle', id)).not.toContain('hint:');
    expect(await shown(true, 'receipt', id, '--json')).not.toContain('hint:');
    const { out } = await assay('receipt', id);
    const io = transcript({ cwd: directory, now: Date.now(), stdin: new TextEncoder().encode(out) });
    expect([await run(['inspect', '-'], io), io.out()]).toEqual([0, expect.stringContaining(id)]);
  }, 60_000);
});
