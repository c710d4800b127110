/**
 * The compiler's standard JSON output, read once. Its text is bounded before it is parsed; members that a version does not give are
 * empty. Not checked here: that the compiler is the one it says it is.
 */

import type { JsonObject } from '@assay/encoding/json';
import { ContractsError } from '../errors.ts';

/** A byte range of code; `length` bytes from `start`. */
export interface CodeRange {
  readonly start: number;
  readonly length: number;
}

export interface CompiledCode {
  /** Hex without `0x`, placeholders of unlinked libraries included; empty for interfaces and abstract contracts. */
  readonly object: string;
  readonly sourceMap: string;
  /** Source → library → where its address goes. */
  readonly linkReferences: Readonly<Record<string, Readonly<Record<string, readonly CodeRange[]>>>>;
  /** Id of the variable in the syntax tree → its copies. Runtime code only. */
  readonly immutableReferences: Readonly<Record<string, readonly CodeRange[]>>;
}

export interface CompiledContract {
  readonly source: string;
  readonly name: string;
  readonly abi: readonly JsonObject[];
  /** The metadata's exact text; empty when the version gives none. */
  readonly metadata: string;
  readonly storageLayout: JsonObject | null;
  readonly methodIdentifiers: Readonly<Record<string, string>>;
  readonly creation: CompiledCode;
  readonly runtime: CompiledCode;
}

export interface CompilerMessage {
  readonly severity: 'error' | 'warning' | 'info';
  readonly type: string;
  readonly message: string;
  /** With file, line and caret, as the compiler prints it. */
  readonly formatted: string;
  readonly source: string | null;
}

export interface CompilerOutput {
  readonly messages: readonly CompilerMessage[];
  /** Sorted by source, then name. */
  readonly contracts: readonly CompiledContract[];
  /** Source → its syntax tree and number. */
  readonly sources: Readonly<Record<string, { readonly id: number; readonly ast: JsonObject | null }>>;
}

/** The longest output that is read. UTF-16 units. */
export const MAX_OUTPUT_LENGTH = 256 * 1024 * 1024;

/**
 * Reads the output of `solc --standard-json`.
 * @throws {ContractsError} `compiler/output-malformed`.
 * @example for (const { message } of compileErrors(parseCompilerOutput(text))) console.error(message)
 */
export function parseCompilerOutput(text: string): CompilerOutput {
  if (text.length > MAX_OUTPUT_LENGTH)
    throw malformed(`expected at most ${MAX_OUTPUT_LENGTH} characters, got ${text.length}; send fewer sources`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('expected the compiler to answer with json, got something else; try another version', cause);
  }
  const output = record(value);
  const contracts = Object.entries(record(output.contracts)).flatMap(([source, each]) =>
    Object.entries(record(each)).map(([name, contract]) => contractOf(source, name, record(contract))),
  );
  return {
    messages: list(output.errors).map((each) => messageOf(record(each))),
    contracts: contracts.sort((a, b) => order(a.source, b.source) || order(a.name, b.name)),
    sources: Object.fromEntries(
      Object.entries(record(output.sources)).map(([name, each]) => {
        const { id, ast } = record(each);
        return [name, { id: typeof id === 'number' ? id : -1, ast: isObject(ast) ? (ast as JsonObject) : null }];
      }),
    ),
  };
}

/**
 * The messages because of which there is nothing to use; empty when the sources compiled.
 * @example for (const { message } of compileErrors(parseCompilerOutput(text))) console.error(message)
 */
export function compileErrors({ messages }: CompilerOutput): readonly CompilerMessage[] {
  return messages.filter(({ severity }) => severity === 'error');
}

function contractOf(source: string, name: string, contract: Fields): CompiledContract {
  const evm = record(contract.evm);
  return {
    source,
    name,
    abi: list(contract.abi).filter(isObject) as JsonObject[],
    metadata: text(contract.metadata),
    storageLayout: isObject(contract.storageLayout) ? (contract.storageLayout as JsonObject) : null,
    methodIdentifiers: record(evm.methodIdentifiers) as Record<string, string>,
    creation: codeOf(record(evm.bytecode)),
    runtime: codeOf(record(evm.deployedBytecode)),
  };
}

function codeOf(code: Fields): CompiledCode {
  return {
    object: text(code.object),
    sourceMap: text(code.sourceMap),
    linkReferences: mapped(code.linkReferences, (libraries) => mapped(libraries, rangesOf)),
    immutableReferences: mapped(code.immutableReferences, rangesOf),
  };
}

function mapped<Value>(value: unknown, read: (member: unknown) => Value): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, member]) => [name, read(member)]));
}

function rangesOf(value: unknown): readonly CodeRange[] {
  return list(value).map((each) => {
    const { start, length } = record(each);
    if (!isPlace(start) || !isPlace(length))
      throw malformed('expected places in the code as numbers, got others; try another version');
    return { start, length };
  });
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MAX_OUTPUT_LENGTH;
}

function messageOf(message: Fields): CompilerMessage {
  const { severity } = message;
  const plain = text(message.message);
  const { file } = record(message.sourceLocation);
  return {
    severity: severity === 'warning' || severity === 'info' ? severity : 'error',
    type: text(message.type),
    message: plain,
    formatted: text(message.formattedMessage) || plain,
    source: typeof file === 'string' ? file : null,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Order by UTF-16 units, as RFC 8785 orders names. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function malformed(message: string, cause?: unknown): ContractsError {
  return new ContractsError('compiler/output-malformed', message, { cause });
}
