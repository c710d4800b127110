/** `make measure`: prints what a verifier pins of an image that was built here, and how. Usage: npm run image:measure -- --help */

import { resolve } from 'node:path';
import { endWithFailure } from '../tools/program-failure.ts';
import { programOptions } from '../tools/program-options.ts';
import { DEFAULT_OUT } from './build-options.ts';
import { whatToPin } from './what-to-pin.ts';

const { positionals } = programOptions({
  call: 'npm run image:measure',
  does: 'Prints the values that a verifier pins of an image, computed from its files, and the commands that pin them.',
  options: {},
  arguments: [{ name: 'DIR', about: 'the image; left out: build/image' }],
});
try {
  console.log(whatToPin(resolve(positionals[0] ?? DEFAULT_OUT)));
} catch (error) {
  endWithFailure(error);
}
