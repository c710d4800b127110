'use strict';

/**
 * Where the code cannot have a /tmp of its own, paths below /tmp lead to the job's directory. A convenience for programs that
 * name `/tmp/sales.csv`; what they may reach is decided by Landlock, not here.
 */

const fs = require('node:fs');

const ONE = (
  'access appendFile chmod createReadStream createWriteStream exists lstat mkdir mkdtemp open opendir readFile readdir readlink ' +
  'realpath rm rmdir stat statfs truncate unlink utimes watch writeFile'
).split(' ');
const TWO = ['copyFile', 'cp', 'link', 'rename', 'symlink'];

/** `kept`: directories below /tmp that are the agent's own and keep their names. */
function install(root, kept) {
  const stays = (path) => kept.some((directory) => path === directory || path.startsWith(`${directory}/`));
  const lead = (path) => {
    if (typeof path !== 'string' || stays(path)) return path;
    return path === '/tmp' || path.startsWith('/tmp/') ? root + path.slice(4) : path;
  };
  const wrap = (holder, name, count) => {
    const real = holder[name];
    if (typeof real !== 'function') return;
    holder[name] = function (...values) {
      return Reflect.apply(real, this, [...values.slice(0, count).map(lead), ...values.slice(count)]);
    };
    Object.assign(holder[name], real);
  };
  for (const [names, count] of [
    [ONE, 1],
    [TWO, 2],
  ]) {
    for (const name of names) {
      wrap(fs, name, count);
      wrap(fs, `${name}Sync`, count);
      wrap(fs.promises, name, count);
    }
  }
  const Module = require('node:module');
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (request, ...rest) => resolve(lead(request), ...rest);
  Module.syncBuiltinESMExports();
}

module.exports = { install };
