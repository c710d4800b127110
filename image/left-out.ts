/**
 * Files of installed packages that the agent never opens: types, maps, pages, tests, sources, binaries for other machines, and the module form that Node
 * does not choose. `image/loads.ts` shows after each build that what is left still loads.
 */

/** Types, maps, pages, sources, settings of other people's tools, archives of releases. */
const FILES =
  /\.(?:d\.[cm]?ts|[cm]?ts|tsx|map|md|markdown|flow|tsbuildinfo|tgz|ya?ml|coffee|grammar)$|\/(?:README|CHANGELOG|HISTORY|AUTHORS|bower\.json)$/i;
/** `.npmignore`, `.eslintrc`, `.nycrc`; no package loads a file whose name begins with a dot. */
const HIDDEN = /\/node_modules\/(?:.*\/)?\.[^/]+$/;
/** `yaml/dist/doc` and viem's `actions/test` are code. */
const FOLDERS = /(?<!\/actions)\/(?:tests?|__tests__|__fixtures__|examples?|docs|bench|benchmarks?|coverage)$/;

/** What is left out of single packages, by the path below them. */
const OF_PACKAGES: Readonly<Record<string, RegExp>> = {
  // ES modules are loaded; the CommonJS twins are not.
  '@adraffy/ens-normalize': /^dist\/(?!index\.mjs$)/,
  '@hpke/common': /^script$/,
  '@hpke/core': /^script$/,
  '@lezer/common': /\.cjs$/,
  '@lezer/highlight': /\.cjs$/,
  '@lezer/javascript': /\.cjs$|^src$/,
  '@lezer/lr': /\.cjs$/,
  '@lezer/python': /\.cjs$|^src$/,
  '@modelcontextprotocol/sdk': /^dist\/cjs$/,
  '@noble/post-quantum': /^(?:falcon|index)\.js$/,
  '@scure/bip39': /^(?:index\.js|wordlists)$/,
  abitype: /^dist\/cjs$/,
  '@hono/node-server': /\.cjs$/,
  '@hono/zod-openapi': /\.cjs$/,
  '@hono/zod-validator': /\.cjs$/,
  fflate: /^(?:umd|esm\/browser\.js|lib)$/,
  hono: /^dist\/cjs$/,
  ox: /^(?:_cjs|_types|trusted-setups|_esm\/(?:tempo|erc4337|index\.docs\.js))$/,
  viem: /^(?:_cjs|_types|trusted-setups|_esm\/(?:account-abstraction|celo|chains|circle|experimental|linea|op-stack|tempo|tokens|zksync))$/,
  zod: /\.cjs$/,
  'zod-to-json-schema': /^dist\/cjs$/,
  // Here the CommonJS form is what Node takes.
  '@peculiar/asn1-cms': /^build\/es2015$/,
  '@peculiar/asn1-pkcs8': /^build\/es2015$/,
  '@peculiar/asn1-rsa': /^build\/es2015$/,
  '@peculiar/asn1-schema': /^build\/es2015$/,
  '@peculiar/asn1-x509': /^build\/es2015$/,
  '@peculiar/asn1-x509-attr': /^build\/es2015$/,
  '@asteasolutions/zod-to-openapi': /\.mjs$/,
  asn1js: /^build\/index\.es\.js$/,
  // Forms for browsers.
  qs: /^dist$/,
  yaml: /^browser$/,
  // Of ethers, sandboxed code gets the bundle alone. Of acorn, cells load both forms.
  ethers: /^(?:lib\.|src\.|node_modules$|dist\/(?!ethers\.min\.js$))/,
  acorn: /^dist\/bin\.js$/,
};

/** Older versions of these carry ES modules in `esm` and CommonJS next to it; newer ones have ES modules alone. */
const TWINS =
  /\/(?:viem|ox|@scure\/bip3[29]|@noble\/curves)\/node_modules\/@noble\/(?:curves|hashes)\/(?!esm$|esm\/|package\.json$)/;

/** The web server of `@modelcontextprotocol/sdk` and what only that imports: Assay serves the protocol itself. What ethers' bundle has inside. Ciphers of wallets' key files. */
const UNUSED =
  /\/node_modules\/(?:express|express-rate-limit|body-parser|iconv-lite|safer-buffer|mime-db|mime-types|ip-address|router|send|serve-static|cors|aes-js|@noble\/ciphers)$/;

/** Binaries for other machines and their lists, and what tests and compilers need. */
const PACKAGES =
  /\/node_modules\/(?:@deno\/(?!linux-x64-glibc)[^/]+|typescript|@typescript|@types|playwright-core)$|\/packages\/agent\/models\/engine-linux-arm64\.json$/;

/**
 * True for a file or folder of an installed package that the image does not take.
 * @param path below the image, e.g. `assay/node_modules/qs/test`.
 * @example leftOut('assay/node_modules/qs/test') // true
 */
export function leftOut(path: string): boolean {
  if (FILES.test(path) || HIDDEN.test(path) || TWINS.test(path) || UNUSED.test(path) || PACKAGES.test(path)) return true;
  const [, name = '', inner = ''] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(path) ?? [];
  return inner !== '' && (FOLDERS.test(path) || OF_PACKAGES[name]?.test(inner) === true);
}
