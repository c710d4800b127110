/** What builds and audits are asked about: the members of a request that name sources, settings and compiler, and the project they make. */

import {
  type BuildSettings,
  parseRemappings,
  parseStandardInput,
  remappingText,
  type Sources,
  type StandardInput,
  standardInput,
} from '@assay/contracts';
import { decodeBase64 } from '@assay/encoding/base64';
import type { JsonObject } from '@assay/encoding/json';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { MAX_CODE_LENGTH } from './inputs.ts';
import { openProjectArchive } from './project-archive.ts';

const sourceText = z.string().max(4 * MAX_CODE_LENGTH);

/** Members that name the sources. Exactly one of them is given. */
export const sourceMembers = {
  contract_code: sourceText.optional().describe('one Solidity source; it becomes Contract.sol'),
  contracts: z
    .array(z.object({ name: z.string().min(1).max(512).describe('Token, or contracts/Token.sol'), code: sourceText }))
    .max(2000)
    .optional()
    .describe('sources by name; a bare name gets .sol'),
  sources: z.record(z.string().min(1).max(512), sourceText).optional().describe('sources by path, with everything they import'),
  archive_base64: z
    .string()
    .optional()
    .describe('a .zip of a Foundry or Hardhat project, or of a folder of sources, as padded base64'),
  standard_json: z
    .union([z.string(), z.record(z.string(), z.unknown())])
    .optional()
    .describe("the compiler's standard JSON input; its settings are kept, its outputSelection is not"),
};

/** Members that say how to compile. */
export const compileMembers = {
  solc_version: z
    .string()
    .max(40)
    .optional()
    .describe('e.g. 0.8.24; without it 0.8.24 where the pragmas allow it, else the newest installed one that they allow'),
  optimizer: z.boolean().optional().describe('on by default'),
  optimizer_runs: z.number().int().min(1).max(4_294_967_295).optional().describe('200 by default'),
  evm_version: z
    .string()
    .regex(/^[a-zA-Z]{1,30}$/)
    .optional()
    .describe("e.g. paris; the compiler's own by default"),
  via_ir: z.boolean().optional(),
  metadata: z
    .object({
      bytecode_hash: z.enum(['ipfs', 'bzzr1', 'none']).optional(),
      append_cbor: z.boolean().optional(),
      use_literal_content: z.boolean().optional(),
    })
    .optional(),
  remappings: z.array(z.string().max(1024)).max(512).optional().describe('prefix=target'),
  libraries: z.record(z.string(), z.record(z.string(), z.string().regex(/^0x[0-9a-fA-F]{40}$/))).optional(),
};

/** npm's names are shorter than 215 characters; SHA-512 is 88 of base64. */
const packageSchema = z.object({
  name: z
    .string()
    .regex(/^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/)
    .max(214),
  version: z.string().regex(/^[0-9A-Za-z.+-]{1,64}$/),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
});

/** Members that both tasks have in addition. */
export const limitMembers = (seconds: number) => ({
  packages: z
    .array(packageSchema)
    .max(256)
    .optional()
    .describe("npm packages that sources came from; they go into the build's provenance as the client's word"),
  timeout: z.number().positive().max(600).default(seconds).describe('seconds for the whole work'),
  encrypted: z
    .boolean()
    .default(false)
    .describe('true: refuse the work unless the request came through a channel that ends inside the enclave'),
  include_attestation: z.boolean().default(false),
});

const projectSchema = z.object({ ...sourceMembers, ...compileMembers });

type ProjectMembers = z.infer<typeof projectSchema>;

export interface ContractProject {
  readonly input: StandardInput;
  /** The compiler that was asked for; `null` lets the pragmas decide. */
  readonly wanted: string | null;
}

/**
 * The project of a request.
 * @throws {ServerError} `task/bad-input`; {@link ContractsError} for sources and settings that are none.
 */
export function readProject(request: ProjectMembers): ContractProject {
  const given = (['contract_code', 'contracts', 'sources', 'archive_base64', 'standard_json'] as const).filter(
    (name) => request[name] !== undefined,
  );
  if (given.length !== 1)
    throw new ServerError(
      'task/bad-input',
      `expected one of contract_code, contracts, sources, archive_base64 and standard_json, got ${given.join(' and ') || 'none'}; send one`,
    );
  const wanted = request.solc_version ?? null;
  if (request.standard_json !== undefined)
    return { input: parseStandardInput(request.standard_json as string | JsonObject), wanted };
  if (request.archive_base64 !== undefined) {
    const { sources, remappings } = openProjectArchive(bytesOf(request.archive_base64), request.remappings ?? []);
    return { input: standardInput(sources, settingsOf(request, remappings)), wanted };
  }
  return { input: standardInput(namedSources(request), settingsOf(request, request.remappings ?? [])), wanted };
}

/** @throws {ServerError} `channel/not-sealed`. */
export function requireSealed(encrypted: boolean, sealed: boolean): void {
  if (!encrypted || sealed) return;
  throw new ServerError(
    'channel/not-sealed',
    'encrypted: expected the request through a channel that ends inside the enclave, got plain HTTP; send it over OHTTP or EHBP, or leave encrypted out',
  );
}

function namedSources({ contract_code, contracts, sources }: ProjectMembers): Sources {
  if (contract_code !== undefined) return { 'Contract.sol': contract_code };
  if (sources !== undefined) return sources;
  const named: Record<string, string> = {};
  for (const { name, code } of contracts ?? []) {
    const path = name.endsWith('.sol') || name.includes('/') ? name : `${name}.sol`;
    if (Object.hasOwn(named, path))
      throw new ServerError(
        'task/bad-input',
        `contracts: expected each name once, got ${JSON.stringify(name.slice(0, 80))} twice; rename one`,
      );
    named[path] = code;
  }
  return named;
}

function settingsOf(request: ProjectMembers, remappings: readonly string[]): BuildSettings {
  return {
    optimizer: request.optimizer,
    runs: request.optimizer_runs,
    evmVersion: request.evm_version,
    viaIR: request.via_ir,
    bytecodeHash: request.metadata?.bytecode_hash,
    appendCBOR: request.metadata?.append_cbor,
    useLiteralContent: request.metadata?.use_literal_content,
    remappings: parseRemappings(remappings).map(remappingText),
    libraries: request.libraries,
  };
}

function bytesOf(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch (cause) {
    throw new ServerError(
      'task/bad-input',
      'archive_base64: expected padded base64, got something else; encode the bytes again',
      { cause },
    );
  }
}
