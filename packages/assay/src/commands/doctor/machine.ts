/** What the doctor finds out about the machine: its TEE, the tools that the agent's features need, and which guarantees follow. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Config, TeeSurvey } from '@assay/agent';
import type { Finding } from './finding.ts';
import { liesOnOpenDisk, secrets } from './secrets.ts';

/** A program that something needs, and the Debian package that brings it. */
interface Tool {
  readonly name: string;
  readonly serves: string;
  readonly get: string;
}

const TOOLS: readonly Tool[] = [
  { name: 'bwrap', serves: 'the strongest sandbox', get: 'apt install bubblewrap' },
  { name: 'prlimit', serves: 'limits of native sandboxes', get: 'apt install util-linux' },
  { name: 'setpriv', serves: 'limits of native sandboxes', get: 'apt install util-linux' },
  { name: 'python3', serves: 'Python at native speed', get: 'apt install python3' },
];

/** A device that is here while its TEE does not answer: what stands in between. */
const HALF_WAY: readonly { readonly device: string; readonly what: string; readonly detail: string }[] = [
  {
    device: '/dev/nitro_enclaves',
    what: 'enclaves',
    detail: 'this is a parent instance: an enclave can run here, the agent belongs into it; see deploy/nitro',
  },
  {
    device: '/dev/tdx_guest',
    what: 'TDX',
    detail:
      'a TDX guest whose kernel offers no configfs-tsm; use Linux 6.7 or later, then mount -t configfs none /sys/kernel/config',
  },
  {
    device: '/dev/sev-guest',
    what: 'SEV-SNP',
    detail:
      'an SNP guest whose kernel offers no configfs-tsm; use Linux 6.7 or later, then mount -t configfs none /sys/kernel/config',
  },
  { device: '/dev/sgx_enclave', what: 'SGX', detail: 'SGX is here, the agent does not run in it; see deploy/gramine' },
];

type ProgramSearch = Pick<typeof import('@assay/agent'), 'findProgram' | 'searchPath'>;

/** What the machine shows; replaced in tests. */
export interface Machine {
  readonly exists: (path: string) => boolean;
  /** Path of a program, or `null`. */
  readonly find: (program: string) => string | null;
  readonly read: (path: string) => Promise<Uint8Array>;
}

/** The machine that runs this; programs are found where the sandboxes of the agent find them. */
export function thisMachine({ findProgram, searchPath }: ProgramSearch, path: string | undefined): Machine {
  const directories = searchPath(path);
  return {
    exists: existsSync,
    find: (program) => findProgram(program, directories),
    read: async (path) => new Uint8Array(await readFile(path)),
  };
}

/** @example findings.push(...(await machineFindings(survey, config, thisMachine(await import('@assay/agent'), io.env.PATH)))) */
export async function machineFindings(survey: TeeSurvey, config: Config, machine: Machine): Promise<readonly Finding[]> {
  const halfWay = survey.kind === 'hardware' ? [] : HALF_WAY.filter(({ device }) => machine.exists(device));
  return [
    tee(survey),
    ...survey.absent
      .filter(({ name }) => name !== 'vendor' && name !== 'tappd')
      .map(({ name, needs }): Finding => ({ what: `no ${name}`, standing: 'warning', detail: needs })),
    ...halfWay.map(({ what, detail }): Finding => ({ what, standing: 'warning', detail })),
    await gpus(survey, config, machine),
    await secrets(survey, config, machine),
    ...missingTools(machine),
    guarantees(survey, config),
  ];
}

function tee({ kind, detail }: TeeSurvey): Finding {
  const what = 'TEE';
  switch (kind) {
    case 'hardware':
      return { what, standing: 'ok', detail: `${detail}: took evidence, and it is whole` };
    case 'vendor':
      return { what, standing: 'warning', detail: `${detail}: signed promises, no hardware` };
    case 'failing':
      return { what, standing: 'problem', detail };
    case 'simulated':
      return { what, standing: 'warning', detail: `${detail}: SIMULATED, because the settings name it` };
    case 'none':
      return {
        what,
        standing: 'warning',
        detail: 'none here; the agent would attest with the simulator, which proves nothing',
      };
  }
}

async function gpus({ kind }: TeeSurvey, { gpuEvidence }: Config, machine: Machine): Promise<Finding> {
  const tool = machine.find('nvattest');
  const what = 'GPUs';
  if (gpuEvidence === 'off') return { what, standing: 'ok', detail: 'attest nothing, because ASSAY_GPU_EVIDENCE=off' };
  if (tool !== null && kind === 'hardware')
    return { what, standing: 'ok', detail: `${tool} gives their evidence, for the statement that the CPU quotes` };
  if (tool === null && machine.exists('/dev/nvidiactl'))
    return { what, standing: 'warning', detail: "NVIDIA GPUs are here; install NVIDIA's nvattest so that they attest as well" };
  return { what, standing: gpuEvidence === 'required' ? 'problem' : 'ok', detail: 'none that could attest' };
}

function missingTools(machine: Machine): readonly Finding[] {
  return TOOLS.filter(({ name }) => machine.find(name) === null).map(({ name, serves, get }) => ({
    what: name,
    standing: 'warning',
    detail: `missing, for ${serves}: ${get}`,
  }));
}

/** What a client of this agent may conclude, in one line. */
function guarantees(survey: TeeSurvey, config: Config): Finding {
  const { kind, detail } = survey;
  const what = 'guarantees';
  const secrecy = liesOnOpenDisk(survey) ? '' : ', that nothing outside reads what is sealed to it,';
  const upstream = config.verifiedUpstreamsOnly
    ? 'prompts go to attested models only'
    : 'a model elsewhere sees prompts in clear (ASSAY_UPSTREAMS=verified forbids it)';
  switch (kind) {
    case 'hardware':
      return {
        what,
        standing: 'ok',
        detail: `clients can verify that this code runs in ${detail}${secrecy} and what it did; ${upstream}`,
      };
    case 'vendor':
      return { what, standing: 'warning', detail: `clients learn that a key of the vendor signed a promise; ${upstream}` };
    case 'failing':
      return { what, standing: 'problem', detail: 'none: the agent does not start until the TEE answers' };
    case 'simulated':
    case 'none':
      return {
        what,
        standing: 'warning',
        detail: 'for development only: receipts are signed and logged, no hardware stands behind them',
      };
  }
}
