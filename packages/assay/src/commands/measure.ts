/** `assay measure`: what evidence of an image should say, computed from the image, without hardware. */

import { STRICT_POLICY } from '@assay/attestation';
import { type Comparison, compareMeasured, isVersion, type Measured, ruleOf, statementOf } from '@assay/reference-values';
import type { Command } from 'commander';
import { authenticClaims } from '../command-line/authentic-claims.ts';
import type { Finish } from '../command-line/command.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import { type ImageFlags, measuredImage } from '../command-line/image-file.ts';
import type { Io } from '../command-line/io.ts';
import { hexLines, valueTable, wrapped } from '../command-line/layout.ts';
import { append, choiceOption, instantOption } from '../command-line/options.ts';
import { jsonText, printable, type Style, styleOf } from '../command-line/output.ts';
import { terminalHint } from '../command-line/terminal-hint.ts';

interface MeasureFlags extends ImageFlags {
  readonly format?: string;
  readonly json?: boolean;
  readonly release?: string;
  readonly floor?: string;
  readonly compare?: string;
  readonly collateral?: readonly string[];
  readonly at?: string;
  readonly simulatedRoot?: string;
  readonly root?: readonly string[];
}

const PINNING =
  'the same call with --format policy > policy.json writes a policy of these values, and assay verify EVIDENCE --policy policy.json demands them';

const FORMATS = ['text', 'policy', 'statement', 'json'] as const;

/** Where values of a comparison begin. */
const VALUE_INDENT = 16;

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument(
      '<file>',
      'EIF, firmware (OVMF.fd), SIGSTRUCT (.sig), app-compose.json, or the unpacked root filesystem of an image',
    )
    .option('--tee <kind>', 'what the firmware starts: sev-snp or tdx')
    .option('--processors <n>', 'SEV-SNP: number of virtual processors')
    .option('--cpu <type>', 'SEV-SNP: processor type as QEMU names it, or its CPUID signature in hex')
    .option('--hypervisor <name>', 'SEV-SNP: qemu, ec2 or gce')
    .option('--guest-features <hex>', 'SEV-SNP: SEV_FEATURES of the guest; 1 when left out')
    .option('--memory <size>', 'TDX: memory of the machine, such as 8G')
    .option('--page-order <order>', 'TDX: page (QEMU from 9.0 on) or section (QEMU 8)')
    .option('--acpi-tables <folder>', "TDX: files table-loader, rsdp and tables, as QEMU's fw_cfg holds them; for RTMR0")
    .option('--kernel <file>', 'a kernel that the hypervisor boots directly')
    .option('--initrd <file>', 'its initrd')
    .option('--append <text>', 'its command line')
    .option('--role-arn <arn>', 'Nitro: IAM role of the parent instance, for PCR3')
    .option('--instance-id <id>', 'Nitro: the parent instance, for PCR4')
    .option('--allow-floating-images', 'dstack: accept images named by tag alone, which may be others tomorrow')
    .option('--format <name>', `${FORMATS.join(', ')}: a table, a policy, an in-toto statement, everything`)
    .option('--release <version>', 'of a statement: the version that this image is')
    .option('--floor <version>', 'of a statement: the lowest version that may still run')
    .option('--json', 'the same as --format json')
    .option('--compare <evidence>', 'verify this evidence, or a bundle or report with it, then show what differs')
    .option('--collateral <path>', 'companion file or folder of that evidence; repeatable', append)
    .option('--at <time>', 'verify at this RFC 3339 instant instead of now')
    .option('--simulated-root <file>', 'root of a simulator')
    .option('--root <file>', 'trust this root as well; repeatable', append)
    .action(async (file: string, flags: MeasureFlags) => finish(await measure(file, flags, io)));
}

async function measure(file: string, flags: MeasureFlags, io: Io): Promise<ExitCode> {
  const format = flags.json === true ? 'json' : choiceOption('format', flags.format ?? 'text', FORMATS);
  const measured = await measuredImage(file, flags, io);
  const comparison = flags.compare === undefined ? null : await compared(measured, flags.compare, flags, io);
  switch (format) {
    case 'json':
      io.stdout(jsonText({ ...measured, ...(comparison === null ? {} : { comparison }) }));
      break;
    case 'policy':
      io.stdout(jsonText(policyOf(measured)));
      break;
    case 'statement':
      io.stdout(jsonText(statementOf(measured, releaseOf(flags))));
      break;
    case 'text':
      io.stdout(comparison === null ? text(measured, io) : differences(comparison, io));
      if (comparison === null) terminalHint(PINNING, io);
  }
  const agrees = comparison?.every(({ outcome }) => outcome === 'equal' || outcome === 'not-computed') ?? true;
  return agrees ? EXIT.accepted : EXIT.no;
}

function releaseOf({ release, floor }: MeasureFlags): {
  readonly version?: string | undefined;
  readonly minimumVersion?: string | undefined;
} {
  for (const [name, value] of [
    ['release', release],
    ['floor', floor],
  ] as const)
    if (value !== undefined && !isVersion(value))
      throw new CliError(
        'cli/bad-option',
        `--${name}: expected three numbers, got ${JSON.stringify(String(value).slice(0, 40))}; write 1.2.3`,
      );
  if (floor !== undefined && release === undefined)
    throw new CliError('cli/bad-option', '--floor: expected a version of this image as well, got none; name it with --release');
  return { version: release, minimumVersion: floor };
}

/** The strict preset, for this image alone. */
function policyOf(measured: Measured): unknown {
  const { refusedProducts: _, ...strict } = STRICT_POLICY;
  return {
    ...strict,
    name: 'measured',
    description: `Accepts ${measured.type} evidence of one measured image. Review before use.`,
    types: [measured.type],
    measurements: [ruleOf(measured)],
  };
}

async function compared(measured: Measured, evidence: string, flags: MeasureFlags, io: Io): Promise<readonly Comparison[]> {
  const now = flags.at === undefined ? io.now() : instantOption('at', flags.at);
  const { claims } = await authenticClaims(evidence, now, flags, io);
  return compareMeasured(measured, claims.measurements as Readonly<Record<string, string | undefined>>);
}

function text({ type, values, facts, inputs, notComputed }: Measured, io: Io): string {
  const style = styleOf(io);
  const rows = (pairs: Readonly<Record<string, string>>): string =>
    valueTable(
      Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, printable(value, { full: true })])),
      io.columns,
    );
  const open = notComputed
    .map(({ name, reason }) => wrapped(`  ${style.open('·')} ${name} not computed: ${reason}`, io.columns, 4))
    .join('');
  const sources = Object.fromEntries(Object.entries(inputs).map(([name, digest]) => [name, `sha256:${digest}`]));
  return `${style.strong(`what ${type} evidence of this image shows`)}\n${rows(values)}${open}\n${rows({ ...facts, ...sources })}`;
}

function differences(comparison: readonly Comparison[], io: Io): string {
  const style = styleOf(io);
  return comparison.map((row) => differenceLines(row, style, io.columns)).join('');
}

function differenceLines(row: Comparison, style: Style, columns: number | null): string {
  const line = (start: string, value: string): string => {
    const lines = hexLines(value, columns === null ? null : columns - VALUE_INDENT);
    return `${start}${lines.join(`\n${' '.repeat(VALUE_INDENT)}`)}\n`;
  };
  switch (row.outcome) {
    case 'equal':
      return line(`  ${style.good('✓')} ${row.name}  `, row.expected);
    case 'different':
      return `  ${style.bad('✗')} ${row.name}\n${line('      image     ', row.expected)}${line('      evidence  ', printable(row.actual, { full: true }))}`;
    case 'absent':
      return `  ${style.bad('✗')} ${row.name}\n${line('      image     ', row.expected)}      evidence  has no ${row.name}\n`;
    case 'not-computed':
      return wrapped(`  ${style.open('·')} ${row.name}  not computed: ${row.reason}`, columns, 6);
  }
}
