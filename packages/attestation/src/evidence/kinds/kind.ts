/** What a file is, for people: a name, and what to do with it. Said of files that no reader takes; it never decides anything. */

export interface FileKind {
  /** With its article: `a TPM signature`. */
  readonly what: string;
  readonly advice: string;
}

export interface KindRule extends FileKind {
  readonly is: (file: SeenFile) => boolean;
}

/** One file, looked at once. */
export interface SeenFile {
  readonly bytes: Uint8Array;
  /** The first 64 KiB as text, `null` when they are not. */
  readonly text: string | null;
}

export const WITH_COLLATERAL = 'give the evidence as the subject and this file with --collateral';

/** True when `bytes` hold `signature` at `offset`. */
export function beginsWith(bytes: Uint8Array, signature: readonly number[], offset = 0): boolean {
  return signature.every((byte, index) => bytes[offset + index] === byte);
}
