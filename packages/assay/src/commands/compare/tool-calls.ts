/** `--tool-calls N`: both endpoints are asked for tool calls, after the comparison and apart from its verdict. */

import { randomBytes } from 'node:crypto';
import { type ToolCallFidelity, toolCallFidelity, toolCallRequest } from '@assay/models';
import { CliError } from '../../command-line/errors.ts';
import { interruptOf } from '../../command-line/interrupted.ts';
import type { Party } from './parties.ts';

export interface ToolCallOptions {
  readonly candidate: Party;
  readonly reference: Party;
  /** Names in requests. */
  readonly model: string;
  readonly referenceModel: string;
  readonly count: number;
  /** Chance that the bounds of a share are ever wrong. */
  readonly error: number;
  readonly signal: AbortSignal;
}

/** What was asked and answered, so that the shares can be counted again. */
export interface ToolCallFile {
  readonly format: 'assay-tool-calls/1';
  readonly key: string;
  readonly run: string;
  /** Exact bodies; `null`: none came. */
  readonly answers: readonly { readonly candidate: string | null; readonly reference: string | null }[];
  readonly fidelity: ToolCallFidelity;
}

/** @throws {CliError} `cli/bad-option` for a party that is a file: its engine calls no tools. */
export function assertCallsTools(...parties: readonly Party[]): void {
  const file = parties.find(({ kind }) => kind === 'file');
  if (file === undefined) return;
  throw new CliError(
    'cli/bad-option',
    `--tool-calls: expected two addresses, got the file ${file.name}; serve it, and name the address`,
  );
}

/** An interrupt ends it with the pairs so far. @throws {CliError} as {@link assertCallsTools}. */
export async function compareToolCalls(options: ToolCallOptions): Promise<ToolCallFile> {
  const { candidate, reference, model, referenceModel, count, error, signal } = options;
  assertCallsTools(candidate, reference);
  const key = randomBytes(32);
  const run = randomBytes(16).toString('hex');
  const ask = async (party: Party, body: string): Promise<string | null> => {
    if (party.kind === 'file') return null;
    const asked = await party.endpoint.ask('chat', body);
    return 'failure' in asked ? null : asked.body;
  };
  const answers: ToolCallFile['answers'][number][] = [];
  try {
    for (let index = 0; index < count && !signal.aborted; index += 1)
      answers.push({
        candidate: await ask(candidate, toolCallRequest({ key, run, index, model })),
        reference: await ask(reference, toolCallRequest({ key, run, index, model: referenceModel })),
      });
  } catch (cause) {
    if (interruptOf(cause) === null) throw cause;
  }
  const fidelity = toolCallFidelity(answers, error);
  return { format: 'assay-tool-calls/1', key: key.toString('hex'), run, answers, fidelity };
}

/** Three lines for people. */
export function toolCallLines({ schemaValid, referenceSchemaValid, agreement, failed }: ToolCallFidelity): readonly string[] {
  const share = ({ count, of, low, high }: ToolCallFidelity['agreement']): string =>
    `${count} of ${of}, from ${(100 * low).toFixed(0)} % to ${(100 * high).toFixed(0)} %`;
  return [
    `calls that fit their schema: ${share(schemaValid)}; of the reference: ${share(referenceSchemaValid)}`,
    `calls where the reference calls, and of the same tools: ${share(agreement)}`,
    `${failed} without an answer; this is quality, and says nothing about the model`,
  ];
}
