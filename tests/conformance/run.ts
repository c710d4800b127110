/**
 * `npm run conformance [-- --write DIR]`: puts the conformance suite to Assay and to every peer that can be given a root, and prints right
 * verdicts and wrong ones. Ends with 1 when a verdict differs from known.ts. `--write` writes the suite as files besides (write-suite.ts).
 */

import { conformanceSuite } from '@assay/testing';
import { openPeers } from '../../bench/peers/open-peers.ts';
import { ourVerdict } from '../../bench/peers/ours.ts';
import { programOptions } from '../../tools/program-options.ts';
import { judge } from './judge.ts';
import { KNOWN_VERDICTS } from './known.ts';
import { writeSuite } from './write-suite.ts';

const { values } = programOptions({
  call: 'npm run conformance',
  does: 'Puts the conformance suite to Assay and to its peers. Ends with 1 when a verdict differs from known.ts.',
  options: { write: { takes: 'DIR', about: 'writes the suite there as files' } },
});
const suite = await conformanceSuite();
if (values.write !== undefined) console.log(`wrote ${suite.length} entries to ${writeSuite(suite, values.write)}`);

let surprises = 0;
let right = 0;
for (const { variant, name, code, question } of suite) {
  const ours = await ourVerdict(question);
  if (ours.code === code) right += 1;
  else console.log(`    WRONG Assay on ${variant}, ${name}: expected ${code ?? 'acceptance'}, got ${ours.verdict}`);
}
surprises += suite.length - right;
console.log('| verifier | right/asked | wrongly accepted | variants it does not know |\n| --- | ---: | ---: | --- |');
console.log(`| Assay | ${right}/${suite.length} | 0 | |`);

const peers = await openPeers();
for (const peer of peers) {
  if (!peer.takesRoot) {
    console.log(`| ${peer.name} | not asked | | takes no root but its own |`);
    continue;
  }
  const verdicts = await judge(peer, suite);
  const unknown = verdicts.unknown.map(({ variant }) => variant).join('; ');
  console.log(`| ${peer.name} | ${verdicts.right}/${verdicts.asked} | ${verdicts.wronglyAccepted.length} | ${unknown} |`);
  const known = KNOWN_VERDICTS.find((each) => peer.name.startsWith(each.peer));
  const explained = { ...known?.faults, ...known?.lenient, ...known?.byDesign };
  for (const { variant, name, verdict } of verdicts.wronglyAccepted) {
    if (!(name in explained)) surprises += 1;
    console.log(`    accepts ${variant}, ${name} (${verdict}): ${explained[name] ?? 'NOT LISTED in known.ts'}`);
  }
  for (const name of Object.keys(explained)) {
    if (verdicts.wronglyAccepted.some((each) => each.name === name)) continue;
    surprises += 1;
    console.log(`    REFUSES ${name}, though known.ts lists it as accepted`);
  }
}
for (const peer of peers) peer.close();
if (surprises > 0) process.exitCode = 1;
