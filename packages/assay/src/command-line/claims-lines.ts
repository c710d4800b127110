/**
 * What authentic evidence says, as a block of names and values: measurements, what it binds, firmware, platform, debug, signer. Of evidence
 * with parts, one line a part.
 */

import {
  type Check,
  checkName,
  formatInstant,
  type NamedClaims,
  pinnedRootName,
  type TcbStanding,
  typeName,
  type VerifiedClaims,
} from '@assay/attestation';
import { withoutTrailing } from '@assay/encoding/text-ends';
import type { Io } from './io.ts';
import { hexLines, table } from './layout.ts';
import { printable, styleOf } from './output.ts';

type Row = readonly [name: string, value: string];

export interface ClaimsLinesOptions {
  /** The block of every part instead of one line each. */
  readonly verbose: boolean;
}

/**
 * The block, with its heading.
 * @param checks of the whole verdict; those of parts have the path of the part in front.
 * @example if (verdict.claims !== undefined) io.stdout(claimsLines(verdict.claims, verdict.checks, io, { verbose: false }))
 */
export function claimsLines(claims: VerifiedClaims, checks: readonly Check[], io: Io, { verbose }: ClaimsLinesOptions): string {
  const style = styleOf(io);
  const nodes = nodesOf(claims);
  const block = (node: Node): string => {
    const heading = `Claims of the ${typeName(node.claims.type)}${node.path === '' ? '' : ` ${printable(node.path.slice(0, -1))}`}`;
    return `${style.strong(heading)}\n${claimsBlock(node.claims, io)}`;
  };
  if (verbose) return nodes.map(block).join('\n');
  const [whole, ...parts] = nodes;
  if (whole === undefined) return '';
  return parts.length === 0 ? block(whole) : `${block(whole)}\n${style.strong('Parts')}\n${partsTable(parts, checks, io)}`;
}

interface Node {
  /** Ends in `/`; empty for the whole. */
  readonly path: string;
  readonly claims: NamedClaims;
}

function nodesOf(claims: NamedClaims, path = ''): readonly Node[] {
  return [{ path, claims }, ...Object.entries(claims.submodules).flatMap(([name, part]) => nodesOf(part, `${path}${name}/`))];
}

function claimsBlock(claims: NamedClaims, io: Io): string {
  const style = styleOf(io);
  const rows = rowsOf(claims);
  const widest = Math.max(...rows.map(([name]) => name.length));
  const room = io.columns === null ? null : io.columns - widest - 4;
  return table(
    rows.flatMap(([name, value]) =>
      hexLines(printable(value, { full: true }), room).map((line, at) => [style.faint(at === 0 ? printable(name) : ''), line]),
    ),
    { columns: io.columns },
  );
}

function rowsOf(claims: NamedClaims): readonly Row[] {
  const { bindings, debug, issuedAt, identity, tcb, root, simulated } = claims;
  const bound: readonly (readonly [string, string | null])[] = [
    ['report data', bindings.reportData],
    ['nonce', bindings.nonce],
    ['user data', bindings.userData],
    ['public key', bindings.publicKey],
  ];
  return [
    ...measurementRows(claims.measurements),
    ...bound.flatMap(([name, value]): readonly Row[] => (value === null ? [] : [[name, zeroesShort(value)]])),
    ...(tcb === null ? [] : tcbRows(tcb)),
    ...typeRows(claims),
    ...Object.entries(identity).map(([name, value]): Row => [name, value]),
    ['debug', debug === null ? 'the format does not say' : debug ? 'ON: the host can read and change it' : 'off'],
    ...(issuedAt === null ? [] : [['made', formatInstant(issuedAt)] as const]),
    ...(root === '' ? [] : signerRows(root, simulated)),
  ];
}

/** Registers that nothing was measured into are named in one line. */
function measurementRows(measurements: Readonly<Record<string, string>>): readonly Row[] {
  const empty = Object.entries(measurements).flatMap(([name, value]) => (/^0+$/.test(value) ? [name] : []));
  return [
    ...Object.entries(measurements).filter(([name]) => !empty.includes(name)),
    ...(empty.length === 0 ? [] : [['all zero', empty.join(', ')] as const]),
  ];
}

/** A slot is often padded with zeros: they are counted. */
function zeroesShort(value: string): string {
  if (!/^[0-9a-f]+$/.test(value)) return value;
  const digits = withoutTrailing(value, '0').length;
  const filled = value.slice(0, digits + (digits % 2));
  const zeros = (value.length - filled.length) / 2;
  return zeros < 8 ? value : `${filled === '' ? '' : `${filled} and `}${zeros} zero bytes`;
}

function tcbRows({ status, advisories, date, evaluationNumber }: TcbStanding): readonly Row[] {
  const known = [
    ...(date === null ? [] : [`level of ${date.slice(0, 10)}`]),
    ...(evaluationNumber === null ? [] : [`evaluation ${evaluationNumber}`]),
  ];
  return [
    ['firmware', `${status}${known.length === 0 ? '' : ` (${known.join(', ')})`}`],
    ...(advisories.length === 0 ? [] : [['advisories', advisories.join(', ')] as const]),
  ];
}

/** What only one type has and every reader of it looks for. */
function typeRows({ type, details }: NamedClaims): readonly Row[] {
  const { tcb, vmpl, guestSvn, tdAttributes, attributes } = details as Readonly<
    Record<string, Readonly<Record<string, unknown>>>
  >;
  if (type === 'sev-snp')
    return [
      ['reported tcb', levels(tcb?.reported)],
      ['vmpl', String(vmpl)],
      ['guest svn', String(guestSvn)],
    ];
  const set = type === 'tdx' ? tdAttributes?.set : type === 'sgx' ? attributes?.set : undefined;
  return Array.isArray(set) && set.length > 0 ? [['attributes', set.join(', ')]] : [];
}

function levels(tcb: unknown): string {
  const known = Object.entries(tcb ?? {}).filter(([, level]) => level !== null);
  return known.map(([name, level]) => `${name} ${String(level)}`).join(', ');
}

/** Whose root, and the SHA-256 of its key. */
function signerRows(root: string, simulated: boolean): readonly Row[] {
  const named = simulated ? 'the root of a SIMULATOR, which you named' : 'a root or key set that you named';
  return [
    ['signed under', simulated ? named : (pinnedRootName(root) ?? named)],
    ['root key', root],
  ];
}

/** Neighbours that differ in their name alone (`gpu-0` to `gpu-7`) share a row. */
function partsTable(parts: readonly Node[], checks: readonly Check[], io: Io): string {
  const style = styleOf(io);
  const rows = parts.map(({ path, claims }) => {
    const own = checks.filter(({ id }) => id.slice(0, -checkName(id).length) === path);
    const count = (outcome: Check['outcome']): number => own.filter((check) => check.outcome === outcome).length;
    const failed = count('fail');
    const marks = `${style.good(`✓ ${count('pass')}`)}  ${failed === 0 ? '' : `${style.bad(`✗ ${failed}`)}  `}${style.open(`○ ${count('not-checked')}`)}`;
    const kind = claims.identity.architecture ?? claims.identity['hardware-model'];
    const debug = claims.debug === true ? `, ${style.bad('debug ON')}` : '';
    const what = `${typeName(claims.type)}${kind === undefined ? '' : ` (${printable(kind)})`}${debug}`;
    return { path: path.slice(0, -1), cells: [what, claims.tcb?.status ?? '', marks] };
  });
  const folded: { first: string; last: string; count: number; cells: readonly string[] }[] = [];
  for (const { path, cells } of rows) {
    const previous = folded.at(-1);
    if (previous !== undefined && series(previous.first) === series(path) && previous.cells.join() === cells.join()) {
      previous.last = path;
      previous.count += 1;
    } else folded.push({ first: path, last: path, count: 1, cells });
  }
  const name = ({ first, last, count }: (typeof folded)[number]): string =>
    count === 1 ? first : `${first} to ${last.slice(last.lastIndexOf('/') + 1)}`;
  return table(
    folded.map((row) => [printable(name(row)), ...row.cells]),
    { columns: io.columns },
  );
}

/** `model/gpu-7` and `model/gpu-0` are of one series. */
function series(path: string): string {
  let end = path.length;
  while (end > 0 && /[0-9]/.test(path[end - 1] ?? '')) end -= 1;
  return path.slice(0, end);
}
