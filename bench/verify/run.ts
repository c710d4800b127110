/**
 * `npm run bench:verify`: one genuine piece of evidence of each kind, verified by Assay and by every peer that can be had here, in one
 * run on one machine (needs ../shared/vectors; peers are built on demand, see bench/peers/README.md).
 *
 * Figures are processor time of one verification, all threads, in the round least disturbed by other work; rounds take turns. The rate is
 * that of one core. `raw` is the sum of the signature checks that must be done, with the crypto library Assay uses; peers in other
 * languages bring their own, faster or slower. Nothing is started or fetched while the clock runs.
 *
 * npm run bench:verify -- [rounds] [words of the evidence's name, such as TDX]
 */

import { vectorsDirectory } from '@assay/testing';
import { VerificationCache } from '../../packages/attestation/src/certificates/verification-cache.ts';
import { programOptions } from '../../tools/program-options.ts';
import { openPeers } from '../peers/open-peers.ts';
import { ourVerdict } from '../peers/ours.ts';
import { type Peer, processorTime, refuses } from '../peers/question.ts';
import { type BenchCase, rawChecks, webCryptoChecks } from './bench-case.ts';
import { dcapCases } from './dcap.ts';
import { nitroCases } from './nitro.ts';
import { snpCases } from './snp.ts';

const [rounds = '12', ...ONLY] = programOptions({
  call: 'npm run bench:verify',
  does: 'Processor time of one verification of each kind of evidence, by Assay and by its peers.',
  options: {},
  arguments: [
    { name: 'ROUNDS', about: 'of each figure (12)', number: 'count' },
    { name: 'WORD', about: "in the evidence's name, such as TDX", repeated: true },
  ],
}).positionals;
const ROUNDS = Number(rounds);
const ROUND_MICROSECONDS = 60_000;
const TOGETHER = 16;

interface Runner {
  readonly label: string;
  /** Processor microseconds of one verification over so many calls. */
  readonly cost: (calls: number) => Promise<number>;
  readonly note: (figures: ReadonlyMap<string, number>) => string;
}

const here = (run: () => unknown) => (calls: number) => processorTime(calls, run);
const times = (figure: number | undefined, base: number | undefined): string => ((figure ?? 0) / (base ?? 1)).toFixed(2);

const NEW_PLATFORM = 'Assay, new platform on known collateral';

function ourRunners({ checks, coldFile, newPlatform, ...bench }: BenchCase): readonly Runner[] {
  const all = `raw: all ${checks.length} signature checks`;
  const own = 'raw: the one check of the evidence';
  const onTheWeb = `raw: all ${checks.length} signature checks by WebCrypto`;
  const webChecks = webCryptoChecks(checks);
  const over = (label: string, raw: string) => (figures: ReadonlyMap<string, number>) =>
    `${times(figures.get(label), figures.get(raw))} × raw`;
  const known = new VerificationCache();
  const together = () => Promise.all(Array.from({ length: TOGETHER }, bench.warm));
  return [
    { label: own, cost: here(() => rawChecks(checks.slice(0, 1), known)), note: () => 'key imported before' },
    { label: all, cost: here(() => rawChecks(checks)), note: () => 'keys imported again' },
    ...(webChecks === null ? [] : [{ label: onTheWeb, cost: here(webChecks), note: () => 'as all were up to 2026-11' }]),
    { label: 'Assay, parse', cost: here(bench.parse), note: () => '' },
    { label: 'Assay, warm', cost: here(bench.warm), note: over('Assay, warm', own) },
    {
      label: `Assay, warm, ${TOGETHER} at a time`,
      cost: async (calls) => (await processorTime(Math.ceil(calls / TOGETHER), together)) / TOGETHER,
      note: over(`Assay, warm, ${TOGETHER} at a time`, own),
    },
    ...(newPlatform === undefined
      ? []
      : [{ label: NEW_PLATFORM, cost: onNewPlatforms(newPlatform), note: over(NEW_PLATFORM, all) }]),
    {
      label: 'Assay, cold',
      cost: here(bench.cold),
      note: (figures) => {
        const web = figures.has(onTheWeb) ? `, ${over('Assay, cold', onTheWeb)(figures)} by WebCrypto` : '';
        return `${over('Assay, cold', all)(figures)}${web}`;
      },
    },
    ...(coldFile === undefined
      ? []
      : [
          {
            label: 'Assay, cold, collateral file read',
            cost: here(coldFile),
            note: over('Assay, cold, collateral file read', all),
          },
        ]),
  ];
}

/** A memory for each call, made before the clock runs, because the second call would know the platform. */
function onNewPlatforms({ prepare, verify }: NonNullable<BenchCase['newPlatform']>): Runner['cost'] {
  return async (calls) => {
    const known: VerificationCache[] = [];
    for (let call = 0; call < calls; call++) known.push(await prepare());
    let next = 0;
    return processorTime(calls, () => verify(known[next++] ?? new VerificationCache()));
  };
}

async function peerRunner(peer: Peer, { question }: BenchCase): Promise<Runner | string> {
  const verdict = await peer.verdict(question);
  if (refuses(verdict)) return `${peer.name}: left out, it refuses this evidence (${verdict.slice(4)})`;
  const ratios = (figures: ReadonlyMap<string, number>): string => {
    const figure = figures.get(peer.name);
    const known = figures.has(NEW_PLATFORM) ? `, ${times(figure, figures.get(NEW_PLATFORM))} × our new platform` : '';
    return `${times(figure, figures.get('Assay, cold'))} × our cold${known}, ${times(figure, figures.get('Assay, warm'))} × our warm`;
  };
  return { label: peer.name, cost: (calls) => peer.cost(question, calls), note: ratios };
}

/** Least processor time of each runner, their rounds taking turns. */
async function measure(runners: readonly Runner[]): Promise<ReadonlyMap<string, number>> {
  const least = new Map<string, number>();
  const calls = new Map<string, number>();
  for (const { label, cost } of runners) {
    await cost(3);
    calls.set(label, Math.max(2, Math.min(5000, Math.round(ROUND_MICROSECONDS / (await cost(3))))));
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { label, cost } of runners) {
      const figure = await cost(calls.get(label) ?? 1);
      least.set(label, Math.min(figure, least.get(label) ?? Number.POSITIVE_INFINITY));
    }
  }
  return least;
}

if (vectorsDirectory() !== null) {
  const peers = await openPeers();
  const leftOut: string[] = [];
  console.log('| evidence | verifier | µs of processor | per second and core | ratio |');
  console.log('| --- | --- | ---: | ---: | --- |');
  const cases = [...dcapCases(), ...snpCases(), ...nitroCases()];
  for (const bench of cases.filter(({ name }) => ONLY.every((word) => name.includes(word)))) {
    const { verdict } = await ourVerdict(bench.question);
    if (refuses(verdict)) throw new Error(`${bench.name}: expected genuine evidence to be accepted, got ${verdict}`);
    const runners: Runner[] = [...ourRunners(bench)];
    for (const peer of peers.filter(({ kinds }) => kinds.includes(bench.question.kind))) {
      const runner = await peerRunner(peer, bench);
      if (typeof runner === 'string') leftOut.push(`${bench.name}, ${runner}`);
      else runners.push(runner);
    }
    const figures = await measure(runners);
    for (const { label, note } of runners) {
      const figure = figures.get(label) ?? Number.NaN;
      console.log(`| ${bench.name} | ${label} | ${figure.toFixed(1)} | ${(1e6 / figure).toFixed(0)} | ${note(figures)} |`);
    }
  }
  console.log(`\n${peers.map(({ name, language, scope }) => `${name} (${language}): ${scope}`).join('\n')}\n`);
  for (const line of leftOut) console.log(line);
  for (const peer of peers) peer.close();
}
