/** The Python package: installed from its source, it gives the command's verdict on genuine evidence, runs tasks with files, and serves a verifying endpoint. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fenced, loadManifest, type OpenAiServer, startOpenAiServer, vectorsDirectory } from '@assay/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonEnvironment } from './python-environment.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const COMMAND = ['--conditions=@assay/source', join(ROOT, 'packages/assay/src/command-line/main.ts')];
const bin = await pythonEnvironment([join(ROOT, 'python')]);
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'assay-python-'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

/** Runs a program that prints one JSON value; `{error, exit_code, code}` for an error of the package. */
async function python(program: string, env: Readonly<Record<string, string>> = {}): Promise<Record<string, never>> {
  await writeFile(join(cwd, 'program.py'), `import asyncio, json, assay\n${program}`);
  const ASSAY_COMMAND = [process.execPath, ...COMMAND].join(' ');
  const options = {
    cwd,
    env: {
      PATH: `${process.env.PATH}`,
      ASSAY_COMMAND,
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONPATH: join(ROOT, 'python/src'),
      ...env,
    },
  };
  const { stdout } = await promisify(execFile)(join(bin as string, 'python'), ['program.py'], options);
  return JSON.parse(stdout);
}

describe.runIf(bin !== null && vectorsDirectory() !== null)('verify', () => {
  const wanted = ['aws-nitro', 'intel-tdx', 'intel-sgx', 'amd-sev-snp', 'dstack'];
  /** Of each TEE one that is authentic and one that is not, by the vectors' own word. */
  const cases = wanted.flatMap((tee) => {
    const all = (loadManifest()?.cases ?? []).filter((each) => each.tee === tee && each.at !== null);
    const isInvalid = ({ expect: { verdict } }: (typeof all)[number]): boolean => verdict === 'invalid';
    return [...all.filter((each) => !isInvalid(each)).slice(0, 1), ...all.filter(isInvalid).slice(0, 1)];
  });

  it('gives the right verdict on ten vectors, which is that of the command', async () => {
    const folder = vectorsDirectory() as string;
    const subjects = cases.map(({ evidence, companions, at }) => ({
      path: join(folder, evidence),
      at,
      collateral: Object.values(companions ?? {})
        .flat()
        .map((file) => join(folder, file)),
    }));
    expect(subjects).toHaveLength(10);
    await writeFile(join(cwd, 'subjects.json'), JSON.stringify(subjects));
    const said = await python(`
async def main():
    subjects = json.load(open("subjects.json"))
    verdicts = []
    for each in subjects:
        verdicts.append(await assay.verify_async(each["path"], at=each["at"], collateral=each["collateral"], offline=True))
    again = assay.verify(open(subjects[0]["path"], "rb").read(), at=subjects[0]["at"], collateral=subjects[0]["collateral"], offline=True)
    print(json.dumps({"verdicts": [{"outcome": v.outcome, "code": v.exit_code, "type": v.type, "checks": len(v.checks)} for v in verdicts],
                      "bytes": again.document["claims"] == verdicts[0].document["claims"]}))
asyncio.run(main())
`);
    const theirs: unknown[] = said.verdicts as never;
    const ours = await Promise.all(
      subjects.map(async ({ path, at, collateral }) => {
        const more = collateral.flatMap((file) => ['--collateral', file]);
        const args = [...COMMAND, 'verify', path, '--json', '--offline', '--at', `${at}`];
        const { stdout, code } = await promisify(execFile)(process.execPath, [...args, ...more], { cwd }).then(
          (done) => ({ ...done, code: 0 }),
          (failed: { readonly stdout: string; readonly code: number }) => failed,
        );
        const { outcome, type, checks } = JSON.parse(stdout);
        return { outcome, code, type, checks: checks.length };
      }),
    );
    expect(theirs).toEqual(ours);
    const authentic = cases.map(({ expect: { verdict } }) => verdict !== 'invalid');
    expect(theirs.map((verdict) => [0, 5].includes((verdict as { code: number }).code))).toEqual(authentic);
    expect(authentic.filter(Boolean)).toHaveLength(5);
    expect(said.bytes).toBe(true);
  }, 300_000);
});

/** The agent as `npm start` starts it, from its source, on a free port. */
async function startServing(environment: Readonly<Record<string, string>>): Promise<{ url: string; process: ChildProcess }> {
  const agent = spawn(process.execPath, [...COMMAND, 'serve'], { cwd, env: { PATH: `${process.env.PATH}`, ...environment } });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      said += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
      if (found !== null) resolve(found[0]);
    };
    agent.stdout.on('data', read);
    agent.stderr.on('data', read);
    agent.on('exit', (status) => reject(new Error(`expected an agent, got status ${status}: ${said}`)));
  });
  return { url, process: agent };
}

describe.runIf(bin !== null)('an agent', () => {
  let model: OpenAiServer;
  let agent: Awaited<ReturnType<typeof startServing>>;

  beforeAll(async () => {
    model = await startOpenAiServer({
      answers: [
        fenced(
          'python',
          "text = open('/tmp/sales.csv').read()\nopen('/tmp/copy.txt', 'w').write(text.upper())\nprint(len(text))",
        ),
        fenced('python', 'raise SystemExit(3)'),
        fenced('python', 'raise SystemExit(3)'),
      ],
    });
    agent = await startServing({ AGENT_PORT: '0', ASSAY_DATA_DIR: '.assay', AI_PROVIDER: 'ollama', AI_API_BASE: model.base });
  }, 300_000);
  afterAll(async () => {
    agent?.process.kill();
    if (agent?.process.exitCode === null) await once(agent.process, 'exit');
    await model?.close();
  });

  it('runs tasks with files and steps, and its bundle verifies', async () => {
    const said = await python(
      `
steps = []
root = ".assay/simulated-root.pem"
done = assay.run("Copy the file", files={"sales.csv": b"a,b\\n1,2\\n"}, on_step=steps.append, simulated_root=root).raise_unless_done()
verdict = assay.verify(done.bundle, simulated_root=root).raise_unless_accepted()
failed = asyncio.run(assay.run_async("Fail", simulated_root=root, max_retries=0))
def attempt(work):
    try:
        return str(work())
    except (assay.AssayError, ValueError) as error:
        return [type(error).__name__, getattr(error, "exit_code", None), getattr(error, "code", None)]
print(json.dumps({
    "stdout": done.stdout, "files": {name: content.decode() for name, content in done.files.items()}, "steps": len(steps) > 0,
    "type": verdict.type, "simulated": verdict.simulated, "failed": failed.success, "receipt": failed.receipt_id is not None,
    "raised": attempt(failed.raise_unless_done),
    "tampered": attempt(lambda: assay.verify(done.bundle.replace(b'"served_at":', b'"served_at":1'), simulated_root=root).raise_unless_accepted()),
    "other": attempt(lambda: assay.run("Copy", policy="strict", simulated_root=root)),
    "folder": attempt(lambda: assay.run("Copy", files={"../x": b""})),
    "misuse": attempt(lambda: assay.verify("none.bin")),
}))
`,
      { ASSAY_URL: agent.url },
    );
    expect(said).toMatchObject({
      stdout: '8\n',
      files: { 'copy.txt': 'A,B\n1,2\n' },
      ...{ steps: true, type: 'bundle', simulated: true, failed: false, receipt: true },
      raised: ['TaskFailed', 6, null],
      other: ['AssayError', 5, expect.any(String)],
      folder: ['ValueError', null, null],
      tampered: ['NotAccepted', expect.any(Number), expect.any(String)],
      misuse: ['AssayError', 1, 'cli/file-unreadable'],
    });
  }, 300_000);

  it('is reached through a verifying endpoint', async () => {
    const said = await python(
      `
import urllib.request
with assay.proxy(${JSON.stringify(agent.url)}, simulated_root=".assay/simulated-root.pem", keep="proofs") as upstream:
    with urllib.request.urlopen(upstream.base_url + "/models") as response:
        status = response.status
try:
    with assay.proxy(${JSON.stringify(agent.url)}) as upstream:
        refused = None
except assay.AssayError as error:
    refused = error.exit_code
print(json.dumps({"base": upstream.base_url, "status": status, "refused": refused}))
`,
    );
    expect(said).toMatchObject({ status: 200, base: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/), refused: 3 });
  }, 60_000);

  it('without a command says how to get one', async () => {
    const said = await python(
      `
try:
    assay.verify("x")
except assay.AssayMissing as error:
    print(json.dumps({"said": str(error)}))
`,
      { ASSAY_COMMAND: '', PATH: '/nonexistent' },
    );
    expect(said.said).toContain('npx --no-install assay');
  });
});
