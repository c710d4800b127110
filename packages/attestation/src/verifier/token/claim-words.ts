/**
 * Reads trouble out of names and values that no vocabulary lists: issuers add claims without notice, and a claim that says failure
 * must not pass because its name is new. Words are looked for in names (`x-acme-nonce-mismatch`) and in values
 * (`NONCE_NOT_MATCHING`), with negation (`debug-disabled: true`, `no-conflict`) and with both polarities (`secureboot: false`).
 * Source: names in the claims of NVIDIA, Intel, Microsoft, Google and Veraison, see vocabulary/.
 */

import type { Json, JsonObject } from '@assay/encoding/json';

/** What a claim says by its words: all is well, something is wrong, the TEE can be debugged, or an unknown status. */
export type Reading = 'fine' | 'trouble' | 'debug' | 'unclear';

/** Parts of a word that mean trouble wherever they stand in it. */
const TROUBLE_PARTS = [
  ...['debug', 'mismatch', 'outofdate', 'unmatch', 'revoked', 'revocation', 'tamper', 'compromis', 'invalid'],
  ...['testsigning', 'flightsigning', 'failure', 'failed', 'insecure', 'notmatch', 'noncompliant'],
];
/** Beginnings of words that mean trouble. */
const TROUBLE_STARTS = [
  ...['fail', 'error', 'revok', 'expir', 'outdated', 'stale', 'obsolete', 'illegal', 'corrupt', 'untrust', 'unverif'],
  ...['unauth', 'unsafe', 'unapprov', 'vulnerab', 'reject', 'denied', 'denies', 'refus', 'violat', 'conflict', 'warn'],
  ...['contraindicat', 'nonconform', 'missing', 'unexpected', 'unrecogni', 'unsupported', 'abort', 'exception', 'problem'],
  ...['malicious', 'downgrad', 'spoof', 'forged', 'counterfeit', 'blacklist', 'banned', 'blocked', 'simulated', 'incorrect'],
  ...[
    'inconsisten',
    'breach',
    'suspicious',
    'broken',
    'quarantin',
    'mistrust',
    'distrust',
    'unsuccess',
    'unsigned',
    'devtools',
  ],
];
const TROUBLE_WORDS = new Set(['err', 'errs', 'errno', 'errmsg', 'bad', 'wrong', 'deny', 'nok', 'ko', 'altered', 'modified']);
/** Words that begin like trouble and are none. */
const HARMLESS = new Set(['failsafe', 'failover', 'failback']);
/** Trouble that is also a subject: `revocation-checked: true` and `debug-check: passed` are good news. */
const SUBJECT = new Set(['revocation', 'expiry', 'expires', 'expiration', 'tamper']);

const POSITIVE_PARTS = ['validated', 'verified', 'matched', 'uptodate', 'secureboot', 'secboot'];
const POSITIVE_WORDS = new Set([
  ...['match', 'matches', 'matching', 'valid', 'verify', 'verifies', 'verification', 'validation', 'pass', 'passed', 'passes'],
  ...['success', 'successful', 'successfully', 'succeeded', 'ok', 'good', 'trusted', 'trustworthy', 'authentic', 'genuine'],
  ...['compliant', 'affirming', 'accepted', 'approved', 'authorized', 'authorised', 'correct', 'intact', 'consistent'],
  ...['healthy', 'confirmed', 'satisfied', 'sound', 'clean'],
]);
/** Steps that are good when made: only at the end of a name, behind a subject or in NVIDIA's names. */
const STEPS = new Set(['check', 'checked', 'checks', 'fetched', 'parsed', 'available']);

const NEGATIONS = new Set([
  'no',
  'not',
  'non',
  'never',
  'without',
  'off',
  'free',
  'none',
  'zero',
  'disable',
  'isnt',
  'absence',
]);
const NEGATION_PARTS = ['disabled'];

const STATUS_ENDS = new Set(['status', 'result', 'results', 'res', 'verdict', 'outcome', 'conclusion', 'decision', 'validity']);
const MESSAGE_ENDS = new Set(['message', 'msg', 'reason', 'reasons', 'description', 'detail', 'details', 'cause']);
/** As the value of a status: not done is not passed. */
const UNDONE = new Set([
  ...['unknown', 'pending', 'absent', 'untested', 'partial', 'incomplete', 'unavailable', 'inconclusive', 'skipped'],
  ...['undetermined', 'timeout', 'degraded', 'notrun', 'false', 'no', 'not', 'never', 'nothing'],
]);
/** Ends of names that hold facts about a subject and not a finding: `revocation-list`, `debug-version`. */
const FACTS = new Set(['hash', 'digest', 'url', 'uri', 'version', 'svn', 'list', 'number']);
const TIMES = new Set([
  ...['date', 'time', 'timestamp', 'at', 'in', 'until', 'after', 'seconds', 'expires', 'expiry', 'expiration'],
]);

const QUIET = new Set([
  ...['', 'none', 'null', 'nil', 'no', 'off', 'false', '0', '0x0', 'na', 'notapplicable', 'absent', 'unset', 'clear', 'empty'],
  ...['good', 'ok', 'success', 'pass', 'passed', 'valid', 'inactive', 'never'],
]);

/**
 * What a claim of this name and value says, `null` when its words say nothing.
 * @example
 * readClaim('x-acme-nonce-mismatch', true); // 'trouble'
 * readClaim('debug-disabled', true); // 'fine', and 'debug' when false
 */
export function readClaim(name: string, value: Json): Reading | null {
  const words = wordsOf(name);
  const tone = toneOf(words, name.startsWith('x-nvidia-'));
  if (tone === 'bad') {
    if (isFact(words)) return null;
    return isQuiet(value) ? (isContainer(value) ? null : 'fine') : troubleOf(words);
  }
  if (tone === 'good' && !isContainer(value)) {
    if (saysNo(value, words)) return troubleOf(words);
    return value === null ? null : 'fine';
  }
  const last = words.at(-1) ?? '';
  if (STATUS_ENDS.has(last)) return readStatus(value);
  return MESSAGE_ENDS.has(last) && typeof value === 'string' && toneOf(wordsOf(value)) === 'bad' ? 'trouble' : null;
}

/** True for values that take trouble back: nothing, zero, false, `disabled`, `not revoked`; lists and objects of only such values. */
export function isQuiet(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === false || value === 0) return true;
  if (typeof value === 'string') {
    const words = wordsOf(value);
    if (QUIET.has(words.join(''))) return true;
    return words[0] === 'disabled' || toneOf(words) === 'good';
  }
  return isContainer(value) && Object.values(value as JsonObject | readonly Json[]).every(isQuiet);
}

/**
 * Lower-case words of a name or text; `OutOfDate`, `up-to-date` and `secure-boot` count as one word each.
 * @example wordsOf('x-ms-isDebuggable'); // ['x', 'ms', 'is', 'debuggable']
 */
export function wordsOf(text: string): readonly string[] {
  const spaced = text.slice(0, MAX_TEXT).replace(/([a-z0-9])([A-Z])/g, '$1 $2');
  const words = spaced.toLowerCase().split(/[^a-z0-9]+/);
  const joined: string[] = [];
  for (const word of words.filter((each) => each !== '')) {
    const before = joined.at(-1) ?? '';
    const run = COMPOUNDS.has(`${before} ${word}`) ? joined.pop() : undefined;
    joined.push(`${run ?? ''}${word}`);
  }
  return joined;
}

const MAX_TEXT = 1024;
const COMPOUNDS = new Set(['out of', 'outof date', 'up to', 'upto date', 'secure boot', 'test signing', 'flight signing']);

type Tone = 'good' | 'bad' | null;

function toneOf(words: readonly string[], steps = false): Tone {
  const troubles = words.filter(isTrouble);
  const negated = words.filter(isNegation).length % 2 === 1;
  const last = words.at(-1) ?? '';
  if (troubles.length > 0) {
    const onlySubject = troubles.every(isSubject);
    if (onlySubject && !isTrouble(last) && (isPositive(last) || STEPS.has(last))) return negated ? 'bad' : 'good';
    return negated ? 'good' : 'bad';
  }
  if (!words.some((word) => isPositive(word)) && !(steps && STEPS.has(last))) return null;
  return negated ? 'bad' : 'good';
}

function isTrouble(word: string): boolean {
  if (HARMLESS.has(word)) return false;
  if (TROUBLE_WORDS.has(word)) return true;
  return TROUBLE_PARTS.some((part) => word.includes(part)) || TROUBLE_STARTS.some((start) => word.startsWith(start));
}

function isPositive(word: string): boolean {
  return POSITIVE_WORDS.has(word) || POSITIVE_PARTS.some((part) => word.includes(part));
}

function isNegation(word: string): boolean {
  return NEGATIONS.has(word) || NEGATION_PARTS.some((part) => word.includes(part));
}

/** Debug is a kind of its own, because a policy may allow it. */
function troubleOf(words: readonly string[]): Reading {
  const troubles = words.filter(isTrouble);
  return troubles.length > 0 && troubles.every((word) => word.includes('debug')) ? 'debug' : 'trouble';
}

function isFact(words: readonly string[]): boolean {
  const last = words.at(-1) ?? '';
  const troubles = words.filter(isTrouble);
  if (!troubles.every(isSubject)) return false;
  return FACTS.has(last) || (TIMES.has(last) && troubles.every((word) => word.startsWith('expir')));
}

/** False, a word for it, or trouble. A zero counts only where the name ends in the finding: `trusted-firmware-version: 0` is none. */
function saysNo(value: Json, words: readonly string[]): boolean {
  if (value === false) return true;
  if (value === 0) return isPositive(words.at(-1) ?? '') || words.some(isTrouble);
  if (typeof value !== 'string') return false;
  const said = wordsOf(value);
  if (['0', 'off', 'none'].includes(said.join('')) || said[0]?.startsWith('disable') === true) return true;
  return toneOf(said) === 'bad' || said.some((word) => UNDONE.has(word));
}

function readStatus(value: Json): Reading | null {
  if (value === false) return 'trouble';
  if (value === true) return 'fine';
  if (typeof value !== 'string' || value === '') return null;
  const words = wordsOf(value);
  if (words.join('') === 'notapplicable') return null;
  const tone = toneOf(words);
  if (tone === 'good') return 'fine';
  if (tone === 'bad' || words.some((word) => UNDONE.has(word))) return 'trouble';
  return words.some((word) => word.startsWith('complete')) ? 'fine' : 'unclear';
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}

function isSubject(word: string): boolean {
  return word.includes('debug') || SUBJECT.has(word);
}
