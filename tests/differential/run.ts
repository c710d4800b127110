/**
 * `npm run differential [-- COUNT [PEER]]`: every genuine case and COUNT mutations (default 10,000) of those both accept, put to Assay
 * and to every peer that can be had here, or to those whose name has PEER in it. Prints right/total; ends with 1 when a refusal of a peer
 * has no named reason.
 */

import { vectorsDirectory } from '@assay/testing';
import { genuineCases } from '../../bench/peers/genuine.ts';
import { openPeers } from '../../bench/peers/open-peers.ts';
import { programOptions } from '../../tools/program-options.ts';
import { type Comparison, compareGenuine, compareMutations } from './comparison.ts';

const SEED = 20_261_121;
const [count = '10000', wanted = ''] = programOptions({
  call: 'npm run differential',
  does: 'Puts every genuine case, and mutations of those that both accept, to Assay and to its peers. Ends with 1 when a refusal has no named reason.',
  options: {},
  arguments: [
    { name: 'COUNT', about: 'of mutations (10000)', number: 'count' },
    { name: 'PEER', about: 'a part of the names of the peers to ask; left out: all' },
  ],
}).positionals;

function report(peer: string, what: string, { total, agree, bothAccept, oursAlone, named, unexplained }: Comparison): void {
  const sum = (tally: ReadonlyMap<string, number>) => [...tally.values()].reduce((all, each) => all + each, 0);
  const right = total - unexplained.length;
  const cells = [peer, what, `${right}/${total}`, agree, bothAccept, sum(oursAlone), sum(named), unexplained.length];
  console.log(`| ${cells.join(' | ')} |`);
  const list = (title: string, tally: ReadonlyMap<string, number>) => {
    for (const [name, number] of [...tally].sort(([, a], [, b]) => b - a)) console.log(`    ${title}: ${number} × ${name}`);
  };
  list('refused by Assay alone', oursAlone);
  list('refused by the peer alone', named);
  for (const line of unexplained.slice(0, 20)) console.log(`    UNEXPLAINED ${line}`);
}

if (vectorsDirectory() !== null) {
  const cases = genuineCases();
  const peers = await openPeers();
  let unexplained = 0;
  console.log(
    '| peer | questions | right/total | agree | of these accepted | refused by Assay alone | by the peer alone | unexplained |',
  );
  console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const peer of peers.filter(({ name }) => name.includes(wanted))) {
    const genuine = await compareGenuine(peer, cases);
    report(peer.name, 'genuine', genuine);
    const mutated = await compareMutations(peer, cases, { count: Number(count), seed: SEED });
    report(peer.name, 'mutations', mutated);
    unexplained += genuine.unexplained.length + mutated.unexplained.length;
  }
  for (const peer of peers) peer.close();
  if (unexplained > 0) process.exitCode = 1;
}
