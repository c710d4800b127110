/**
 * Verifies several files at once, as people drop them: every piece of evidence among them, with all the others as its companions. The
 * order of the files decides nothing, and neither do their names.
 *
 * Not checked: that the pieces belong together. Each has a verdict of its own.
 */

import {
  type Endorsements,
  joinEndorsements,
  MAX_ENDORSEMENT_FILES,
  piecesOf,
  type VerificationOutcome,
} from '@assay/attestation';
import { compareBytes } from '@assay/encoding/bytes';
import { ClientError } from '../errors.ts';
import { resolveOptions, type VerifyOptions } from './options.ts';
import { type Subject, subjectOf } from './subject.ts';
import { holdsUnread } from './unread.ts';
import type { Verdict } from './verdict.ts';
import { verifySubject } from './verify.ts';

/** A file by its name, which is for people only. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The verdict on one of the files. */
export interface FileVerdict {
  readonly name: string;
  readonly verdict: Verdict;
}

/** The verdicts on a set of files. */
export interface FilesVerdict {
  /** The worst outcome among the verdicts: the files are accepted when every piece of evidence in them is. */
  readonly outcome: VerificationOutcome;
  /** Of each piece of evidence; the worst first, then by type and content. Never empty. */
  readonly verdicts: readonly FileVerdict[];
  /** Names of the files that stand beside evidence: certificates, revocation lists, collateral, manifests, key sets. */
  readonly companions: readonly string[];
  /** Names of the files that are nothing known here. A verifier may have used them, or nothing did. */
  readonly unrecognised: readonly string[];
}

/** Best last. */
const SEVERITY: readonly VerificationOutcome[] = ['malformed', 'not-authentic', 'refused', 'unavailable', 'accepted'];

interface SortedFile extends NamedFile {
  readonly subject: Subject;
  /** What the file holds as a companion of the others. */
  readonly pieces: Endorsements;
  /** As evidence or another subject. */
  readonly recognised: boolean;
  readonly role: 'subject' | 'companion' | 'unrecognised';
}

/**
 * @param files from 1 to 1024, in any order; those with equal bytes count once.
 * @throws {AttestationError | ClientError} of kind `misuse`, such as `client/too-many-files`, and of roots in `trust` that are none.
 * @example
 * const files = ['report.json', 'collateral.json'].map((name) => ({ name, bytes: readFileSync(name) }));
 * const { outcome, verdicts } = await verifyFiles(files);
 */
export async function verifyFiles(files: readonly NamedFile[], options: VerifyOptions = {}): Promise<FilesVerdict> {
  assertFew(files);
  const sorted = distinct(files).map(sortedFile);
  const named = (role: SortedFile['role']): readonly string[] =>
    sorted.filter((file) => file.role === role).map(({ name }) => name);
  const verdicts: FileVerdict[] = [];
  for (const file of questioned(sorted)) {
    const beside = joinEndorsements(sorted.filter((other) => other !== file).map(({ pieces }) => pieces));
    const given = options.collateral === undefined || options.collateral === 'fetch' ? [] : options.collateral;
    const resolved = resolveOptions({ ...options, collateral: [...beside, ...given] });
    verdicts.push({ name: file.name, verdict: await verifySubject(file.subject, resolved) });
  }
  // A stable sort: among equals the order by content stays.
  verdicts.sort((a, b) => severity(a) - severity(b) || (typeOf(a) < typeOf(b) ? -1 : Number(typeOf(a) > typeOf(b))));
  return {
    outcome: verdicts[0]?.verdict.outcome ?? 'malformed',
    verdicts,
    companions: named('companion'),
    unrecognised: named('unrecognised'),
  };
}

function assertFew({ length }: readonly NamedFile[]): void {
  if (length > MAX_ENDORSEMENT_FILES)
    throw new ClientError(
      'client/too-many-files',
      `expected at most ${MAX_ENDORSEMENT_FILES} files at once, got ${length}; verify them in several sets, each piece of evidence with its companions`,
    );
}

/** By content, so that whatever follows does not depend on how the files came. */
function distinct(files: readonly NamedFile[]): readonly NamedFile[] {
  const sorted = files.toSorted((a, b) => compareBytes(a.bytes, b.bytes) || (a.name < b.name ? -1 : 1));
  return sorted.filter(({ bytes }, index) => index === 0 || compareBytes(bytes, sorted[index - 1]?.bytes ?? bytes) !== 0);
}

function sortedFile(file: NamedFile): SortedFile {
  const subject = subjectOf(file.bytes);
  const recognised = subject.kind !== 'evidence' || !(subject.evidence instanceof Uint8Array);
  const pieces = piecesOf(file);
  return { ...file, subject, pieces, recognised, role: roleOf(file, pieces, recognised) };
}

function roleOf(file: NamedFile, pieces: Endorsements, recognised: boolean): SortedFile['role'] {
  const known = pieces.filter(({ kind }) => kind !== 'bytes' && kind !== 'json');
  // First: a certificate of a chip has bytes in which a reader can see a report, and a manifest can be verified alone.
  if (known.length > 0 && known.length === pieces.length) return 'companion';
  if (recognised) return 'subject';
  // Collateral that is packed in JSON of its own, and nothing else.
  return known.length > 0 && !holdsUnread(file.bytes) ? 'companion' : 'unrecognised';
}

/** What gets a verdict: the evidence; without any, companions that can be verified alone; without those, every file hears why not. */
function questioned(files: readonly SortedFile[]): readonly SortedFile[] {
  const subjects = files.filter(({ role }) => role === 'subject');
  if (subjects.length > 0) return subjects;
  const alone = files.filter(({ recognised }) => recognised);
  return alone.length > 0 ? alone : files;
}

const severity = ({ verdict }: FileVerdict): number => SEVERITY.indexOf(verdict.outcome);
const typeOf = ({ verdict }: FileVerdict): string => verdict.type ?? '';
