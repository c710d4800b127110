/** The error of a file or folder that `assay measure` cannot measure: what it takes, what came, and what to do with that. */

import { kindName } from '../verification/kinds.ts';
import { type Subject, subjectOf } from '../verification/subject.ts';
import { CliError } from './errors.ts';

const TAKES =
  'an EIF, firmware (OVMF.fd), a SIGSTRUCT (.sig), app-compose.json, or the folder that rootfs.tar was unpacked into';
const TAR_MAGIC = 'ustar';
const TAR_MAGIC_AT = 257;

/** `cli/not-an-image` for a file. */
export function notAnImage(path: string, file: Uint8Array): CliError {
  if (isTar(file)) return refusal(path, 'a tar archive', 'unpack rootfs.tar into a folder, and name the folder');
  const subject = subjectOf(file);
  const advice = isWork(subject) ? 'assay verify checks it, and --compare compares it with an image' : 'name one of these';
  return refusal(path, kindName(subject), advice);
}

/**
 * `cli/not-an-image` for a folder.
 * @param measurable files in it that can be measured themselves.
 */
export function notAnImageFolder(path: string, lacks: string, measurable: readonly string[]): CliError {
  const advice = measurable.length === 0 ? 'unpack rootfs.tar there, or name a file' : `name ${measurable.join(' or ')} in it`;
  return refusal(path, `a folder without ${lacks}`, advice);
}

function refusal(path: string, got: string, advice: string): CliError {
  return new CliError('cli/not-an-image', `${path}: expected ${TAKES}, got ${got}; ${advice}`);
}

function isWork(subject: Subject): boolean {
  return subject.kind !== 'evidence' || !(subject.evidence instanceof Uint8Array);
}

function isTar(file: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(file.subarray(TAR_MAGIC_AT, TAR_MAGIC_AT + TAR_MAGIC.length)) === TAR_MAGIC;
}
