/** `attested_build`: compiles Solidity inside the TEE and gives back bytecode, hashes and what attests them (spec/contract-build.md). */

import { buildHash, contractArtifacts, manifestText } from '@assay/contracts';
import { canonicalJson } from '@assay/encoding/json';
import { z } from 'zod';
import { recordBuild } from '../build-record.ts';
import { compileFailure, compileProject } from '../compile-project.ts';
import { compileMembers, limitMembers, readProject, requireSealed, sourceMembers } from '../contract-project.ts';
import { keepFile } from '../kept-file.ts';
import { attestResult, resultAttestationSchema } from '../result-attestation.ts';
import type { Task, TaskContext, TaskResult } from '../task.ts';

/** Seconds, as the seed has them. */
const TIMEOUT_SECONDS = 120;

const input = z.object({
  type: z.literal('attested_build'),
  ...sourceMembers,
  ...compileMembers,
  ...limitMembers(TIMEOUT_SECONDS),
});

const resultSchema = z
  .object({
    artifacts: z.record(z.string(), z.object({ bytecode: z.string(), hash: z.string() })),
    buildHash: z.string().describe('SHA-256 of the manifest, hex'),
    attestationQuote: resultAttestationSchema,
    solcVersion: z.string(),
    timestamp: z.string(),
  })
  .nullable();

const answer = z.object({
  result: resultSchema.describe("what was built, in the origin's shape; null when the sources do not compile"),
  build: z.record(z.string(), z.unknown()).nullable().describe('the manifest, spec/contract-build.md'),
  messages: z.array(z.object({ severity: z.string(), message: z.string() })).describe("the compiler's errors and warnings"),
});

type Answer = z.infer<typeof answer>;

export const attestedBuild: Task<z.infer<typeof input>, Answer> = {
  type: 'attested_build',
  summary: 'Compiles Solidity contracts; the result can be rebuilt and compared by anyone.',
  needs: [],
  input,
  answer,
  run,
};

const MOST_MESSAGES = 50;

async function run(task: z.infer<typeof input>, context: TaskContext): Promise<TaskResult<Answer>> {
  const { ports } = context;
  requireSealed(task.encrypted, context.sealed);
  const project = readProject(task);
  const compilation = await compileProject(project, Math.round(task.timeout * 1000), context);
  if (compilation.kind === 'failed') {
    const messages = compilation.errors.slice(0, MOST_MESSAGES).map(shownMessage);
    return { ending: compileFailure(compilation), answer: { result: null, build: null, messages } };
  }
  const { release, output, manifest } = compilation;
  const hash = buildHash(manifest);
  const artifacts = contractArtifacts(output);
  const json = 'application/json';
  const { language, sources, settings } = project.input;
  const contents = Object.fromEntries(Object.entries(sources).map(([name, content]) => [name, { content }]));
  const files = [
    keepFile(context, '/build/manifest.json', json, manifestText(manifest)),
    keepFile(context, '/build/input.json', json, canonicalJson({ language, sources: contents, settings })),
    keepFile(context, '/build/contracts.json', json, canonicalJson(artifacts)),
  ];
  files.push(await recordBuild(context, compilation, task.packages ?? []));
  const built = manifest.contracts.filter(({ creation }) => creation !== null).length;
  return {
    ending: { status: 'succeeded', message: `Built ${built} contract${built === 1 ? '' : 's'} with solc ${release.version}` },
    answer: {
      result: {
        artifacts: Object.fromEntries(
          Object.entries(artifacts)
            .filter(([, { bytecode }]) => bytecode !== '0x')
            .map(([name, { bytecode, hash: codeHash }]) => [name, { bytecode, hash: codeHash }]),
        ),
        buildHash: hash.slice('sha256:'.length),
        attestationQuote: await attestResult(context, hash),
        solcVersion: release.version,
        timestamp: new Date(ports.clock.now()).toISOString(),
      },
      build: JSON.parse(manifestText(manifest)) as Record<string, unknown>,
      messages: output.messages.slice(0, MOST_MESSAGES).map(shownMessage),
    },
    artifacts: files.map(({ artifact }) => artifact),
  };
}

function shownMessage({ severity, formatted }: { readonly severity: string; readonly formatted: string }) {
  return { severity, message: formatted.slice(0, 4000) };
}
