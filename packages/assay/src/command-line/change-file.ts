/** The file of a change that owners hand on: JSON with the message, what goes with it and the signatures. It comes from other people. */

import { type JsonObject, parseJson } from '@assay/encoding/json';
import { type Hex, OperatorError, signatureSchema } from '@assay/operator';
import type { Io } from './io.ts';
import { printable } from './output.ts';
import { MAX_SETTING_BYTES, readFileOf } from './subject.ts';

/** A file as it was read; the message is not looked at yet. */
export interface ChangeFile {
  readonly entry: JsonObject;
  /** Each of the right form; whose they are is not known yet. */
  readonly signatures: readonly Hex[];
}

/**
 * Reads the file of a change.
 * @throws {CliError} `cli/file-unreadable`, `cli/input-too-large`; {EncodingError} `json/malformed`; {OperatorError}
 * `operator/message-malformed` for another file, and for what is no signature among the signatures.
 * @example const { entry, signatures } = await readChangeFile('change.json', io);
 */
export async function readChangeFile(file: string, io: Io): Promise<ChangeFile> {
  const value = parseJson(await readFileOf(io, file, MAX_SETTING_BYTES));
  if (typeof value !== 'object' || value === null || !('message' in value) || !Array.isArray(value.signatures))
    throw malformed(
      `${printable(file)}: expected a change that --save of assay variables set or assay owners wrote, got another file; write it again`,
    );
  return { entry: value as JsonObject, signatures: value.signatures.map(signatureIn) };
}

function signatureIn(given: unknown, index: number): Hex {
  const parsed = signatureSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const got = printable(JSON.stringify(given).slice(0, 80));
  throw malformed(`signatures[${index}]: expected 0x and 130 hex characters, got ${got}; take it out, or ask that owner again`);
}

function malformed(why: string): OperatorError {
  return new OperatorError('operator/message-malformed', why);
}
