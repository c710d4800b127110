/**
 * Findings of Slither, from its own JSON to the form of `assay-audit/1` (spec/contract-audit.md §2): logical names only, in one order,
 * each with a fingerprint that neither lines nor folders change.
 */

import type { JsonObject } from '@assay/encoding/json';
import { digestOfJson } from '../digest.ts';
import { ContractsError } from '../errors.ts';
import type { Sources } from '../project/collect-sources.ts';
import { weaknessOf } from './weaknesses.ts';

export const IMPACTS = ['High', 'Medium', 'Low', 'Informational', 'Optimization'] as const;
export type Impact = (typeof IMPACTS)[number];
export const CONFIDENCES = ['High', 'Medium', 'Low'] as const;
export type Confidence = (typeof CONFIDENCES)[number];

export interface FindingLocation {
  readonly source: string;
  /** From 1, both inclusive. */
  readonly first_line: number;
  readonly last_line: number;
  /** Bytes of the UTF-8 source, from 0. */
  readonly start: number;
  readonly length: number;
  /** `function`, `node`, `variable`, `contract`, … */
  readonly kind: string;
  readonly name: string;
}

export interface Finding {
  /** Slither's id of the detector, e.g. `reentrancy-eth`. */
  readonly check: string;
  readonly impact: Impact;
  readonly confidence: Confidence;
  readonly description: string;
  /** The first one is the finding's own; the others explain it. */
  readonly locations: readonly FindingLocation[];
  /** Number of the Common Weakness Enumeration, where one fits. */
  readonly cwe: number | null;
  /** Every location is in a dependency. */
  readonly dependency: boolean;
  /** Line of the `slither-disable` comment that would hide it; `null` without one. */
  readonly suppressed_by_line: number | null;
  /** 32 lower-case hex characters. */
  readonly fingerprint: string;
}

export interface SlitherReport {
  /** Ids of the detectors that ran, sorted. */
  readonly detectors: readonly string[];
  readonly findings: readonly Finding[];
}

const MAX_FINDINGS = 10_000;
const MAX_ELEMENTS = 30_000;
/** Bytes of a location that its fingerprint is over. */
const FINGERPRINT_BYTES = 4096;
const MAX_TEXT = 8 * 1024;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * Reads what the driver wrote. `dependencies`: names of sources, from {@link dependencySources}.
 * @throws {ContractsError} `audit/malformed` for anything else.
 * @example const report = parseSlitherReport(JSON.parse(output), sources, new Set())
 */
export function parseSlitherReport(value: unknown, sources: Sources, dependencies: ReadonlySet<string>): SlitherReport {
  const { detectors, findings } = (value ?? {}) as { readonly detectors?: unknown; readonly findings?: unknown };
  if (!Array.isArray(detectors) || !detectors.every((each) => typeof each === 'string') || !Array.isArray(findings))
    throw malformed('detectors and findings');
  if (findings.length > MAX_FINDINGS) throw malformed(`at most ${MAX_FINDINGS} findings`);
  const elements = findings.reduce((sum: number, each) => sum + elementCount(each), 0);
  if (elements > MAX_ELEMENTS) throw malformed(`at most ${MAX_ELEMENTS} elements`);
  const project = { sources, dependencies, bytesOf: sourceBytes(sources) };
  const read = findings.map((each) => parseFinding(each, project));
  return { detectors: [...detectors].sort(), findings: read.sort(inOrder) };
}

function elementCount(finding: unknown): number {
  const { elements } = (finding ?? {}) as { readonly elements?: unknown };
  return Array.isArray(elements) ? elements.length : 0;
}

interface Project {
  readonly sources: Sources;
  readonly dependencies: ReadonlySet<string>;
  /** A source as UTF-8. */
  readonly bytesOf: (source: string) => Uint8Array;
}

/** Encodes a source once, however many locations are in it. */
function sourceBytes(sources: Sources): Project['bytesOf'] {
  const encoded = new Map<string, Uint8Array>();
  return (source) => {
    const bytes = encoded.get(source) ?? new TextEncoder().encode(sources[source]);
    encoded.set(source, bytes);
    return bytes;
  };
}

function parseFinding(value: unknown, { sources, dependencies, bytesOf }: Project): Finding {
  const {
    check,
    impact,
    confidence,
    description,
    elements,
    suppressed_by_line: line,
  } = (value ?? {}) as Record<string, unknown>;
  if (typeof check !== 'string' || !/^[a-z0-9-]{1,80}$/.test(check)) throw malformed('the id of a detector');
  if (!IMPACTS.some((each) => each === impact)) throw malformed('an impact that is known');
  if (!CONFIDENCES.some((each) => each === confidence)) throw malformed('a confidence that is known');
  if (typeof description !== 'string' || !Array.isArray(elements)) throw malformed('a description and elements');
  const located = elements.flatMap((each) => locationOf(each, sources) ?? []);
  const text = description.slice(0, MAX_TEXT).trim().replace(LONE_SURROGATE, '\ufffd');
  const facts = { check, impact: impact as Impact, confidence: confidence as Confidence };
  return {
    ...facts,
    description: text,
    locations: located.map(({ location }) => location),
    cwe: weaknessOf(check),
    dependency: located.length > 0 && located.every(({ location }) => dependencies.has(location.source)),
    suppressed_by_line: typeof line === 'number' && Number.isSafeInteger(line) && line > 0 ? line : null,
    fingerprint: fingerprintOf(check, { first: located[0], description: text, bytesOf }),
  };
}

interface Located {
  readonly location: FindingLocation;
  /** Contract and function around it. */
  readonly place: string;
}

function locationOf(element: unknown, sources: Sources): Located | null {
  const { type, name, source_mapping: mapping, type_specific_fields: fields } = (element ?? {}) as Record<string, unknown>;
  const { filename_relative, lines, start, length } = (mapping ?? {}) as Record<string, unknown>;
  if (typeof filename_relative !== 'string' || !Object.hasOwn(sources, filename_relative)) return null;
  if (!Array.isArray(lines) || typeof lines[0] !== 'number' || typeof start !== 'number' || typeof length !== 'number')
    return null;
  const location = {
    source: filename_relative,
    first_line: lines[0],
    last_line: Number(lines.at(-1)),
    start,
    length,
    kind: String(type ?? ''),
    name: String(name ?? '')
      .slice(0, 1024)
      .replace(LONE_SURROGATE, '\ufffd'),
  };
  return { location, place: placeOf(fields) };
}

function placeOf(fields: unknown): string {
  const names: string[] = [];
  for (let at = fields as JsonObject | undefined, depth = 0; depth < 4; depth += 1) {
    const parent = at?.parent as JsonObject | undefined;
    if (typeof parent !== 'object' || parent === null) break;
    names.unshift(String(parent.name ?? ''));
    at = parent.type_specific_fields as JsonObject | undefined;
  }
  return names.join('.');
}

interface Fingerprinted extends Pick<Project, 'bytesOf'> {
  readonly first: Located | undefined;
  readonly description: string;
}

/** Over check, place, name and the beginning of the text without white space: moving code or files about keeps it. */
function fingerprintOf(check: string, { first, description, bytesOf }: Fingerprinted): string {
  if (first === undefined) return shortDigest({ check, description: description.replace(/\([^()]*#[0-9-]+\)/g, '') });
  const { source, start, length, name } = first.location;
  const bytes = bytesOf(source).subarray(start, start + Math.min(length, FINGERPRINT_BYTES));
  return shortDigest({ check, place: first.place, name, text: new TextDecoder().decode(bytes).replace(/\s+/g, '') });
}

function shortDigest(about: JsonObject): string {
  return digestOfJson(about).slice('sha256:'.length, 'sha256:'.length + 32);
}

/** By impact, confidence, check, place, words. */
function inOrder(a: Finding, b: Finding): number {
  return (
    IMPACTS.indexOf(a.impact) - IMPACTS.indexOf(b.impact) ||
    CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence) ||
    order(a.check, b.check) ||
    order(a.locations[0]?.source ?? '', b.locations[0]?.source ?? '') ||
    (a.locations[0]?.start ?? 0) - (b.locations[0]?.start ?? 0) ||
    order(a.description, b.description)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function malformed(wanted: string): ContractsError {
  return new ContractsError(
    'audit/malformed',
    `expected ${wanted} in the analyser's report, got something else; run the audit again`,
  );
}
