'use strict';

/**
 * Runs the runner (its text on standard input) for one job of the agent's own, outside of any sandbox, and at its end writes the code that V8
 * made of it to standard output. The job and its answer take the runner's usual way, descriptor 3.
 */

const fs = require('node:fs');
const vm = require('node:vm');

const script = new vm.Script(fs.readFileSync(0, 'latin1'), { filename: '/opt/assay/runner.js' });
script.runInThisContext()(require);
// After the runner's report, which is part of what is kept.
const emit = process.emit;
process.emit = function emitThenKeep(event, ...values) {
  const heard = Reflect.apply(emit, this, [event, ...values]);
  if (event === 'exit') {
    const code = script.createCachedData();
    for (let at = 0; at < code.length; ) at += fs.writeSync(1, code, at);
  }
  return heard;
};
