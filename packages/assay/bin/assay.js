#!/usr/bin/env node
// Node's version is checked before the program is loaded: an older Node would stop at the first thing it does not know.

// The SDK wants less (`engines`): what it loads runs in browsers, too.
const wanted = '22.12';
const [major, minor] = process.version.slice(1).split('.').map(Number);
const [leastMajor, leastMinor = 0] = wanted.split('.').map(Number);

if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) {
  void import('../dist/command-line/main.js');
} else {
  process.stderr.write(
    `error: expected Node ${wanted} or newer, got ${process.version}; install one from https://nodejs.org (in a clone, npm start brings its own)\n`,
  );
  process.exitCode = 1;
}
