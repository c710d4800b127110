/** What `npm run image` takes. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type OptionValues, programOptions, refuseCall } from '../tools/program-options.ts';

export const CHECKOUT = resolve(import.meta.dirname, '..');
export const DEFAULT_OUT = join(CHECKOUT, 'build/image');
const CACHE = 'node_modules/.cache/assay-image';

const PROGRAM = {
  call: 'npm run image',
  does: `Builds the images of the agent, without a container engine. docs/deploy.md says what it writes.`,
  options: {
    out: { takes: 'DIR', about: `new, empty, or an older image, which is replaced; left out: build/image` },
    'image-name': { takes: 'NAME', about: 'registry and name of the image; writes app-compose.json for dstack' },
    blobs: { takes: 'DIR', about: "kernel and init of AWS's Nitro CLI (/usr/share/nitro_enclaves/blobs); writes assay.eif" },
    settings: { takes: 'FILE', about: 'lines NAME=value that go into the image (docs/settings.md)' },
    files: { takes: 'DIR', about: 'its files go into /etc/assay of the image' },
    programs: { takes: 'DIR', about: "programs for an enclave's network (deploy/nitro/Makefile)" },
    floor: {
      takes: 'VERSION',
      about: 'lowest version that may still run; stands in the statements, so it needs --blobs or --image-name',
    },
    cache: { takes: 'DIR', about: `of packages that were fetched; left out: ${CACHE}` },
  },
} as const;

/** `out` and `cache` always have a value. */
export type BuildOptions = Omit<OptionValues<typeof PROGRAM.options>, 'out' | 'cache'> & {
  readonly out: string;
  readonly cache: string;
};

/** The options of this process; ends it for `--help` (0), and for a call that does not fit (2). */
export function buildOptions(): BuildOptions {
  const { values } = programOptions(PROGRAM);
  if (values.floor !== undefined && values.blobs === undefined && values['image-name'] === undefined)
    refuseCall(
      PROGRAM,
      "expected --blobs or --image-name next to --floor, for a floor stands in a platform's statement, got neither",
    );
  for (const name of ['blobs', 'settings', 'files', 'programs'] as const) refuseAbsent(name, values[name]);
  return { ...values, out: values.out ?? DEFAULT_OUT, cache: values.cache ?? join(CHECKOUT, CACHE) };
}

/** Now, and not after minutes of building. */
function refuseAbsent(name: keyof typeof PROGRAM.options, path: string | undefined): void {
  if (path === undefined || existsSync(path)) return;
  refuseCall(PROGRAM, `expected ${PROGRAM.options[name].takes} of --${name} to be there, got ${path}, which is not`);
}
