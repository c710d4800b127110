/**
 * What a file of evidence needs, found by looking for quotes, reports and documents in it, also inside JSON. Nothing is verified
 * here: the worst that forged evidence can do is to make this ask the vendors' own services in vain.
 */

import { decodeUtf8, utf8 } from '@assay/encoding/bytes';
import { EncodingError } from '@assay/encoding/errors';
import { encodeHex } from '@assay/encoding/hex';
import { type Json, parseJson } from '@assay/encoding/json';
import { decodePem } from '@assay/encoding/pem';
import { parseCertificate } from '../certificates/x509.ts';
import { AttestationError } from '../errors.ts';
import { textLayers } from '../evidence/armour.ts';
import { parsePckExtensions, SGX_EXTENSION_OID } from '../evidence/dcap/pck-extensions.ts';
import { type DcapQuote, PCK_CHAIN_DATA, parseQuote } from '../evidence/dcap/quote.ts';
import { quoteBytes } from '../evidence/dcap/quote-file.ts';
import { gunzip } from '../evidence/gzip.ts';
import { nitroDocumentBytes, parseNitroDocument } from '../evidence/nitro/nitro-document.ts';
import { nvidiaEvidenceOf } from '../evidence/nvidia/evidence-file.ts';
import { bytesOfJson, bytesOfText } from '../evidence/reading.ts';
import { snpEvidenceOf } from '../evidence/snp/evidence-file.ts';
import { wrappedEvidence } from '../evidence/wrapped.ts';
import type { Claims } from '../model/claims.ts';
import type { Endorsements } from '../model/endorsements.ts';
import { fetchAmdCertificates } from './amd.ts';
import { fetchAwsRevocationLists } from './aws.ts';
import { fetchIntelCollateral, type IntelPlatform } from './intel.ts';
import { fetchOcsp, fetchRims } from './nvidia.ts';
import type { EndorsementSource } from './source.ts';

export interface FetchedEndorsements {
  readonly endorsements: Endorsements;
  /** What could not be had; the verifier decides whether it can do without. */
  readonly problems: readonly AttestationError[];
}

export interface FetchWishes {
  /** Also what evidence can be verified without: revocation of Nitro and NVIDIA certificates, reference manifests. */
  readonly optional?: boolean;
  /** Verified claims of the same file; they name the reference manifests. */
  readonly claims?: Claims;
}

/** Shorter text holds no evidence. */
const MIN_TEXT = 1000;
const MAX_TEXTS = 512;
const MAX_DEPTH = 12;
/** `H4`, the first two characters of every gzip in base64. */
const GZIP_IN_BASE64 = Uint8Array.of(0x48, 0x34);
/** Quotes and reports are smaller, bytes. */
const MAX_OPENED = 1 << 16;
/** Distinct things one file may make this ask for. */
const MAX_REQUESTS = 32;

type Request = (source: EndorsementSource) => Promise<Endorsements>;

/**
 * @param file evidence in any of its file conventions.
 * @throws errors that are no {AttestationError}; those are in `problems`.
 * @example const { endorsements, problems } = await fetchEndorsements(quote, { fetch, now: Date.now(), cache });
 */
export async function fetchEndorsements(
  file: Uint8Array,
  source: EndorsementSource,
  wishes: FetchWishes = {},
): Promise<FetchedEndorsements> {
  const requests = new Map<string, Request>();
  for (const piece of await opened(pieces(file))) addRequests(piece, requests, wishes.optional === true);
  const ids = wishes.claims === undefined ? [] : rimIds(wishes.claims);
  if (ids.length > 0) requests.set('rim', (from) => fetchRims(ids, from));
  const settled = await Promise.allSettled([...requests.values()].slice(0, MAX_REQUESTS).map((request) => request(source)));
  const problems = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const unknown = problems.find((problem) => !AttestationError.is(problem));
  if (unknown !== undefined) throw unknown;
  return {
    endorsements: settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])),
    problems: problems as AttestationError[],
  };
}

function addRequests(piece: Uint8Array, requests: Map<string, Request>, optional: boolean): void {
  const quote = attempt(() => quoteBytes(piece));
  if (quote !== null) {
    const platform = attempt(() => platformOf(parseQuote(quote)));
    if (platform !== null)
      requests.set(`intel ${platform.tee} ${platform.fmspc} ${platform.ca}`, (source) =>
        fetchIntelCollateral(platform, source),
      );
    return;
  }
  const document = optional ? attempt(() => nitroDocumentBytes(piece)) : null;
  if (document !== null) {
    const parsed = attempt(() => parseNitroDocument(document));
    if (parsed !== null)
      requests.set('aws', (source) => fetchAwsRevocationLists([parsed.certificate, ...parsed.cabundle], source));
    return;
  }
  const snp = attempt(() => snpEvidenceOf(piece));
  if (snp?.kind === 'report') {
    requests.set(`amd ${encodeHex(snp.report.chipId)}`, (source) => fetchAmdCertificates(snp.report, source));
    return;
  }
  const devices = (optional ? attempt(() => nvidiaEvidenceOf(piece)) : null)?.devices ?? [];
  for (const { certificates } of devices) {
    const [leaf] = certificates;
    if (leaf !== undefined) requests.set(`ocsp ${encodeHex(leaf.subarray(-16))}`, (source) => fetchOcsp(certificates, source));
  }
}

/** @throws {AttestationError} when the quote carries no PCK chain. */
function platformOf(quote: DcapQuote): IntelPlatform | null {
  if (quote.certification.type !== PCK_CHAIN_DATA) return null;
  const chain = decodePem(decodeUtf8(quote.certification.data)).map(({ der }) => parseCertificate(der));
  const certificate = chain.find(({ extensions }) => extensions.has(SGX_EXTENSION_OID));
  const extension = certificate?.extensions.get(SGX_EXTENSION_OID);
  if (certificate === undefined || extension === undefined) return null;
  return {
    tee: quote.header.tee,
    fmspc: encodeHex(parsePckExtensions(extension.value).fmspc),
    ca: certificate.issuerText.includes('Processor') ? 'processor' : 'platform',
  };
}

function rimIds(claims: Claims): readonly string[] {
  const own = 'rimIds' in claims.details ? Object.values(claims.details.rimIds) : [];
  const below = Object.values(claims.submodules).flatMap(rimIds);
  return [...new Set([...own.filter((id) => id !== null), ...below])];
}

/** Pieces with what is compressed opened: Tinfoil documents hold base64 of gzip. */
async function opened(found: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const piece of found) {
    const bytes = piece[0] === GZIP_IN_BASE64[0] && piece[1] === GZIP_IN_BASE64[1] ? bytesOfText(piece) : null;
    all.push((bytes === null ? null : await gunzip(bytes, MAX_OPENED)) ?? piece);
  }
  return all;
}

/** The file itself and, when it is JSON, every long text and every wrapped piece of evidence inside it. */
function pieces(written: Uint8Array): readonly Uint8Array[] {
  const layers = textLayers(written);
  const file = layers.at(-1) ?? written;
  const json = attempt(() => parseJson(file));
  if (json === null) return layers;
  const texts: Uint8Array[] = [];
  collectTexts(json, 0, texts);
  return [...layers, ...texts, ...wrappedEvidence(file), ...byteLists(json)];
}

/** Members that are lists of bytes, as the first version of CoCo's Azure evidence has them. */
function byteLists(json: Json): readonly Uint8Array[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [];
  return Object.values(json).flatMap((value) =>
    Array.isArray(value) && value.length >= MIN_TEXT ? (bytesOfJson(value) ?? []) : [],
  );
}

function collectTexts(json: Json, depth: number, texts: Uint8Array[]): void {
  if (depth > MAX_DEPTH || texts.length >= MAX_TEXTS) return;
  if (typeof json === 'string') {
    if (json.length < MIN_TEXT) return;
    const inner = json.startsWith('{') || json.startsWith('[') ? attempt(() => parseJson(json)) : null;
    if (inner === null) texts.push(utf8(json));
    else collectTexts(inner, depth + 1, texts);
    return;
  }
  if (typeof json !== 'object' || json === null) return;
  for (const value of Array.isArray(json) ? json : Object.values(json)) collectTexts(value, depth + 1, texts);
}

/** `null` instead of an error of the bytes: what cannot be read needs nothing. */
function attempt<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (AttestationError.is(error) || EncodingError.is(error)) return null;
    throw error;
  }
}
