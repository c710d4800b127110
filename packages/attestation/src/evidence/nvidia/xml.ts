/**
 * A strict reader for the XML of signed reference manifests: elements, attributes, namespaces, text. What could make two readers
 * see two documents is refused: document types, entities, processing instructions, CDATA, comments, unbound prefixes, repeated
 * attributes, `xml:base` and `xml:id`.
 * Sources: W3C XML 1.0 (fifth edition) §2 and §3.3.3, Namespaces in XML 1.0.
 */

import { decodeUtf8 } from '@assay/encoding/bytes';
import { AttestationError } from '../../errors.ts';
import { reading } from '../reading.ts';

export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NAMESPACE = 'http://www.w3.org/2000/xmlns/';
/** Largest document, bytes; deepest nesting; most elements and attributes together. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_NODES = 100_000;
const NAME = /[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?/y;
const SPACE = /[ \t\n]*/y;
const REFERENCE = /&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));/y;
const DECLARATION =
  /^<\?xml version=["']1\.0["'](?:\s+encoding=["'](?:utf-8|us-ascii)["'])?(?:\s+standalone=["'](?:yes|no)["'])?\s*\?>/i;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

export interface XmlAttribute {
  readonly prefix: string;
  readonly name: string;
  /** Empty when the attribute has no prefix. */
  readonly namespace: string;
  readonly value: string;
}

export interface XmlElement {
  readonly prefix: string;
  readonly name: string;
  readonly namespace: string;
  readonly attributes: readonly XmlAttribute[];
  /** Namespace declarations on this very element: prefix (empty for the default) → URI. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Every namespace in scope here. */
  readonly scope: ReadonlyMap<string, string>;
  /** Child elements and texts, in order. */
  readonly children: readonly (XmlElement | string)[];
}

/**
 * The document element of an XML document.
 * @throws {AttestationError} `nvidia/rim-malformed`.
 * @example elements(parseXml(bytes), 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd', 'Payload')
 */
export function parseXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > MAX_BYTES) throw malformed(`expected at most ${MAX_BYTES} bytes of xml, got ${bytes.length}`);
  const text = reading('nvidia/rim-malformed', 'utf-8 xml', () => decodeUtf8(bytes));
  return new Reader(text.replace(/\r\n?/g, '\n')).document();
}

/** Child elements of `parent` with this namespace and local name. */
export function elements(parent: XmlElement, namespace: string, name: string): readonly XmlElement[] {
  return parent.children.filter(
    (child): child is XmlElement => typeof child !== 'string' && child.namespace === namespace && child.name === name,
  );
}

/** Text directly inside `element`. */
export function textOf(element: XmlElement): string {
  return element.children.filter((child) => typeof child === 'string').join('');
}

/** Value of the attribute, or `null`. */
export function attribute(element: XmlElement, name: string, namespace = ''): string | null {
  return element.attributes.find((each) => each.name === name && each.namespace === namespace)?.value ?? null;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #nodes = 0;

  constructor(text: string) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 §2.2 forbids exactly these.
    if (/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text))
      throw malformed('expected xml characters only, got a control character');
    this.#text = text;
  }

  document(): XmlElement {
    this.#at = DECLARATION.exec(this.#text)?.[0].length ?? 0;
    this.#match(SPACE);
    const root = this.#element(new Map([['xml', XML_NAMESPACE]]), 0);
    this.#match(SPACE);
    if (this.#at !== this.#text.length) throw malformed('expected the end after the document element, got more');
    return root;
  }

  #element(outer: ReadonlyMap<string, string>, depth: number): XmlElement {
    if (depth > MAX_DEPTH) throw malformed(`expected at most ${MAX_DEPTH} levels of elements, got more`);
    this.#expect('<');
    const qualified = this.#name();
    const raw = new Map<string, string>();
    let spaced = this.#match(SPACE) !== '';
    while (this.#peek() !== '>' && this.#peek() !== '/') {
      if (!spaced) throw malformed('expected white space before an attribute, got none');
      const name = this.#name();
      if (raw.has(name)) throw malformed(`expected each attribute once, got "${name}" again`);
      this.#match(SPACE);
      this.#expect('=');
      this.#match(SPACE);
      raw.set(name, this.#attributeValue());
      this.#count();
      spaced = this.#match(SPACE) !== '';
    }
    const declarations = declarationsIn(raw);
    const scope = declarations.size === 0 ? outer : new Map([...outer, ...declarations]);
    const [prefix, name] = split(qualified);
    if (prefix === 'xmlns') throw malformed('expected an element name, got the prefix "xmlns"');
    const namespace = prefix === '' ? (scope.get('') ?? '') : bound(scope, prefix);
    const attributes = attributesIn(raw, scope);
    const children = this.#peek() === '/' ? this.#empty() : this.#content(qualified, scope, depth);
    this.#count();
    return { prefix, name, namespace, attributes, declarations, scope, children };
  }

  #empty(): readonly [] {
    this.#expect('/>');
    return [];
  }

  #content(qualified: string, scope: ReadonlyMap<string, string>, depth: number): readonly (XmlElement | string)[] {
    this.#expect('>');
    const children: (XmlElement | string)[] = [];
    for (;;) {
      const text = this.#characters('<');
      if (text !== '') children.push(text);
      if (this.#text.startsWith('</', this.#at)) break;
      children.push(this.#element(scope, depth + 1));
    }
    this.#expect('</');
    if (this.#name() !== qualified) throw malformed(`expected </${qualified}>, got another end tag`);
    this.#match(SPACE);
    this.#expect('>');
    return children;
  }

  #attributeValue(): string {
    const quote = this.#peek();
    if (quote !== '"' && quote !== "'") throw malformed('expected a quoted attribute value, got none');
    this.#at++;
    const value = this.#characters(quote);
    this.#expect(quote);
    return value;
  }

  /** Text up to `end`, references replaced; inside attributes literal white space becomes a space (XML §3.3.3). */
  #characters(end: string): string {
    let out = '';
    for (;;) {
      const next = this.#peek();
      if (next === end) return out;
      if (next === '') throw malformed(`expected "${end}", got the end of the document`);
      if (next === '<') throw malformed('expected no "<" in an attribute value, got one');
      if (next === '&') out += this.#reference();
      else {
        const from = this.#at;
        while (this.#at < this.#text.length && this.#peek() !== end && this.#peek() !== '&' && this.#peek() !== '<') this.#at++;
        const plain = this.#text.slice(from, this.#at);
        if (end === '<' && plain.includes(']]>')) throw malformed('expected no "]]>" in text, got one');
        out += end === '<' ? plain : plain.replace(/[\t\n]/g, ' ');
      }
    }
  }

  #reference(): string {
    REFERENCE.lastIndex = this.#at;
    const match = REFERENCE.exec(this.#text);
    if (match === null) throw malformed('expected one of the five predefined entities or a character reference, got another');
    this.#at = REFERENCE.lastIndex;
    const [, hex, decimal, name] = match;
    if (name !== undefined) return ENTITIES[name] as string;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    const allowed =
      code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd);
    if (!allowed && !(code >= 0x10000 && code <= 0x10ffff))
      throw malformed('expected a reference to an xml character, got another');
    return String.fromCodePoint(code);
  }

  #name(): string {
    const name = this.#match(NAME);
    if (name === '')
      throw malformed(
        'expected a plain element or attribute name, got something else (comments, cdata, doctypes and processing instructions are refused)',
      );
    return name;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += match.length;
    return match;
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #expect(token: string): void {
    if (!this.#text.startsWith(token, this.#at))
      throw malformed(`expected "${token}" at position ${this.#at}, got something else`);
    this.#at += token.length;
  }

  #count(): void {
    if (++this.#nodes > MAX_NODES) throw malformed(`expected at most ${MAX_NODES} elements and attributes, got more`);
  }
}

function declarationsIn(raw: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const [name, value] of raw) {
    const isDefault = name === 'xmlns';
    if (!isDefault && !name.startsWith('xmlns:')) continue;
    const prefix = isDefault ? '' : name.slice(6);
    if (
      prefix === 'xml' ||
      prefix === 'xmlns' ||
      value === XML_NAMESPACE ||
      value === XMLNS_NAMESPACE ||
      (value === '' && !isDefault)
    ) {
      throw malformed(`expected an ordinary namespace declaration, got ${name}="${value}"`);
    }
    out.set(prefix, value);
  }
  return out;
}

function attributesIn(raw: ReadonlyMap<string, string>, scope: ReadonlyMap<string, string>): readonly XmlAttribute[] {
  const out: XmlAttribute[] = [];
  const seen = new Set<string>();
  for (const [qualified, value] of raw) {
    if (qualified === 'xmlns' || qualified.startsWith('xmlns:')) continue;
    const [prefix, name] = split(qualified);
    const namespace = prefix === '' ? '' : bound(scope, prefix);
    if (namespace === XML_NAMESPACE && name !== 'lang' && name !== 'space') throw malformed(`expected no xml:${name}, got one`);
    const expanded = `${namespace} ${name}`;
    if (seen.has(expanded)) throw malformed(`expected each attribute once, got "${name}" under two prefixes`);
    seen.add(expanded);
    out.push({ prefix, name, namespace, value });
  }
  return out;
}

function split(qualified: string): readonly [prefix: string, name: string] {
  const colon = qualified.indexOf(':');
  return colon < 0 ? ['', qualified] : [qualified.slice(0, colon), qualified.slice(colon + 1)];
}

function bound(scope: ReadonlyMap<string, string>, prefix: string): string {
  const namespace = scope.get(prefix);
  if (namespace === undefined || namespace === '') throw malformed(`expected a declared prefix, got "${prefix}"`);
  return namespace;
}

function malformed(message: string): AttestationError {
  return new AttestationError('nvidia/rim-malformed', message);
}
