'use strict';

/**
 * Starts the runner in one file (`joined-runner.ts`) with the code that V8 made of it when the lane opened (`keep-code.cjs`). Code of another
 * V8, or none, is passed over by V8, which then compiles the text.
 */

const fs = require('node:fs');
const vm = require('node:vm');

const filename = `${__dirname}/runner.js`;
const cachedData = fs.readFileSync(`${__dirname}/runner.code`);
new vm.Script(fs.readFileSync(filename, 'latin1'), { filename, cachedData }).runInThisContext()(require);
