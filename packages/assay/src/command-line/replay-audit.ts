/**
 * Makes the document of an audit again from what the analyser says here, and tells which findings differ (spec/contract-audit.md §4). Before
 * that, it holds the analyser's run to the audit: the driver that ran, and the archive of the sources as they were compiled here.
 */

import { gunzipSync } from 'node:zlib';
import {
  type Audit,
  auditHash,
  auditOf,
  cryticArchive,
  dependencySources,
  digestOf,
  type Finding,
  parseSlitherReport,
} from '@assay/contracts';
import { utf8 } from '@assay/encoding/bytes';
import { parseJson, parseLooseJson } from '@assay/encoding/json';
import { type BuildSources, type BuiltHere, type ReplayedWork, unreadable } from './replay-build.ts';

/** Parts of a report that are read. */
const MAX_NODES = 4_000_000;
/** Differences that are told. */
const SHOWN = 20;
/** Where the analyser's driver reads. */
const ARCHIVE = '/tmp/archive.json.gz';

export interface AnalysisHere {
  /** The code that ran, as the bundle has it. */
  readonly code: string;
  /** The files it was given, as the bundle has them. */
  readonly inputs: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** How the run ended here. */
  readonly status: string;
  /** What the analyser wrote here; `null` when it wrote nothing. */
  readonly report: Uint8Array | null;
  /** Versions of the packages here, as `name version`. */
  readonly packages: readonly string[];
}

/** `null` for a receipt without an audit. `built`: the same input, compiled here; `null` when it could not be. */
export function replayAudit(sources: BuildSources, here: AnalysisHere, built: BuiltHere | null): ReplayedWork | null {
  const audited = sources.events.find(({ type }) => type === 'contract.audited');
  if (audited === undefined) return null;
  const name = `audit of ${sources.receiptId}`;
  try {
    return { name, ...compared(audited, sources, { here, built }) };
  } catch (error) {
    return { name, ...undecided(unreadable(error)) };
  }
}

type Comparison = Omit<ReplayedWork, 'name'>;

function compared(
  audited: Readonly<Record<string, unknown>>,
  { payload }: BuildSources,
  { here, built }: { readonly here: AnalysisHere; readonly built: BuiltHere | null },
): Comparison {
  const auditBytes = payload(String(audited.audit_hash));
  if (auditBytes === null) return undecided('audit or input was left out of the bundle');
  if (built === null) return undecided('the sources were not compiled here');
  const recorded = parseJson(auditBytes) as unknown as Audit;
  const foreign = foreignParts(audited, recorded, { here, built });
  if (foreign.length > 0) return { outcome: 'differs', notes: [], differences: foreign };
  const { detectors: _, ...analyzer } = recorded.analyzer;
  const tools = [`${analyzer.name} ${analyzer.version}`, `crytic-compile ${analyzer.crytic_compile}`];
  const others = tools.filter((tool) => !here.packages.includes(tool));
  if (others.length > 0)
    return undecided(`${others.join(' and ')} made it, which ${others.length > 1 ? 'are' : 'is'} not installed here`);
  if (here.status !== 'ok' || here.report === null)
    return undecided(`the analyser ended here with ${here.status}${here.report === null ? ' and wrote no report' : ''}`);
  const read = parseLooseJson(new TextDecoder().decode(here.report), MAX_NODES);
  const { input, output, manifest, hash } = built;
  const now = auditOf({
    ...{ buildHash: hash, inputHash: manifest.input_hash, compiler: manifest.compiler, analyzer },
    ...{ policy: recorded.policy, dependencies: recorded.dependencies },
    report: parseSlitherReport(read, input.sources, dependencySources(output, recorded.dependencies)),
  });
  if (auditHash(now) === audited.audit_hash) return { outcome: 'identical', notes: [], differences: [] };
  return { outcome: 'differs', notes: [], differences: differencesOf(recorded, now, String(audited.audit_hash)) };
}

/** What ties the run to the audit and is not as the audit says. */
function foreignParts(
  audited: Readonly<Record<string, unknown>>,
  recorded: Audit,
  { here, built }: { readonly here: AnalysisHere; readonly built: BuiltHere },
): ReplayedWork['differences'] {
  const { input, output, manifest, hash, version } = built;
  const dependencies = dependencySources(output, recorded.dependencies);
  const archive = utf8(cryticArchive({ input, output, version, isDependency: (source) => dependencies.has(source) }));
  const packed = here.inputs.find(({ path }) => path === ARCHIVE)?.bytes;
  const pairs: readonly [string, unknown, unknown][] = [
    ["the analyser's driver", recorded.analyzer.driver_hash, digestOf(here.code)],
    ['input of the audit', audited.input_hash, recorded.input_hash],
    ['input', recorded.input_hash, manifest.input_hash],
    ['build', recorded.build_hash, hash],
    ['archive of the sources', digestOfUnpacked(packed, archive.length), digestOf(archive)],
  ];
  return pairs.flatMap(([what, one, other]) => (one === other ? [] : [difference(what, String(one), String(other))]));
}

/** An archive that is longer than the one made here, or none, has no digest. */
function digestOfUnpacked(packed: Uint8Array | undefined, length: number): string {
  if (packed === undefined) return 'none';
  try {
    return digestOf(new Uint8Array(gunzipSync(packed, { maxOutputLength: Math.max(1, length) })));
  } catch {
    return 'another one';
  }
}

function undecided(note: string): Comparison {
  return { outcome: 'inconclusive', notes: [note], differences: [] };
}

function differencesOf(recorded: Audit, now: Audit, hash: string): ReplayedWork['differences'] {
  const [before, after] = [recorded, now].map(({ findings }) => new Set(findings.map(lineOf))) as [Set<string>, Set<string>];
  const lost = [...before].filter((each) => !after.has(each)).map((each) => difference('finding', each, 'none'));
  const added = [...after].filter((each) => !before.has(each)).map((each) => difference('finding', 'none', each));
  const members = (['passed', 'failing', 'uncounted'] as const)
    .filter((member) => recorded[member] !== now[member])
    .map((member) => difference(member, String(recorded[member]), String(now[member])));
  return [difference('audit hash', hash, auditHash(now)), ...members, ...[...lost, ...added].slice(0, SHOWN)];
}

function difference(what: string, recorded: string, now: string): ReplayedWork['differences'][number] {
  return { what, recorded, now };
}

function lineOf({ check, impact, confidence, locations, fingerprint }: Finding): string {
  const [place] = locations;
  return `${impact}/${confidence} ${check}${place === undefined ? '' : ` ${place.source}:${place.first_line}`} (${fingerprint.slice(0, 8)})`;
}
