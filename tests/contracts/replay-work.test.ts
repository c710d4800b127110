/** `assay replay` of builds and audits: identical, or what differs. The compiler is real; the analyser's report is a test's own. */

import { gzipSync } from 'node:zlib';
import {
  type Audit,
  auditHash,
  auditOf,
  auditText,
  buildHash,
  buildManifest,
  type CompilerOutput,
  compilerText,
  cryticArchive,
  digestOf,
  inputHash,
  manifestText,
  parseCompilerOutput,
  parseSlitherReport,
  standardInput,
} from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import { transcript } from '@assay/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { installedCompilers } from '../../packages/agent/src/adapters/compilers/store.ts';
import { type AnalysisHere, replayAudit } from '../../packages/assay/src/command-line/replay-audit.ts';
import { replayBuild } from '../../packages/assay/src/command-line/replay-build.ts';
import { compilersFolder } from './installed.ts';

const VERSION = '0.8.24';
const SOURCE = 'pragma solidity 0.8.24;\ncontract Safe { uint256 public constant X = 7; }\n';
const input = standardInput({ 'Safe.sol': SOURCE });
const { language, settings, sources } = input;
const contents = Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }]));
const inputText = canonicalJson({ language, sources: contents, settings });

let folder = '';
let output: CompilerOutput;

beforeAll(async () => {
  folder = await compilersFolder(VERSION);
  const compilers = openCompilers({ folder });
  const signal = new AbortController().signal;
  output = parseCompilerOutput(
    await compilers.compile({ version: VERSION, input: compilerText(input), wallMs: 60_000, signal }),
  );
  await compilers.close();
}, 600_000);

const compiler = (hash?: string) => {
  const { longVersion, sha256 } = installedCompilers(folder).find(({ version }) => version === VERSION) ?? {};
  return { name: 'solc', version: String(longVersion), platform: 'emscripten', hash: `sha256:${hash ?? sha256}` } as const;
};

/** A receipt that names these documents, and the bundle's payloads by hash. */
function bundled(event: object, ...documents: readonly string[]) {
  const payloads = new Map<string, Uint8Array>(documents.map((text) => [digestOf(text), utf8(text)]));
  return { receiptId: 'rcpt_1', events: [{ ...event }], payload: (hash: string) => payloads.get(hash) ?? null };
}

describe('a build', () => {
  const replayed = async (change: (manifest: ReturnType<typeof buildManifest>) => ReturnType<typeof buildManifest>) => {
    const manifest = change(buildManifest({ compiler: compiler(), input, output }));
    const event = { type: 'contract.built', build_hash: buildHash(manifest), input_hash: inputHash(input) };
    const io = transcript({ cwd: folder, env: { ASSAY_COMPILERS_DIR: folder }, now: 0, fetch: globalThis.fetch });
    return (await replayBuild(bundled(event, manifestText(manifest), inputText), io))?.replayed;
  };

  it('is identical when the same comes out', async () => {
    expect(await replayed((manifest) => manifest)).toMatchObject({ outcome: 'identical', differences: [] });
  });

  it('differs, and says in which part of which contract', async () => {
    const found = await replayed((manifest) => ({
      ...manifest,
      contracts: manifest.contracts.map((each) => ({ ...each, runtime: { length: 1, hash: digestOf('x'), keccak256: '0x' } })),
    }));
    expect(found?.outcome).toBe('differs');
    expect(found?.differences.map(({ what }) => what)).toEqual(['build hash', 'Safe.sol:Safe runtime code']);
    expect(found?.differences[1]?.recorded).toBe(digestOf('x'));
  });

  it('is inconclusive without its compiler', async () => {
    const found = await replayed((manifest) => ({ ...manifest, compiler: compiler('00'.repeat(32)) }));
    expect([found?.outcome, found?.notes[0]]).toEqual(['inconclusive', expect.stringMatching(/is not installed here/)]);
  });
});

describe('an audit', () => {
  const finding = {
    ...{ check: 'tx-origin', impact: 'High', confidence: 'High', description: 'words', suppressed_by_line: null },
    elements: [
      {
        ...{ type: 'contract', name: 'Safe' },
        source_mapping: { filename_relative: 'Safe.sol', lines: [2], start: 24, length: 8 },
      },
    ],
  };
  const report = (...findings: readonly object[]) => ({ detectors: ['tx-origin'], findings });
  const DRIVER = 'print("the driver")';
  /** What was compiled here. */
  const built = () => {
    const manifest = buildManifest({ compiler: compiler(), input, output });
    return { input, output, manifest, hash: buildHash(manifest), version: VERSION };
  };
  const archiveOf = (text: string) => ({ path: '/tmp/archive.json.gz', bytes: new Uint8Array(gzipSync(text)) });
  const archive = () => cryticArchive({ input, output, version: VERSION, isDependency: () => false });
  const recordedOf = (value: object): Audit =>
    auditOf({
      ...{ buildHash: built().hash, inputHash: inputHash(input), compiler: compiler(), policy: 'default' },
      ...{ dependencies: ['lib/'], report: parseSlitherReport(value, sources, new Set()) },
      analyzer: { name: 'slither-analyzer', version: '0.11.6', crytic_compile: '0.4.2', driver_hash: digestOf(DRIVER) },
    });
  const packages = ['slither-analyzer 0.11.6', 'crytic-compile 0.4.2', 'web3 1'];
  interface Change {
    readonly event?: object;
    readonly here?: Partial<AnalysisHere>;
    readonly built?: null;
  }
  const replayed = (audit: Audit, report: object | null, { event, here, built: made }: Change = {}) =>
    replayAudit(
      bundled(
        { type: 'contract.audited', audit_hash: auditHash(audit), input_hash: audit.input_hash, ...event },
        ...[auditText(audit), inputText],
      ),
      {
        ...{ code: DRIVER, inputs: [archiveOf(archive())], status: 'ok', packages },
        report: report === null ? null : utf8(JSON.stringify(report)),
        ...here,
      },
      made === null ? null : built(),
    );

  it('is identical when the analyser says the same here', () => {
    expect(replayed(recordedOf(report(finding)), report(finding))).toMatchObject({ outcome: 'identical', differences: [] });
  });

  it('differs when a finding was left out, which is named', () => {
    const found = replayed(recordedOf(report()), report(finding));
    expect(found?.outcome).toBe('differs');
    expect(found?.differences.map(({ what, recorded, now }) => [what, recorded, now]).slice(1)).toEqual([
      ['passed', 'true', 'false'],
      ['failing', '0', '1'],
      ['finding', 'none', expect.stringMatching(/^High\/High tx-origin Safe\.sol:2 \([0-9a-f]{8}\)$/)],
    ]);
  });

  it('differs when it was softened, or another one was put in', () => {
    const soft = replayed(recordedOf(report({ ...finding, impact: 'Low' })), report(finding));
    expect(soft?.differences.map(({ what }) => what)).toEqual(['audit hash', 'passed', 'failing', 'finding', 'finding']);
    const passed = { ...recordedOf(report(finding)), passed: true };
    expect(replayed(passed, report(finding))?.differences.map(({ what }) => what)).toEqual(['audit hash', 'passed']);
  });

  it.each<readonly [string, (audit: Audit) => Audit, () => Change, string]>([
    ['another driver', (audit) => audit, () => ({ here: { code: 'print("no findings")' } }), "the analyser's driver"],
    ['the event of another input', (audit) => audit, () => ({ event: { input_hash: digestOf('x') } }), 'input of the audit'],
    ['another build', (audit) => ({ ...audit, build_hash: digestOf('b') }), () => ({}), 'build'],
    [
      'other sources',
      (audit) => audit,
      () => ({ here: { inputs: [archiveOf(archive().replace('public', 'PUBLIC'))] } }),
      'archive of the sources',
    ],
    [
      'sources that unpack to more',
      (audit) => audit,
      () => ({ here: { inputs: [archiveOf(' '.repeat(1 << 24))] } }),
      'archive of the sources',
    ],
    ['no sources', (audit) => audit, () => ({ here: { inputs: [] } }), 'archive of the sources'],
  ])('differs with %s, although the findings are the same', (_, change, more, what) => {
    const found = replayed(change(recordedOf(report(finding))), report(finding), more());
    expect([found?.outcome, found?.differences.map((each) => each.what)]).toEqual(['differs', [what]]);
  });

  it('differs with another input, in document and event alike', () => {
    const found = replayed({ ...recordedOf(report(finding)), input_hash: digestOf('x') }, report(finding));
    expect([found?.outcome, found?.differences.map(({ what }) => what)]).toEqual(['differs', ['input']]);
  });

  it.each<readonly [string, Change, RegExp]>([
    [
      'another version of the analyser',
      { here: { packages: ['slither-analyzer 0.11.7', 'crytic-compile 0.4.2'] } },
      /slither-analyzer 0\.11\.6/,
    ],
    ['sources that were not compiled', { built: null }, /not compiled here/],
    ['a report that was cut off', { here: { report: utf8('{"detectors":["tx-or') } }, /cannot be read/],
    ['a report of another shape', { here: { report: utf8('[]') } }, /cannot be read/],
    ['a run that was stopped', { here: { status: 'timeout' } }, /ended here with timeout/],
  ])('is inconclusive with %s', (_, more, note) => {
    const found = replayed(recordedOf(report(finding)), report(finding), more);
    expect([found?.outcome, found?.notes[0]]).toEqual(['inconclusive', expect.stringMatching(note)]);
  });

  it('is inconclusive with a document of another shape', () => {
    const audit = { v: 'assay-audit/1' } as unknown as Audit;
    expect(replayed(audit, report(finding))).toMatchObject({ outcome: 'inconclusive' });
  });

  it('is inconclusive without a report, and nothing where nothing was audited', () => {
    expect(replayed(recordedOf(report()), null)?.notes).toEqual([expect.stringMatching(/wrote no report/)]);
    const nothing = { code: '', inputs: [], status: 'ok', report: null, packages: [] };
    expect(replayAudit(bundled({ type: 'task.completed' }), nothing, null)).toBeNull();
  });
});
