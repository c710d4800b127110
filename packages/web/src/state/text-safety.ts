/** Text that came from programs and file names, made safe to look at: what is invisible becomes visible, what turns text around is shown. */

import { visibleText } from '@assay/encoding/visible-text';

export { visibleText as printable } from '@assay/encoding/visible-text';

/** The last part of a path, as a name to save under. */
export function fileNameOf(path: string): string {
  const name = visibleText(path.split('/').at(-1) ?? '').replaceAll(/["*/:<>?\\|]/g, '_');
  return name === '' || name === '.' || name === '..' ? 'file' : name;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB'] as const;

/** @example sizeOf(491_400_064) // 491 MB */
export function sizeOf(bytes: number): string {
  if (bytes === 1) return '1 byte';
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
