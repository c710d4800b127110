/** Model identity: what changes the digest and what does not, and every file that is refused. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectRefusal, FAKE_METADATA, FAKE_TENSORS, fakeGguf, fakeSafetensors, pattern } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ByteSource, bytesSource } from './byte-source.ts';
import { GGML_TYPES } from './ggml-types.ts';
import { identifyModel } from './model-identity.ts';

const gguf = (options: Parameters<typeof fakeGguf>[0] = {}, name = 'model.gguf'): ByteSource =>
  bytesSource(name, fakeGguf(options));
const json = (name: string, value: unknown): ByteSource => bytesSource(name, utf8(JSON.stringify(value)));

describe('GGUF', () => {
  it('has one digest, with the parts behind it', async () => {
    const { digest, identity, types, tensors, uncovered } = await identifyModel([gguf()]);
    expect(identity).toEqual({
      format: 'assay-model/1',
      container: 'gguf',
      architecture: { name: 'llama', digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      chat_template: expect.stringMatching(/^[0-9a-f]{64}$/),
      tokenizer: expect.stringMatching(/^[0-9a-f]{64}$/),
      tensors: { bytes: 122, count: 3, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(types).toEqual({ F32: 1, Q8_0: 1, F16: 1 });
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['norm.weight', [3]],
      ['output.weight', [2, 32]],
      ['token_embd.weight', [3, 4]],
    ]);
    expect(uncovered).toEqual([]);
    // Computed once by hand (sha256sum over the parts); a change of the format changes it.
    expect(digest).toMatchInlineSnapshot(`"sha256:271d6bc8153fa194085577fb776ff5341b2fa141431ff4cefeb430ad3e7757df"`);
  });

  it.each<[string, Parameters<typeof fakeGguf>[0]]>([
    ['the order of tensors', { tensors: FAKE_TENSORS.toReversed() }],
    ['the order of metadata', { metadata: Object.fromEntries(Object.entries(FAKE_METADATA).toReversed()) }],
    ['alignment', { alignment: 64 }],
    ['version 2', { version: 2 }],
    [
      'its name and licence',
      { metadata: { ...FAKE_METADATA, 'general.name': 'other', 'general.license': 'mit', 'general.file_type': 7 } },
    ],
    ['quantisation notes', { metadata: { ...FAKE_METADATA, 'quantize.imatrix.file': 'x' } }],
  ])('%s changes nothing', async (_, options) => {
    expect((await identifyModel([gguf(options)])).digest).toBe((await identifyModel([gguf()])).digest);
  });

  it.each<[string, Parameters<typeof fakeGguf>[0], readonly string[]]>([
    ['another chat template', { metadata: { ...FAKE_METADATA, 'tokenizer.chat_template': '{{ system }}' } }, ['chat_template']],
    ['another vocabulary', { metadata: { ...FAKE_METADATA, 'tokenizer.ggml.tokens': ['a', 'b', 'd'] } }, ['tokenizer']],
    ['another number of layers', { metadata: { ...FAKE_METADATA, 'llama.block_count': 2 } }, ['architecture']],
    ['sampling that is proposed', { metadata: { ...FAKE_METADATA, 'general.sampling.top_k': 1 } }, ['architecture']],
    ['an unknown key', { metadata: { ...FAKE_METADATA, 'future.switch': 1 } }, ['architecture']],
    [
      'one weight',
      { tensors: FAKE_TENSORS.map((each, index) => (index === 0 ? { ...each, bytes: pattern(48, 9) } : each)) },
      ['tensors'],
    ],
    [
      'another shape',
      { tensors: FAKE_TENSORS.map((each, index) => (index === 0 ? { ...each, extents: [3, 4] } : each)) },
      ['tensors'],
    ],
    [
      'another type of the same size',
      { tensors: FAKE_TENSORS.map((each, index) => (index === 2 ? { ...each, type: 30 } : each)) },
      ['tensors'],
    ],
    [
      'a tensor by another name',
      { tensors: FAKE_TENSORS.map((each, index) => (index === 0 ? { ...each, name: 'x' } : each)) },
      ['tensors'],
    ],
  ])('%s changes the digest, in its own member alone', async (_, options, members) => {
    const [before, after] = [await identifyModel([gguf()]), await identifyModel([gguf(options)])];
    expect(after.digest).not.toBe(before.digest);
    const differing = Object.keys(before.identity).filter(
      (name) => JSON.stringify(Reflect.get(before.identity, name)) !== JSON.stringify(Reflect.get(after.identity, name)),
    );
    expect(differing).toEqual(members);
  });

  it('does not depend on how a model is split', async () => {
    const [first, ...rest] = FAKE_TENSORS;
    const part = (no: number) => ({
      'split.no': { type: 2, bytes: Uint8Array.of(no, 0) },
      'split.count': { type: 2, bytes: Uint8Array.of(2, 0) },
    });
    const one = gguf(
      { metadata: { ...FAKE_METADATA, ...part(0) }, tensors: first === undefined ? [] : [first] },
      'm-00001-of-00002.gguf',
    );
    const two = gguf({ metadata: part(1), tensors: rest }, 'm-00002-of-00002.gguf');
    const whole = await identifyModel([gguf()]);
    expect((await identifyModel([two, one])).digest).toBe(whole.digest);
    await expectRefusal(identifyModel([one]), 'model-file/incomplete', ['2 parts', 'number 1']);
    await expectRefusal(identifyModel([one, one]), 'model-file/malformed', ['2 parts']);
    await expectRefusal(identifyModel([one, gguf()]), 'model-file/malformed', ['parts']);
  });

  it.each<[string, Uint8Array, string]>([
    ['another beginning', utf8('GGXF and more bytes'), 'model-file/malformed'],
    ['nothing', new Uint8Array(), 'model-file/malformed'],
    ['version 1', fakeGguf({ version: 1 }), 'model-file/unsupported'],
    ['big-endian', fakeGguf({ version: 0x03000000 }), 'model-file/unsupported'],
    ['a cut header', fakeGguf().subarray(0, 100), 'model-file/malformed'],
    ['cut tensors', fakeGguf().subarray(0, -40), 'model-file/malformed'],
    ['bytes behind the last tensor', fakeGguf({ tail: new Uint8Array(64) }), 'model-file/malformed'],
    ['padding that is not zero', fakeGguf({ padding: 1 }), 'model-file/malformed'],
    [
      'overlapping tensors',
      fakeGguf({ tensors: FAKE_TENSORS.map((each) => ({ ...each, offset: 0 })) }),
      'model-file/malformed',
    ],
    [
      'a gap',
      fakeGguf({ tensors: FAKE_TENSORS.map((each, index) => (index === 2 ? { ...each, offset: 4096 } : each)) }),
      'model-file/malformed',
    ],
    [
      'an unknown tensor type',
      fakeGguf({ tensors: FAKE_TENSORS.map((each) => ({ ...each, type: 77 })) }),
      'model-file/unsupported',
    ],
    [
      'half a block',
      fakeGguf({ tensors: FAKE_TENSORS.map((each) => ({ ...each, type: 8, extents: [31] })) }),
      'model-file/malformed',
    ],
    ['tensors beyond counting', fakeGguf({ tensorCount: 1n << 40n }), 'model-file/limit'],
    ['metadata beyond counting', fakeGguf({ metadataCount: 1n << 63n }), 'model-file/limit'],
    [
      'an extent beyond 2^53',
      fakeGguf({ tensors: [{ name: 'x', type: 0, extents: [2 ** 53, 2 ** 53], bytes: new Uint8Array() }] }),
      'model-file/limit',
    ],
    [
      'a string as long as the world',
      fakeGguf({ metadata: { x: { type: 8, bytes: new Uint8Array(8).fill(0xff) } } }),
      'model-file/malformed',
    ],
    [
      'an array in an array',
      fakeGguf({ metadata: { x: { type: 9, bytes: concatBytes(Uint8Array.of(9, 0, 0, 0), new Uint8Array(8)) } } }),
      'model-file/malformed',
    ],
    ['an alignment of 7', fakeGguf({ metadata: { ...FAKE_METADATA, 'general.alignment': 7 } }), 'model-file/malformed'],
    [
      'text that is no UTF-8',
      fakeGguf({ metadata: { 'general.architecture': { type: 8, bytes: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0xff) } } }),
      'model-file/malformed',
    ],
    ['no architecture', fakeGguf({ metadata: { x: 1 } }), 'model-file/malformed'],
    ['the same tensor twice', fakeGguf({ tensors: [...FAKE_TENSORS, ...FAKE_TENSORS] }), 'model-file/malformed'],
  ])('%s is refused', async (_, bytes, code) => {
    await expectRefusal(identifyModel([bytesSource('model.gguf', bytes)]), code, ['expected']);
  });

  it('a header of 70 MiB is refused before it is read whole', async () => {
    const whole = fakeGguf({
      metadata: {
        ...FAKE_METADATA,
        big: { type: 9, bytes: concatBytes(Uint8Array.of(0, 0, 0, 0, 0, 0, 0x60, 4, 0, 0, 0, 0), new Uint8Array(1024)) },
      },
    });
    let most = 0;
    const source: ByteSource = {
      name: 'model.gguf',
      size: 80 * 1024 * 1024,
      read: async (offset, length) => {
        most = Math.max(most, length);
        const bytes = new Uint8Array(length);
        bytes.set(whole.subarray(offset, offset + length));
        return bytes;
      },
    };
    await expectRefusal(identifyModel([source]), 'model-file/limit', ['67108864']);
    expect(most).toBe(64 * 1024 * 1024);
  });

  it('every one-bit change of a sound file changes the digest or is refused, but for what is left out', async () => {
    const bytes = fakeGguf({ metadata: { 'general.architecture': 'llama', 'llama.x': 1 }, tensors: FAKE_TENSORS.slice(2) });
    const { digest } = await identifyModel([bytesSource('m.gguf', bytes)]);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const version = bit >> 3 >= 4 && bit >> 3 < 8; // versions 2 and 3 are read alike
      const outcome = await identifyModel([bytesSource('m.gguf', changed)]).then(
        (model) => model.digest,
        () => 'refused',
      );
      if (!version) expect(outcome, `bit ${bit}`).not.toBe(digest);
    }
  });

  it('never throws anything but coded errors on noise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        const bytes = concatBytes(utf8('GGUF'), Uint8Array.of(3, 0, 0, 0), noise);
        await identifyModel([bytesSource('m.gguf', bytes)]).catch((error) => expect(error).toHaveProperty('code'));
      }),
      { numRuns: 300 },
    );
  });
});

describe('safetensors', () => {
  const tensors = {
    b: { dtype: 'F32', shape: [2], bytes: pattern(8, 1) },
    a: { dtype: 'BF16', shape: [2, 1], bytes: pattern(4, 2) },
  };
  const file = (name = 'model.safetensors'): ByteSource => bytesSource(name, fakeSafetensors(tensors));
  const folder = (): readonly ByteSource[] => [
    file(),
    json('config.json', { architectures: ['LlamaForCausalLM'], hidden_size: 2, _name_or_path: 'x', transformers_version: '4' }),
    json('tokenizer.json', { model: {} }),
    json('tokenizer_config.json', { chat_template: '{{ messages }}', eos_token: '</s>' }),
    bytesSource('README.md', utf8('# hello')),
  ];

  it('a folder has weights, architecture, tokenizer and template; other files are named', async () => {
    const { identity, uncovered } = await identifyModel(folder());
    expect(identity).toMatchObject({
      container: 'safetensors',
      architecture: { name: 'LlamaForCausalLM' },
      tensors: { count: 2, bytes: 12 },
    });
    expect([identity.tokenizer, identity.chat_template].every((part) => /^[0-9a-f]{64}$/.test(part ?? ''))).toBe(true);
    expect(uncovered).toEqual(['README.md']);
  });

  it('a file alone has weights only', async () => {
    expect((await identifyModel([file()])).identity).toMatchObject({
      tokenizer: null,
      chat_template: null,
      architecture: { name: 'unknown' },
    });
  });

  it.each<[string, (sources: readonly ByteSource[]) => readonly ByteSource[], string | null]>([
    ['the order of files', (all) => all.toReversed(), null],
    [
      'another version of the library',
      (all) => replaced(all, json('config.json', { architectures: ['LlamaForCausalLM'], hidden_size: 2 })),
      null,
    ],
    [
      'another size',
      (all) => replaced(all, json('config.json', { architectures: ['LlamaForCausalLM'], hidden_size: 3 })),
      'architecture',
    ],
    ['a program next to the weights', (all) => [...all, bytesSource('modeling.py', utf8('import os'))], 'architecture'],
    ['a proposed temperature', (all) => [...all, json('generation_config.json', { temperature: 2 })], 'architecture'],
    ['another tokenizer', (all) => replaced(all, json('tokenizer.json', { model: 1 })), 'tokenizer'],
    [
      'another end token',
      (all) => replaced(all, json('tokenizer_config.json', { chat_template: '{{ messages }}', eos_token: 'x' })),
      'tokenizer',
    ],
    [
      'another template',
      (all) => replaced(all, json('tokenizer_config.json', { chat_template: 'x', eos_token: '</s>' })),
      'chat_template',
    ],
    ['a template in a file of its own', (all) => [...all, bytesSource('chat_template.jinja', utf8('y'))], 'chat_template'],
  ])('%s', async (_, change, member) => {
    const [before, after] = [await identifyModel(folder()), await identifyModel(change(folder()))];
    const differing = Object.keys(before.identity).filter(
      (name) => JSON.stringify(Reflect.get(before.identity, name)) !== JSON.stringify(Reflect.get(after.identity, name)),
    );
    expect(differing).toEqual(member === null ? [] : [member]);
  });

  it('does not depend on how a model is split, and holds files to their index', async () => {
    const { a, b } = tensors;
    const parts = [bytesSource('1.safetensors', fakeSafetensors({ a })), bytesSource('2.safetensors', fakeSafetensors({ b }))];
    const index = (map: object): ByteSource => json('model.safetensors.index.json', { metadata: {}, weight_map: map });
    const whole = await identifyModel([file()]);
    expect((await identifyModel([...parts, index({ a: '1.safetensors', b: '2.safetensors' })])).digest).toBe(whole.digest);
    await expectRefusal(identifyModel([...parts, index({ a: '2.safetensors', b: '2.safetensors' })]), 'model-file/malformed', [
      '1.safetensors',
    ]);
    await expectRefusal(
      identifyModel([...parts.slice(1), index({ a: '1.safetensors', b: '2.safetensors' })]),
      'model-file/incomplete',
      ['"a"'],
    );
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(3), 'model-file/malformed'],
    ['a header of 2^40 bytes', Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0), 'model-file/limit'],
    ['a cut header', fakeSafetensors(tensors).subarray(0, 40), 'model-file/malformed'],
    ['a cut file', fakeSafetensors(tensors).subarray(0, -1), 'model-file/malformed'],
    ['bytes behind the data', fakeSafetensors(tensors, { tail: Uint8Array.of(0) }), 'model-file/malformed'],
    ['no JSON', fakeSafetensors(tensors, { header: 'x' }), 'model-file/malformed'],
    ['an unknown type', fakeSafetensors({ a: { dtype: 'F7', shape: [1], bytes: pattern(4, 1) } }), 'model-file/unsupported'],
    [
      'a shape that does not fit',
      fakeSafetensors({ a: { dtype: 'F32', shape: [3], bytes: pattern(8, 1) } }),
      'model-file/malformed',
    ],
    [
      'a gap',
      fakeSafetensors(tensors, { header: { a: { dtype: 'F32', shape: [1], data_offsets: [8, 12] } } }),
      'model-file/malformed',
    ],
    [
      'an overlap',
      fakeSafetensors(tensors, {
        header: {
          a: { dtype: 'F32', shape: [3], data_offsets: [0, 12] },
          b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        },
      }),
      'model-file/malformed',
    ],
    [
      'offsets that run backwards',
      fakeSafetensors(tensors, { header: { a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } } }),
      'model-file/malformed',
    ],
  ])('%s is refused', async (_, bytes, code) => {
    await expectRefusal(identifyModel([bytesSource('model.safetensors', bytes)]), code, ['expected']);
  });

  it('nothing to read is said', async () => {
    await expectRefusal(identifyModel([bytesSource('README.md', utf8('hello'))]), 'model-file/malformed', [
      'GGUF or safetensors',
      'README.md',
    ]);
    await expectRefusal(identifyModel([]), 'model-file/malformed', ['got none']);
    await expectRefusal(identifyModel([file(), gguf()]), 'model-file/malformed', ['side by side']);
    await expectRefusal(identifyModel([file(), json('config.json', [])]), 'model-file/malformed', ['config.json']);
  });
});

describe('the files', () => {
  it('that shrink while they are read are refused', async () => {
    const bytes = fakeGguf();
    let reads = 0;
    const source: ByteSource = {
      name: 'm.gguf',
      size: bytes.length,
      read: async (offset, length) => bytes.subarray(offset, offset + (++reads > 2 ? length - 1 : length)),
    };
    await expectRefusal(identifyModel([source]), 'model-file/malformed', ['changed while it was read']);
  });

  it('are hashed with the function given', async () => {
    let made = 0;
    const { newHasher } = {
      newHasher: () => ({
        update: () => undefined,
        digest: () => {
          made += 1;
          return new Uint8Array(32);
        },
      }),
    };
    const { tensors, identity } = await identifyModel([gguf()], { newHasher });
    // Three tensors, and the sections of architecture, tokenizer and chat template.
    expect([made, tensors[0]?.digest, identity.tokenizer]).toEqual([6, '00'.repeat(32), '00'.repeat(32)]);
  });

  it('knows the sizes of all types', () => {
    expect([...GGML_TYPES.values()].every(({ block, bytes }) => bytes / block <= 8)).toBe(true);
    expect(new Set([...GGML_TYPES.values()].map(({ name }) => name)).size).toBe(GGML_TYPES.size);
  });
});

function replaced(all: readonly ByteSource[], source: ByteSource): readonly ByteSource[] {
  return all.map((each) => (each.name === source.name ? source : each));
}
