/**
 * What audits and builds of contracts cost compared with the bare tools, in one run:
 *
 *   npm run bench:contracts
 *
 * 1. analysis alone of contracts of 200 to 320 lines, warm (reach: ≤ 50 ms), and what Slither itself takes for it without Assay;
 * 2. a whole warm audit of it over bare `slither` on it (reach: ≤ 0.4 ×), and one with its compilation kept beside bare Slither in a fresh fork on the same archive (≤ 100 ms);
 * 3. a warm build over bare solc-js in a warm process (reach: ≤ 1.05 ×);
 * 4. a project of more than 120 contracts, audited, over bare `slither` on the same archive (reach: ≤ 1.2 ×), with the peak of memory (≤ 1.2 GB).
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseConfig, startAgent } from '../../packages/agent/src/index.ts';
import {
  collectSources,
  compilerText,
  cryticArchive,
  parseCompilerOutput,
  standardInput,
} from '../../packages/contracts/src/index.ts';
import { analyzerFolder, compilersFolder, npmPackage } from '../../tests/contracts/installed.ts';
import { programOptions } from '../../tools/program-options.ts';
import { besideBare } from './kept.ts';
import { ledgerContract, OZ, openZeppelinProject, PUBLISHED } from './subjects.ts';

programOptions({
  call: 'npm run bench:contracts',
  does: 'What audits and builds of contracts cost compared with the bare tools.',
  options: {},
});
const VERSION = '0.8.24';
const ROUNDS = 7;
const TOKEN = 'token/ERC20/ERC20.sol';
const run = promisify(execFile);
const compilersAt = await compilersFolder(VERSION, '0.5.16');
const analyzerAt = await analyzerFolder();
const directory = mkdtempSync(join(tmpdir(), 'assay-bench-contracts-'));
const agent = await startAgent(
  parseConfig({
    ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' },
    ...{ ASSAY_COMPILERS_DIR: compilersAt, ASSAY_ANALYZER_DIR: analyzerAt },
  }),
);

interface Answer {
  readonly audit?: { readonly findings: readonly unknown[] } | null;
  readonly error?: string;
}

async function ask(data: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json', connection: 'close' }; // the bare compiler blocks this process meanwhile
  const body = JSON.stringify({ data: { timeout: 600, ...data } });
  const response = await new Promise<string>((resolve, reject) => {
    const sent = request(`${agent.url}/api/process`, { method: 'POST', headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part)).on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
    });
    sent.on('error', reject).end(body);
  });
  return JSON.parse(response) as Answer;
}

/** Memory of this process and everything below it, bytes; pages that processes share count once. Reading it takes long, so other processes are left out. */
function residentTree(): number {
  const children = new Map<string, string[]>();
  const read = (path: string, pattern: RegExp): string => {
    try {
      return pattern.exec(readFileSync(`/proc/${path}`, 'utf8'))?.[1] ?? '0';
    } catch {
      return '0'; // it ended meanwhile
    }
  };
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = read(`${id}/status`, /PPid:\s+(\d+)/);
    children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const below = (id: string): number =>
    Number(read(`${id}/smaps_rollup`, /^Pss:\s+(\d+)/m)) * 1024 +
    (children.get(id) ?? []).reduce((sum, child) => sum + below(child), 0);
  return below(String(process.pid));
}

async function timed<T>(work: () => Promise<T> | T): Promise<{ readonly ms: number; readonly value: T }> {
  const begun = performance.now();
  const value = await work();
  return { ms: performance.now() - begun, value };
}

/** The middle of several rounds, after one that does not count. */
async function median(work: () => Promise<unknown> | unknown, rounds = ROUNDS): Promise<number> {
  await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push((await timed(work)).ms);
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}

const row = (what: string, result: string, reach: string): void => console.log(`| ${what} | ${result} | ${reach} |`);
const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

/** Python with Slither's packages, outside of any sandbox. */
function interpreter(work: string) {
  const images = join(analyzerAt, 'sandbox/slither');
  const tag = readdirSync(images)[0] ?? '';
  const env = {
    ...{ PATH: `${process.env.PATH}`, HOME: work, PYTHONDONTWRITEBYTECODE: '1' },
    ...{ PYTHONPATH: join(images, tag, 'packages'), SOLJSON: join(compilersAt, VERSION, 'soljson.js') },
  };
  return { python: `python3.${tag.replace(/^cp3/, '')}`, env, cwd: work };
}

function bare(work: string, program: string, args: readonly string[]) {
  const { python, ...place } = interpreter(work);
  // It ends with the number of its findings.
  return run(python, ['-c', program, ...args], { ...place, maxBuffer: 512 * 1024 * 1024 }).catch(
    (error: { stdout: string }) => error,
  );
}
const SLITHER = 'import sys; from slither.__main__ import main; main()';

console.log('| what | result | reach |\n| --- | --- | --- |');
const source = ledgerContract();
const lines = source.split('\n').length;
writeFileSync(join(directory, 'Ledger.sol'), source);
const shim = new URL('../../tests/contracts/solc-shim.mjs', import.meta.url).pathname;
const bareAudit = await median(() => bare(directory, SLITHER, ['Ledger.sol', '--solc', shim, '--json', '-']), 3);
row(`bare \`slither\` on ${lines} lines`, ms(bareAudit), '');

// Outputs of the same input are kept, so that each round compiles another one.
let round = 0;
const fresh = (): string => {
  round += 1;
  return `${source}// ${round}`;
};
const whole = await median(() => ask({ type: 'attested_audit', lint: false, sources: { 'Ledger.sol': fresh() } }));
row(
  'whole warm audit, over HTTP, receipt and log included',
  `${ms(whole)}, ${(whole / bareAudit).toFixed(2)} × bare`,
  '≤ 0.4 ×',
);

const folder = npmPackage(...OZ);
const { entry, read } = openZeppelinProject(folder);
const sources = collectSources({ entries: ['All.sol'], read: (name) => (name === 'All.sol' ? entry : read(name)) });
const project = standardInput(sources);
const restingMemory = residentTree();
let peak = restingMemory;
const sampler = setInterval(() => {
  peak = Math.max(peak, residentTree());
}, 500);
const auditedProject = await timed(() => ask({ type: 'attested_audit', lint: false, sources }));
clearInterval(sampler);
const input = standardInput({ 'Ledger.sol': source }, {});
// From here on this process holds a compiler of its own.
type Compile = (input: string, callback: number, context: number) => string;
function compilerOf(version: string): Compile {
  const soljson = createRequire(import.meta.url)(join(compilersAt, version, 'soljson.js')) as {
    cwrap: (name: string, result: string, args: readonly string[]) => Compile;
  };
  return soljson.cwrap('solidity_compile', 'string', ['string', 'number', 'number']);
}
const compile = compilerOf(VERSION);
const text = compilerText(input);
const bareBuild = await median(() => compile(text, 0, 0), 15);
const build = await median(() => ask({ type: 'attested_build', sources: { 'Ledger.sol': fresh() } }), 15);
row('bare solc-js in a warm process', ms(bareBuild), '');
row('warm build, over HTTP, receipt and log included', `${ms(build)}, ${(build / bareBuild).toFixed(2)} × bare`, '≤ 1.05 ×');

/** Slither alone, as bare `slither` runs it and as the driver does: in turn, processor time, since other work of the machine is not theirs. */
const analysis = `
import gc, json, logging, sys, time
logging.disable(logging.CRITICAL)
exec(open(sys.argv[1]).read().rsplit("main()", 1)[0])
content = json.load(open(sys.argv[2]))
classes = detector_classes()
def bare():
    slither = Slither(CryticCompile(Given(content)))
    for each in classes: slither.register_detector(each)
    return slither, [finding for results in slither.run_detectors() for finding in results]
def driven():
    slither = Slither(CryticCompile(Given(content)), show_ignored_findings=True)
    for each in classes: slither.register_detector(each)
    json.dumps([reported(slither, finding) for results in slither.run_detectors() for finding in results])
times = {bare: [], driven: []}
bare()
gc.collect()
gc.freeze()
for _ in range(11):
    for work in times:
        gc.collect()
        gc.enable() if work is bare else gc.disable()
        begun = time.process_time()
        work()
        times[work].append((time.process_time() - begun) * 1000)
print(json.dumps([sorted(each)[5] for each in times.values()]))
`;
const driver = new URL('../../packages/agent/analyzers/slither_driver.py', import.meta.url).pathname;
const archiveOf = (from: ReturnType<typeof standardInput>, version = VERSION, by = compile): string =>
  cryticArchive({
    ...{ input: from, output: parseCompilerOutput(by(compilerText(from), 0, 0)), version },
    isDependency: (name) => name.startsWith('@'),
  });
async function analyses(what: string, name: string, archive: string): Promise<void> {
  writeFileSync(join(directory, name), archive);
  const { stdout } = await bare(directory, analysis, [driver, name]);
  const [itself = Number.NaN, driven = Number.NaN] = JSON.parse(stdout) as readonly number[];
  row(`${what}: Slither's own work, processor time in a warm interpreter`, ms(itself), '');
  row('… as the driver runs it', ms(driven), '≤ 50 ms');
}
await analyses(`${lines} lines, all of them code`, 'ledger.json', archiveOf(input));
const token = collectSources({ entries: [TOKEN], read: (name) => readFileSync(join(folder, name), 'utf8') });
await analyses(
  `OpenZeppelin's ERC20, ${token[TOKEN]?.split('\n').length} lines, with its imports`,
  'token.json',
  archiveOf(standardInput(token)),
);
const others = new Map([['0.5.16', compilerOf('0.5.16')]]);
for (const { folder: of, entry, version } of PUBLISHED) {
  const [name, released, integrity] = of;
  const at = npmPackage(name, released, integrity);
  const found = collectSources({ entries: [entry], read: (path) => readFileSync(join(at, path), 'utf8') });
  const archive = archiveOf(standardInput(found), version, others.get(version) ?? compile);
  await analyses(`${entry}, ${found[entry]?.split('\n').length} lines, with its imports`, 'published.json', archive);
}
for (const [what, name, from] of [
  ['ERC20', 'token.json', token],
  [`${lines} lines`, 'ledger.json', { 'Ledger.sol': source }],
] as const) {
  const times = await besideBare(() => ask({ type: 'attested_audit', lint: false, sources: from }), {
    ...interpreter(directory),
    ...{ driver, archive: join(directory, name) },
  });
  row(
    `${what}: bare Slither in a fresh fork of a warm interpreter`,
    `${ms(times.bare)}, processor ${ms(times.bareProcessor)}`,
    '',
  );
  row(
    '… whole warm audit, its compilation kept, over HTTP, receipt and log included',
    `${ms(times.audit)}, ${(times.audit / times.bare).toFixed(2)} × bare; processor time of the agent itself ${ms(times.agent)}`,
    '≤ 100 ms',
  );
}

const archive = join(directory, 'project_export_archive.json');
const compiled = await timed(() => archiveOf(project));
writeFileSync(archive, compiled.value);
const contracts = (compiled.value.match(/"bin-runtime"|"bin"/g) ?? []).length;
const bareProject = await timed(() => bare(directory, SLITHER, [archive, '--json', '-']));
const bareTotal = bareProject.ms + compiled.ms;
row(`bare solc-js and \`slither\` on a project of ${Object.keys(sources).length} files, ${contracts} codes`, ms(bareTotal), '');
row(
  `… audited: ${auditedProject.value.audit?.findings.length ?? auditedProject.value.error} findings`,
  `${ms(auditedProject.ms)}, ${(auditedProject.ms / bareTotal).toFixed(2)} × bare`,
  '≤ 1.2 ×',
);
row(
  'memory of the agent and all its processes, the bench in them, at rest and at the peak of that audit',
  `${(restingMemory / 2 ** 20).toFixed(0)} and ${(peak / 2 ** 20).toFixed(0)} MiB`,
  '≤ 1,144 MiB (1.2 GB)',
);

await agent.close();
rmSync(directory, { recursive: true, force: true });
