/**
 * Reentrancy in its variants, found as bare Slither finds it: none lost, none added, each with the same elements. The table names what Slither says of
 * each variant, so that a change of its version is noticed.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Audit } from '@assay/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAnalyzer } from '../../packages/agent/src/adapters/analyzer/slither.ts';
import { openCompilers } from '../../packages/agent/src/adapters/compilers/compilers.ts';
import { startTestAgent } from '../e2e/agent.ts';
import { analyzerFolder, compilersFolder } from './installed.ts';

const NAME = 'Variants.sol';
const SOURCE = readFileSync(new URL('./reentrancy-variants.sol', import.meta.url), 'utf8');

/**
 * Contract → the reentrancy checks that name a function of it. Four variants have none: the one that writes first, and three that Slither does not see,
 * a call in assembly, state kept in another contract, and a price that is read while another contract pays out.
 */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  BenignCounter: ['reentrancy-benign'],
  ByAssembly: [],
  ByCreation: ['reentrancy-benign'],
  ByDelegatecall: ['reentrancy-benign'],
  BySaltedCreation: ['reentrancy-benign'],
  BySend: ['reentrancy-unlimited-gas'],
  ByTransfer: ['reentrancy-unlimited-gas'],
  CallBeforeWrite: ['reentrancy-eth'],
  CallInModifier: ['reentrancy-eth'],
  CrossContract: [],
  CrossFunction: ['reentrancy-eth'],
  EventAfterCall: ['reentrancy-events'],
  GuardedByModifier: ['reentrancy-eth'],
  Hidden: ['reentrancy-eth'],
  InLoop: ['reentrancy-eth'],
  InTry: ['reentrancy-no-eth'],
  InternalCall: ['reentrancy-eth'],
  ReadOnlyPool: ['reentrancy-benign'],
  ReadOnlyReader: [],
  ThroughLibrary: ['reentrancy-no-eth'],
  TokenHook: ['reentrancy-no-eth'],
  WriteBeforeCall: [],
};

interface BareFinding {
  readonly check: string;
  readonly impact: string;
  readonly confidence: string;
  readonly description: string;
  readonly elements: readonly { type: string; name: string; source_mapping: { lines: number[] } }[];
}

/** Slither as its command runs it, in an interpreter outside of any sandbox; findings that comments hide are shown. */
const BARE = `
import json, logging, sys
logging.disable(logging.CRITICAL)
from slither import Slither
from slither.__main__ import get_detectors_and_printers
slither = Slither(sys.argv[1], solc=sys.argv[2], show_ignored_findings=True)
for each in get_detectors_and_printers()[0]: slither.register_detector(each)
print(json.dumps([finding for results in slither.run_detectors() for finding in results]))
`;

let work = '';
let audit: Audit;
let bare: readonly BareFinding[] = [];

beforeAll(async () => {
  const directory = await analyzerFolder();
  const compilersAt = await compilersFolder('0.8.24');
  work = mkdtempSync(join(tmpdir(), 'assay-variants-'));
  writeFileSync(join(work, NAME), SOURCE);
  const images = join(directory, 'sandbox/slither');
  const tag = readdirSync(images)[0] ?? '';
  const env = {
    ...{ PATH: `${process.env.PATH}`, HOME: work, PYTHONDONTWRITEBYTECODE: '1' },
    ...{ PYTHONPATH: join(images, tag, 'packages'), SOLJSON: join(compilersAt, '0.8.24/soljson.js') },
  };
  const shim = new URL('./solc-shim.mjs', import.meta.url).pathname;
  const options = { cwd: work, env, maxBuffer: 256 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(`python3.${tag.replace(/^cp3/, '')}`, ['-c', BARE, NAME, shim], options);
  bare = JSON.parse(stdout) as readonly BareFinding[];
}, 600_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

const sortedLines = (text: string): string => text.trim().split('\n').sort().join('\n');

it('finds what bare Slither finds, with the same elements', { timeout: 600_000 }, async () => {
  const compilers = openCompilers({ folder: await compilersFolder('0.8.24') });
  const analyzer = createAnalyzer({ directory: await analyzerFolder(), minIsolation: 'reduced', now: Date.now });
  try {
    const agent = await startTestAgent({ compilers, analyzer });
    const data = { type: 'attested_audit', sources: { [NAME]: SOURCE }, lint: false, timeout: 600 };
    audit = (await agent.process(data)).body.audit as Audit;
  } finally {
    await analyzer.close();
    await compilers.close();
  }
  const ours = audit.findings.map(({ check, impact, confidence, description, locations }) => ({
    ...{ check, impact, confidence, description: sortedLines(description) },
    elements: locations.map(({ kind, name, first_line, last_line }) => `${kind} ${name} ${first_line}-${last_line}`).sort(),
  }));
  const theirs = bare.map(({ check, impact, confidence, description, elements }) => ({
    ...{ check, impact, confidence, description: sortedLines(description) },
    elements: elements.map(({ type, name, source_mapping: { lines } }) => `${type} ${name} ${lines[0]}-${lines.at(-1)}`).sort(),
  }));
  const text = (each: unknown): string => JSON.stringify(each);
  expect(ours.map(text).sort()).toEqual(theirs.map(text).sort());
});

it('says of each variant what the table says', () => {
  const found: Record<string, string[]> = Object.fromEntries(Object.keys(VARIANTS).map((contract) => [contract, []]));
  for (const { check, description } of audit.findings.filter((each) => each.check.startsWith('reentrancy'))) {
    const contract = /^Reentrancy in (\w+)\./.exec(description)?.[1] ?? '';
    found[contract] = [...new Set([...(found[contract] ?? []), check])].sort();
  }
  expect(found).toEqual(VARIANTS);
  expect(audit.findings.find(({ suppressed_by_line }) => suppressed_by_line !== null)?.check).toBe('reentrancy-eth');
});
