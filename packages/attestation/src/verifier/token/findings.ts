/**
 * What the issuer found, claim by claim at every depth: names of the vocabulary by their meaning, all others by their words. A finding
 * that something is wrong is a failed check, because an authentic token may say no; a status in unknown words is `not-checked`.
 * Not read: what the attester or the relying party chose and the issuer only repeats (runtime data, container environment, nonces).
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { looksLikeToken, parseToken } from '../../evidence/token/token.ts';
import { type Check, fail, notChecked, pass } from '../../model/check.ts';
import { isQuiet, readClaim } from './claim-words.ts';
import { earStatus, earVector } from './ear-result.ts';
import type { TokenFamily } from './issuers.ts';
import type { Meaning } from './vocabulary/meaning.ts';
import { meaningOf } from './vocabulary/vocabulary.ts';

const SPEC = 'RFC 9711; docs/tokens.md';
const MAX_SHOWN = 200; // characters of a value

export interface Findings {
  readonly checks: readonly Check[];
  /** Claims by which a TEE in the token can be debugged, as `path value`. */
  readonly debugClaims: readonly string[];
  /** `null` when no claim speaks of it. */
  readonly debug: boolean | null;
  readonly tcbStatuses: readonly Json[];
  readonly tcbDates: readonly Json[];
  readonly advisories: readonly string[];
  readonly evaluationNumbers: readonly number[];
}

/**
 * Reads every claim of `payload`.
 * @example
 * readFindings({ 'x-nvidia-overall-att-result': false }, 'nras').checks[0]?.id; // 'token.overall-result'
 */
export function readFindings(payload: JsonObject, family: TokenFamily): Findings {
  const reader = new FindingReader();
  reader.readObject(payload, []);
  return reader.findings(family);
}

/** Families whose tokens exist to state a result: one that states none proves nothing. */
const RESULTS: Readonly<Partial<Record<TokenFamily, readonly string[]>>> = {
  nras: ['token.overall-result', 'token.measurement-result'],
  ear: ['token.ear-status'],
};

class FindingReader {
  readonly #checks: Check[] = [];
  readonly #debugClaims: string[] = [];
  readonly #debugStated: boolean[] = [];
  readonly #tcbStatuses: Json[] = [];
  readonly #tcbDates: Json[] = [];
  readonly #advisories: string[] = [];
  readonly #evaluationNumbers: number[] = [];
  #fine = 0;

  readObject(object: JsonObject, path: readonly string[]): void {
    for (const [name, value] of Object.entries(object)) this.#readClaim([...path, name], value);
  }

  findings(family: TokenFamily): Findings {
    const failed = this.#checks.some(({ outcome }) => outcome === 'fail');
    const wanted = RESULTS[family] ?? [];
    const stated = this.#checks.some(({ id }) => wanted.some((name) => id === name || id.startsWith(`${name}.`)));
    if (wanted.length > 0 && !stated && !failed)
      this.#checks.push(fail('token.result', SPEC, wanted.join(' or '), 'the token states no result'));
    if (!failed && this.#fine > 0)
      this.#checks.push(
        pass('token.findings', SPEC, `${this.#fine} more findings, none of which says that something is wrong`),
      );
    return {
      checks: this.#checks,
      debugClaims: this.#debugClaims,
      debug: this.#debugClaims.length > 0 ? true : this.#debugStated.includes(false) ? false : null,
      tcbStatuses: this.#tcbStatuses,
      tcbDates: this.#tcbDates,
      advisories: [...new Set(this.#advisories)].sort(),
      evaluationNumbers: this.#evaluationNumbers,
    };
  }

  #readClaim(path: readonly string[], value: Json): void {
    const name = path.at(-1) ?? '';
    const meaning = meaningOf(name, path.at(-2));
    if (meaning !== undefined) {
      this.#readKnown(path, value, meaning);
      return;
    }
    switch (readClaim(name, value)) {
      case 'trouble':
        this.#fail(`token.claim.${pathText(path)}`, 'nothing wrong', value);
        return;
      case 'debug':
        this.#readDebug(path, value, true);
        return;
      case 'unclear':
        this.#checks.push(notChecked(`token.claim.${pathText(path)}`, SPEC, `status ${shown(value)} is not known here`));
        return;
      case 'fine':
        this.#fine++;
        return;
      case null:
        this.#descend(path, value);
        return;
    }
  }

  #readKnown(path: readonly string[], value: Json, meaning: Meaning): void {
    switch (meaning.kind) {
      case 'finding': {
        if (value === null) return;
        const id = meaning.id === undefined ? `token.claim.${pathText(path)}` : located(meaning.id, path);
        if (!meaning.good(value)) this.#fail(id, meaning.expected, value);
        else if (meaning.id === undefined) this.#fine++;
        else this.#checks.push(pass(id, SPEC, shown(value), meaning.expected));
        return;
      }
      case 'debug':
        this.#readDebug(path, value, !isQuiet(value));
        return;
      case 'debug-status':
        this.#readDebug(path, value, !isDisabled(value));
        return;
      case 'tcb-status':
        if (value === null || value === '') return;
        this.#tcbStatuses.push(value);
        // Revoked is no standing that a policy can accept, as with a quote of one's own.
        if (typeof value === 'string' && /revoked/i.test(value))
          this.#fail(located('token.tcb-revoked', path), 'a platform in good standing', value);
        return;
      case 'tcb-date':
        if (value !== null && value !== '') this.#tcbDates.push(value);
        return;
      case 'advisories':
        this.#advisories.push(...textsOf(value));
        return;
      case 'evaluation-number':
        if (typeof value === 'number') this.#evaluationNumbers.push(value);
        return;
      case 'ear-status':
        this.#checks.push(earStatus(located('token.ear-status', path), value));
        return;
      case 'ear-vector':
        this.#checks.push(...earVector(located('token.ear-vector', path), value));
        return;
      case 'carried':
        for (const member of meaning.except ?? [])
          if (isObject(value) && value[member] !== undefined) this.#readClaim([...path, member], value[member]);
        return;
      case 'plain':
        return;
    }
  }

  #readDebug(path: readonly string[], value: Json, on: boolean): void {
    if (value === null) return;
    if (on) this.#debugClaims.push(`${pathText(path)} ${shown(value)}`);
    else this.#debugStated.push(false);
  }

  #descend(path: readonly string[], value: Json): void {
    if (Array.isArray(value)) {
      for (const [index, item] of (value as readonly Json[]).entries())
        if (isObject(item)) this.readObject(item, [...path, String(index)]);
        else this.#descend(path, item);
      return;
    }
    if (isObject(value)) this.readObject(value, path);
    if (typeof value !== 'string' || !looksLikeToken(value)) return;
    this.#checks.push(
      notChecked(`token.embedded.${pathText(path)}`, SPEC, 'a token inside the token: its own signature is not verified'),
    );
    const inner = payloadOf(value);
    if (inner !== null) this.readObject(inner, path);
  }

  #fail(id: string, expected: string, value: Json): void {
    this.#checks.push(fail(id, SPEC, expected, shown(value)));
  }
}

function payloadOf(text: string): JsonObject | null {
  try {
    return parseToken(text).payload;
  } catch {
    return null;
  }
}

/** EAT: `disabled`, `disabled-since-boot`, `disabled-permanently`, `disabled-fully-and-permanently`, or 1 to 4. */
function isDisabled(value: Json): boolean {
  if (typeof value === 'number') return value >= 1 && value <= 4;
  return value === false || (typeof value === 'string' && /^(disabled|off$|false$)/i.test(value));
}

/** Names of checks that have one of their own carry the place where the claim stands, unless it stands at the top. */
function located(id: string, path: readonly string[]): string {
  const place = path.slice(0, -1).filter((name) => name !== 'submods');
  return place.length === 0 ? id : `${id}.${pathText(place)}`;
}

/** Names of issuers become part of an id, where `/` separates parts of evidence. */
function pathText(path: readonly string[]): string {
  return path
    .join('.')
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, MAX_SHOWN);
}

function shown(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function textsOf(value: Json): readonly string[] {
  if (typeof value === 'string') return value.split(/[\s,;]+/).filter((id) => id !== '');
  return Array.isArray(value) ? (value as readonly Json[]).filter((id) => typeof id === 'string') : [];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
