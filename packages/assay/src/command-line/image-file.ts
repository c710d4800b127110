/** Reads what `assay measure` is given: tells the kinds of image apart and gathers what each needs. */

import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { firstCharacter } from '@assay/encoding/bytes';
import {
  isFirmware,
  MAX_EIF_BYTES,
  type Measured,
  measureCompose,
  measureEif,
  measureSigstruct,
  measureSnp,
  measureTdx,
} from '@assay/reference-values';
import { sha384 } from '@noble/hashes/sha2.js';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import { notAnImage } from './not-an-image.ts';
import { choiceOption, hexOption } from './options.ts';
import { measuredRoot } from './root-filesystem.ts';
import { MAX_SETTING_BYTES, readFileOf } from './subject.ts';

export interface ImageFlags {
  readonly tee?: string;
  readonly processors?: string;
  readonly cpu?: string;
  readonly hypervisor?: string;
  readonly guestFeatures?: string;
  readonly memory?: string;
  readonly pageOrder?: string;
  readonly acpiTables?: string;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly roleArn?: string;
  readonly instanceId?: string;
  readonly allowFloatingImages?: boolean;
}

/** Longest kernel or initrd, bytes. */
const MAX_BOOT_BYTES = 512 * 1024 * 1024;
const SIGSTRUCT_BYTES = 1808;
const TEES = ['sev-snp', 'tdx'] as const;
const HYPERVISORS = ['qemu', 'ec2', 'gce'] as const;
const PAGE_ORDERS = ['page', 'section'] as const;
const UNITS: Readonly<Record<string, number>> = { M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** @throws {CliError} `cli/not-an-image`, `cli/bad-option`, `cli/file-unreadable`, `cli/input-too-large`; {@link ReferenceValuesError} of the kind of image. */
export async function measuredImage(path: string, flags: ImageFlags, io: Io): Promise<Measured> {
  const found = await stat(resolve(io.cwd, path)).catch(() => null);
  if (found?.isDirectory()) return measuredRoot(path, io);
  const file = await readFileOf(io, path, MAX_EIF_BYTES);
  const [first, second, third, fourth] = file;
  if (first === 0x2e && second === 0x65 && third === 0x69 && fourth === 0x66)
    return measureEif(file, { roleArn: flags.roleArn, instanceId: flags.instanceId });
  if (file.length === SIGSTRUCT_BYTES) return measureSigstruct(file);
  if (isApplication(file)) return measureCompose(file, { allowFloatingImages: flags.allowFloatingImages });
  if (!isFirmware(file)) throw notAnImage(path, file);
  const tee = teeOf(flags);
  return tee === 'sev-snp' ? snpImage(file, flags, io) : tdxImage(file, flags, io);
}

/** JSON, whole or broken, with a member that only dstack's application file has. */
function isApplication(file: Uint8Array): boolean {
  if (file.length === 0 || firstCharacter(file) !== 0x7b) return false;
  return /"(?:manifest_version|docker_compose_file|runner)"\s*:/.test(
    new TextDecoder().decode(file.subarray(0, MAX_SETTING_BYTES)),
  );
}

function teeOf({ tee, processors, memory }: ImageFlags): 'sev-snp' | 'tdx' {
  if (tee !== undefined) return choiceOption('tee', tee, TEES);
  if ((processors === undefined) !== (memory === undefined)) return memory === undefined ? 'sev-snp' : 'tdx';
  throw new CliError('cli/bad-option', '--tee: expected what the firmware starts, got nothing; name sev-snp or tdx');
}

async function snpImage(firmware: Uint8Array, flags: ImageFlags, io: Io): Promise<Measured> {
  const kernel = await optionalFile(io, flags.kernel);
  if (kernel === undefined && (flags.initrd !== undefined || flags.append !== undefined))
    throw new CliError('cli/bad-option', '--kernel: expected a kernel for this initrd or command line, got none; name it');
  const initrd = await optionalFile(io, flags.initrd);
  const { hypervisor, guestFeatures } = flags;
  return measureSnp(firmware, {
    processors: wholeNumber('processors', flags.processors),
    cpuType: required('cpu', flags.cpu, 'EPYC-Milan'),
    hypervisor: hypervisor === undefined ? undefined : choiceOption('hypervisor', hypervisor, HYPERVISORS),
    guestFeatures: guestFeatures === undefined ? undefined : featuresOption(guestFeatures),
    boot: kernel === undefined ? undefined : { kernel, initrd, cmdline: flags.append },
  });
}

async function tdxImage(firmware: Uint8Array, flags: ImageFlags, io: Io): Promise<Measured> {
  const [kernel, initrd] = [await optionalFile(io, flags.kernel), await optionalFile(io, flags.initrd)];
  const { append: cmdline, pageOrder, acpiTables } = flags;
  const parts = [kernel, initrd, cmdline].filter((part) => part !== undefined).length;
  if (parts !== 0 && parts !== 3)
    throw new CliError('cli/bad-option', '--kernel, --initrd, --append: expected all three or none; name the others as well');
  return measureTdx(firmware, {
    memory: memoryOption(required('memory', flags.memory, '8G')),
    pageOrder: pageOrder === undefined ? undefined : choiceOption('page-order', pageOrder, PAGE_ORDERS),
    boot: kernel === undefined || initrd === undefined || cmdline === undefined ? undefined : { kernel, initrd, cmdline },
    acpi: acpiTables === undefined ? undefined : await acpiDigests(acpiTables, io),
  });
}

async function acpiDigests(folder: string, io: Io) {
  const names = new Set(await readdir(resolve(io.cwd, folder)).catch((): readonly string[] => []));
  const digest = async (name: string): Promise<Uint8Array> => {
    if (!names.has(name))
      throw new CliError('cli/bad-option', `--acpi-tables: expected ${name} in ${folder}, got none; put the three files there`);
    return sha384(await readFileOf(io, join(folder, name), MAX_BOOT_BYTES));
  };
  return { loader: await digest('table-loader'), rsdp: await digest('rsdp'), tables: await digest('tables') };
}

async function optionalFile(io: Io, path: string | undefined): Promise<Uint8Array | undefined> {
  return path === undefined ? undefined : readFileOf(io, path, MAX_BOOT_BYTES);
}

function required(name: string, value: string | undefined, example: string): string {
  if (value !== undefined) return value;
  throw new CliError('cli/bad-option', `--${name}: expected a value, got none; write --${name} ${example}`);
}

function wholeNumber(name: string, value: string | undefined): number {
  const text = required(name, value, '4');
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new CliError('cli/bad-option', `--${name}: expected a number, got ${JSON.stringify(text.slice(0, 40))}; write 4`);
}

function featuresOption(value: string): bigint {
  const digits = hexOption('guest-features', value.length % 2 === 0 ? value : value.replace(/^(0x)?/i, '$10'));
  if (digits.length <= 16) return BigInt(`0x${digits}`);
  throw new CliError('cli/bad-option', '--guest-features: expected at most 64 bits, got more; write 0x1');
}

function memoryOption(value: string): number {
  const [, digits, unit] = /^([1-9]\d{0,12})([MGT])$/.exec(value) ?? [];
  if (digits !== undefined && unit !== undefined) return Number(digits) * (UNITS[unit] as number);
  throw new CliError('cli/bad-option', `--memory: expected a size, got ${JSON.stringify(value.slice(0, 40))}; write 8G`);
}
