/**
 * Canonical XML of an element: inclusive 1.0 and 1.1, and exclusive 1.0, all without comments.
 * Sources: W3C Canonical XML 1.0 and 1.1 §2, Exclusive XML Canonicalization 1.0 §3.
 *
 * The reader refuses `xml:base` and `xml:id`, so that inclusive 1.0 and 1.1 agree on everything it lets through.
 * InclusiveNamespaces prefix lists are not supported; the caller refuses them.
 */

import { utf8 } from '@assay/encoding/bytes';
import { XML_NAMESPACE, type XmlAttribute, type XmlElement } from './xml.ts';

export type Canonicalization = 'inclusive' | 'exclusive';

/** Algorithm identifier → method, for those supported. */
export const CANONICALIZATIONS: ReadonlyMap<string, Canonicalization> = new Map([
  ['http://www.w3.org/2006/12/xml-c14n11', 'inclusive'],
  ['http://www.w3.org/TR/2001/REC-xml-c14n-20010315', 'inclusive'],
  ['http://www.w3.org/2001/10/xml-exc-c14n#', 'exclusive'],
]);

export interface CanonicalizeOptions {
  /** Descendant left out, for enveloped signatures. */
  readonly without?: XmlElement;
  /** Ancestors of the element, outermost first: inclusive methods take `xml:lang` and `xml:space` over from them. */
  readonly ancestors?: readonly XmlElement[];
}

/**
 * Canonical octets of `element` and everything in it.
 * @example canonicalize(root, 'inclusive', { without: signature })
 */
export function canonicalize(
  element: XmlElement,
  method: Canonicalization,
  options: CanonicalizeOptions = {},
): Uint8Array<ArrayBuffer> {
  const inherited = method === 'inclusive' ? inheritedAttributes(element, options.ancestors ?? []) : [];
  const out: string[] = [];
  write(out, element, method, new Map(), inherited, options.without);
  return utf8(out.join(''));
}

/** Attributes of the xml namespace that hold at `element` without standing on it; the nearest ancestor wins. */
function inheritedAttributes(element: XmlElement, ancestors: readonly XmlElement[]): readonly XmlAttribute[] {
  const out = new Map<string, XmlAttribute>();
  for (const ancestor of ancestors) {
    for (const each of ancestor.attributes) if (each.namespace === XML_NAMESPACE) out.set(each.name, each);
  }
  for (const own of element.attributes) if (own.namespace === XML_NAMESPACE) out.delete(own.name);
  return [...out.values()];
}

function write(
  out: string[],
  element: XmlElement,
  method: Canonicalization,
  rendered: ReadonlyMap<string, string>,
  inherited: readonly XmlAttribute[],
  without: XmlElement | undefined,
): void {
  const name = element.prefix === '' ? element.name : `${element.prefix}:${element.name}`;
  const shown = new Map(rendered);
  out.push('<', name);
  for (const [prefix, uri] of namespacesToRender(element, method, rendered)) {
    shown.set(prefix, uri);
    out.push(prefix === '' ? ' xmlns' : ` xmlns:${prefix}`, '="', escapeAttribute(uri), '"');
  }
  for (const each of [...element.attributes, ...inherited].sort(byExpandedName)) {
    out.push(' ', each.prefix === '' ? each.name : `${each.prefix}:${each.name}`, '="', escapeAttribute(each.value), '"');
  }
  out.push('>');
  for (const child of element.children) {
    if (typeof child === 'string') out.push(escapeText(child));
    else if (child !== without) write(out, child, method, shown, [], without);
  }
  out.push('</', name, '>');
}

/** Sorted by prefix; only what the nearest written ancestor does not already say. */
function namespacesToRender(
  element: XmlElement,
  method: Canonicalization,
  rendered: ReadonlyMap<string, string>,
): readonly (readonly [string, string])[] {
  const used = new Set([element.prefix, ...element.attributes.map(({ prefix }) => prefix).filter((prefix) => prefix !== '')]);
  const wanted = method === 'inclusive' ? new Set([...element.scope.keys(), '']) : used;
  return [...wanted]
    .filter((prefix) => prefix !== 'xml')
    .map((prefix) => [prefix, element.scope.get(prefix) ?? ''] as const)
    .filter(([prefix, uri]) => (rendered.get(prefix) ?? '') !== uri)
    .sort(([a], [b]) => compare(a, b));
}

function byExpandedName(a: XmlAttribute, b: XmlAttribute): number {
  return compare(a.namespace, b.namespace) || compare(a.name, b.name);
}

/** By code point; the reader allows no characters outside ASCII in names, and URIs differ before any could matter. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function escapeAttribute(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\t', '&#x9;')
    .replaceAll('\n', '&#xA;')
    .replaceAll('\r', '&#xD;');
}

function escapeText(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\r', '&#xD;');
}
