/** `assay check-contract`: whether the code at an address is that of an attested build, and the signed summary of its audit. */

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type MatchLevel, ruleText } from '@assay/contracts';
import { decodeHex } from '@assay/encoding/hex';
import { type Command, Option } from 'commander';
import type { Finish } from '../command-line/command.ts';
import { type AttestedBuild, attestedBuildIn } from '../command-line/contract-check/attested-build.ts';
import { signedSummary, summaryOf } from '../command-line/contract-check/audit-summary.ts';
import { blockOf, type ChainBlock } from '../command-line/contract-check/chain-code.ts';
import { type ContractCheck, checkContract } from '../command-line/contract-check/check.ts';
import type { CheckedLibrary } from '../command-line/contract-check/compare.ts';
import { reaches } from '../command-line/contract-check/levels.ts';
import { recompile } from '../command-line/contract-check/recompile.ts';
import { ChainRpc } from '../command-line/contract-check/rpc.ts';
import { CliError } from '../command-line/errors.ts';
import { EXIT, type ExitCode } from '../command-line/exit-codes.ts';
import type { Io } from '../command-line/io.ts';
import { addressOption, append, hexOption, policyOption, trustOption } from '../command-line/options.ts';
import { jsonText, printable, styleOf } from '../command-line/output.ts';
import { ownerKeys } from '../command-line/owner-keys.ts';
import { readSubject } from '../command-line/subject.ts';
import { printVerdict } from '../command-line/verdict.ts';
import { verifyBundle } from '../index.ts';

interface CheckFlags {
  readonly rpc: string;
  readonly address: string;
  readonly contract?: string;
  readonly blockHash?: string;
  readonly creationTx?: string;
  readonly args?: string;
  readonly uncheckedLibrary?: readonly string[];
  readonly uncheckedProxy?: boolean;
  readonly atLeast: MatchLevel;
  readonly summary?: string;
  readonly chainId?: string;
  readonly keyFile?: string;
  readonly auditUri?: string;
  readonly policy?: string;
  readonly simulatedRoot?: string;
  readonly json?: boolean;
}

export function configure(command: Command, io: Io, finish: Finish): void {
  command
    .argument('<bundle>', 'bundle of assay build or assay audit: file, URL, or - for standard input')
    .requiredOption('--rpc <url>', "JSON-RPC of the contract's chain")
    .requiredOption('--address <0x…>', 'the contract; of a proxy, its own code and its implementation are checked')
    .option('--contract <name>', 'only this one of the build, Token or src/Token.sol:Token')
    .option('--block-hash <0x…>', 'ask at this block, and have code and proxy slots proven under its hash')
    .option('--creation-tx <0x…>', 'the transaction that made the contract: its constructor is run again')
    .option('--args <0x…>', "the constructor's arguments, where the transaction is not known")
    .option('--unchecked-library <source:name>', 'a linked library whose code may be any; repeatable', append)
    .option('--unchecked-proxy', 'the code of a proxy or beacon itself may be any')
    .addOption(new Option('--at-least <level>', 'what counts as yes').choices(['identical', 'exact', 'match']).default('match'))
    .option('--summary <file>', 'write an ERC-7512 summary of the audit for this address, signed; only at exact or better')
    .option('--chain-id <number>', 'with --summary: the chain that is meant')
    .option('--key-file <file>', "with --summary: the signer's private key, hex; or ASSAY_OWNER_KEY")
    .option('--audit-uri <uri>', 'with --summary: where the bundle can be had')
    .option('--policy <file|preset>', 'policy file, or strict, moderate, relaxed')
    .option('--simulated-root <file>', "accept a simulator's evidence under this root")
    .option('--json', 'machine-readable result')
    .action(async (bundle: string, flags: CheckFlags) => finish(await check(bundle, flags, io)));
}

async function check(subject: string, flags: CheckFlags, io: Io): Promise<ExitCode> {
  const verdict = await verifyBundle(await readSubject(io, subject), {
    now: io.now(),
    policy: await policyOption(io, flags.policy),
    trust: await trustOption(io, flags),
  });
  if (verdict.outcome !== 'accepted') return printVerdict(verdict, io, { json: flags.json === true, verbose: false });
  const build = attestedBuildIn(verdict.receipts);
  const address = `0x${hexOption('address', flags.address)}`;
  if (address.length !== 42)
    throw new CliError(
      'cli/bad-option',
      `--address: expected 20 bytes of hex, got ${(address.length - 2) / 2}; give a contract's address`,
    );
  const rpc = new ChainRpc(addressOption('--rpc', flags.rpc), { fetch: io.fetch, signal: io.signal });
  const block = await blockOf(rpc, flags.blockHash === undefined ? null : `0x${hexOption('block-hash', flags.blockHash)}`);
  let again: Promise<ReadonlyMap<string, Uint8Array> | null> | null = null;
  const found = await checkContract(address, {
    ...{ rpc, block, build, contract: flags.contract ?? null },
    uncheckedLibraries: flags.uncheckedLibrary ?? [],
    uncheckedProxy: flags.uncheckedProxy === true,
    recompiled: () => (again ??= recompile(build, io)),
    deployment: {
      transaction: flags.creationTx === undefined ? null : `0x${hexOption('creation-tx', flags.creationTx)}`,
      arguments:
        flags.args === undefined ? null : flags.args === '0x' ? new Uint8Array(0) : decodeHex(hexOption('args', flags.args)),
    },
  });
  const { simulated } = verdict;
  if (flags.summary !== undefined) await writeSummary(flags.summary, { flags, found, build, rpc, block, simulated }, io);
  const yes = reaches(found.level, flags.atLeast);
  if (flags.json === true)
    io.stdout(jsonText({ ...found, yes, block, buildHash: build.buildHash, audit: build.audit, simulated }));
  else present(found, { yes, build, block, simulated }, io);
  if (yes) return EXIT.accepted;
  return found.undecided ? EXIT.undecided : EXIT.no;
}

interface Checked {
  readonly flags: CheckFlags;
  readonly found: ContractCheck;
  readonly build: AttestedBuild;
  readonly rpc: ChainRpc;
  readonly block: ChainBlock;
  readonly simulated: boolean;
}

/** Signs and writes the summary, or says why there is none. */
async function writeSummary(file: string, checked: Checked, io: Io): Promise<void> {
  const { flags, found, build, rpc, block, simulated } = checked;
  const { chainId = '', keyFile, auditUri } = flags;
  if (!/^[1-9][0-9]{0,14}$/.test(chainId))
    throw new CliError(
      'cli/bad-option',
      `--chain-id: expected the number of the chain, got ${JSON.stringify(chainId)}; write 1`,
    );
  const typedData = await summaryOf(found, { build, rpc, chainId: Number(chainId), auditUri, simulated });
  const keys = await ownerKeys(keyFile === undefined ? [] : [keyFile], io);
  const { bytesOf, recoverSigner, signDigest, typedDataHash } = await import('@assay/operator');
  const digest = typedDataHash(typedData);
  const signature = signDigest(bytesOf(digest), keys[0] as Uint8Array);
  for (const key of keys) key.fill(0);
  const signedAt = Math.floor(io.now() / 1000);
  const summary = signedSummary(typedData, {
    signature,
    signer: recoverSigner(digest, signature),
    signedAt,
    found,
    build,
    block,
    simulated,
  });
  try {
    await writeFile(resolve(io.cwd, file), jsonText(summary));
  } catch (cause) {
    throw new CliError('cli/file-unwritable', `${file}: cannot be written; check the path`, { cause });
  }
  io.stderr(`${file}: audit summary for chain ${chainId}, signed by ${summary.signer}\n`);
}

interface Presented {
  readonly yes: boolean;
  readonly build: AttestedBuild;
  readonly block: ChainBlock;
  readonly simulated: boolean;
}

function present(found: ContractCheck, { yes, build, block, simulated }: Presented, io: Io): void {
  const style = styleOf(io);
  const line = (word: string, text: string): void => io.stdout(`${word.padEnd(9)} ${printable(text, { full: true })}\n`);
  io.stdout(
    `${(yes ? style.good : style.bad)(found.level)}${simulated ? style.open(' (SIMULATED)') : ''}  ${printable(found.contract)} at ${found.address}\n`,
  );
  for (const { kind, target } of found.proxies) line('leads', `${kind} to ${target}`);
  for (const { role, checked, counts } of found.parts)
    line(
      role,
      `${checked.contract} at ${checked.address}: ${checked.level}${counts ? '' : ', which does not count, as asked'}`,
    );
  for (const { name, type, value } of found.immutables) line('immutable', `${type} ${name} = ${value}`);
  for (const { name, type, value } of found.arguments ?? []) line('argument', `${type} ${name} = ${value}`);
  for (const each of found.libraries) line('library', `${each.library} at ${each.address}: ${wordOf(each)}`);
  if (found.difference !== null) {
    const { offset, reason, subject, place } = found.difference;
    const at = place === null ? '' : `, ${place.source}:${place.line}`;
    line('differs', `at byte ${offset}${at}: ${reason.replaceAll('-', ' ')}${subject === '' ? '' : ` ${subject}`}`);
  }
  line('code', `${found.codeHash}, ${found.own} by itself`);
  line(
    'block',
    `${block.hash}, ${block.word === 'known' ? "given; code and proxy slots are proven under it, eth_call is the RPC's word" : 'as the RPC says; it was trusted'}`,
  );
  line('build', build.buildHash);
  line(
    'audit',
    build.audit === null
      ? 'none in this bundle'
      : `${build.audit.hash} of the same input, ${build.audit.passed ? 'passed' : 'FAILED'}; ${ruleText(build.audit)}`,
  );
  for (const each of found.unproven) line('unproven', each);
}

function wordOf({ checked, counts }: CheckedLibrary): string {
  if (!counts) return 'not checked, as asked';
  return checked?.level ?? 'not in the build, or linked too deep; --unchecked-library takes any code for it';
}
